package flight

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// BenchmarkRecord records locks that are granted and released 5000 times a second, and
// reports the bytes on disk of each event, and what a moment of it costs.
func BenchmarkRecord(b *testing.B) {
	dir := b.TempDir()
	clock := &testClock{wall: epoch}
	r, err := NewRecorder(dir, Options{Limits: Limits{Keep: time.Hour, MaxSize: 1 << 40}, now: clock.read})
	if err != nil {
		b.Fatal(err)
	}
	h := newBusy(1000)
	events := 0
	for b.Loop() {
		u := h.update(clock.wall)
		events += len(u.Events)
		r.Update(u)
		clock.pass(50 * time.Millisecond)
		if h.revision/250%20 == 0 {
			r.Tick()
		}
	}
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
	var size int64
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		info, _ := f.Info()
		size += info.Size()
	}
	b.ReportMetric(float64(size)/float64(events), "B/event")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(events), "us/event")
	began := time.Now()
	recording, err := Open(dir, layout.Builtin())
	if err == nil {
		_, err = recording.At(clock.wall.Add(-time.Second))
	}
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/moment")
}

// busy makes up the updates of many locks of which one is granted or released in each
// revision.
type busy struct {
	locks    []inspect.Lock
	revision int64
	leases   int64
}

func newBusy(n int) *busy {
	h := &busy{revision: 1}
	for i := range n {
		h.locks = append(h.locks, inspect.Lock{ID: inspect.LockID{Layout: layout.RWLock, Name: fmt.Sprintf("/orders/%06d", i)}})
	}
	return h
}

// update returns an update of 250 revisions.
func (h *busy) update(now time.Time) inspect.Update {
	h.locks = slices.Clone(h.locks)
	var u inspect.Update
	for range 250 {
		h.revision++
		l := &h.locks[int(h.revision*7919)%len(h.locks)]
		e := inspect.Event{Kind: inspect.EventReleased, Revision: h.revision, Time: now, Session: inspect.LeaseAlive}
		if len(l.Queue) > 0 {
			e.Request, l.Queue = l.Queue[0], nil
		} else {
			h.leases += 0x1f3
			e.Kind, e.Request = inspect.EventGranted, inspect.Request{
				Key: fmt.Sprintf("%s/write/%x", l.ID.Name, h.leases*0x9e3779b9), Lock: l.ID, Mode: keyspace.Write, Lease: 0x694d000000000000 + h.leases,
				Revision: h.revision, Modified: h.revision, Holding: true, Since: now, Seen: now, Saw: true, Owned: true,
				Owner: keyspace.Owner{Host: fmt.Sprintf("worker-%d", h.revision%30), PID: int(h.revision % 4000), Program: "orders", Time: now},
			}
			l.Queue = []inspect.Request{e.Request}
		}
		u.Events = append(u.Events, e)
	}
	for _, l := range h.locks {
		if len(l.Queue) > 0 {
			u.Snapshot.Locks = append(u.Snapshot.Locks, l)
		}
	}
	u.Snapshot.Revision = h.revision
	return u
}
