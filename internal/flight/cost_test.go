package flight

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// BenchmarkRecord records locks that are granted and released 5000 times a second, and
// reports the bytes on disk of each event, and what a moment of it costs. Clients either
// use the same keys again, as those of package rwlock do, or never, which takes 16 random
// bytes for two events.
func BenchmarkRecord(b *testing.B) {
	b.Run("keys are used again", func(b *testing.B) { record(b, newBusy(1000, 200, true)) })
	b.Run("new keys", func(b *testing.B) { record(b, newBusy(1000, 200, false)) })
}

func record(b *testing.B, h *busy) {
	b.Helper()
	dir := b.TempDir()
	clock := &testClock{wall: epoch}
	r, err := NewRecorder(dir, Options{Limits: Limits{Keep: 24 * time.Hour, MaxSize: 1 << 40}, now: clock.read})
	if err != nil {
		b.Fatal(err)
	}
	r.Update(h.begin())
	events, updates := 0, 0
	for b.Loop() {
		b.StopTimer()
		u := h.update(clock.wall)
		b.StartTimer()
		events += len(u.Events)
		clock.pass(updateEvery)
		r.Update(u)
		if updates++; updates%20 == 0 {
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
	b.ReportMetric(float64(len(files)-1), "segments")
	began := time.Now()
	recording, err := Open(dir, layout.Builtin())
	if err == nil {
		_, err = recording.At(clock.wall.Add(-time.Second))
	}
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/moment")
	began, replayed := time.Now(), 0
	if err := recording.Replay(func(s Step) error {
		replayed += len(s.Events)
		return nil
	}); err != nil || replayed != events {
		b.Fatalf("%d events replayed, want %d: %v", replayed, events, err)
	}
	b.ReportMetric(float64(events)/time.Since(began).Seconds(), "replayed/s")
}

var dayEvents = flag.Int("day", 5_000, "the number of events of the day of which moments are looked for")

// TestDay looks for moments of a recording of 24 hours.
func TestDay(t *testing.T) {
	t.Parallel()
	r := newRecorder(t, Options{})
	h := newBusy(1000, 200, true)
	r.Update(h.begin())
	pause := 24 * time.Hour / time.Duration(*dayEvents/250)
	for range *dayEvents / 250 {
		u := h.update(r.clock.wall)
		for range 4 {
			r.clock.pass(pause / 4)
		}
		r.Update(u)
		r.Tick()
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	var took []time.Duration
	for range 30 {
		at := epoch.Add(time.Duration(random.Int64N(int64(24 * time.Hour))))
		began := time.Now()
		m, err := r.open().At(at)
		took = append(took, time.Since(began))
		if err != nil || len(m.Doubts) > 0 {
			t.Fatalf("%v: %q, %v", at, m.Doubts, err)
		}
	}
	slices.Sort(took)
	t.Logf("%d events in %d segments, %.1f bytes each: opening it and a moment take %v, at most %v",
		*dayEvents, len(r.folder.all), float64(r.folder.size)/float64(*dayEvents), took[len(took)/2], took[len(took)-1])
}

// updateEvery is how much time updates take.
const updateEvery = 50 * time.Millisecond

// busy makes up the updates of many locks of which one is granted or released in each
// revision.
type busy struct {
	locks    []inspect.Lock
	clients  []inspect.Request
	again    bool // keys are used again
	revision int64
	random   *rand.Rand
}

func newBusy(locks, clients int, again bool) *busy {
	h := &busy{revision: 1, again: again, random: rand.New(rand.NewPCG(1, 2))}
	for i := range locks {
		h.locks = append(h.locks, inspect.Lock{ID: inspect.LockID{Layout: layout.RWLock, Name: fmt.Sprintf("/orders/%06d", i)}})
	}
	for i := range clients {
		h.clients = append(h.clients, inspect.Request{
			Key: uuid.NewString(), Mode: keyspace.Write, Lease: h.random.Int64(), Holding: true, Saw: true, Owned: true,
			Owner: keyspace.Owner{Host: fmt.Sprintf("worker-%d", i%30), PID: h.random.IntN(40000), Program: "orders"}.Ref(),
		})
	}
	return h
}

// begin returns the first update.
func (h *busy) begin() inspect.Update {
	read := inspect.Snapshot{Revision: h.revision}
	return inspect.Update{Snapshot: read, Steps: []inspect.Step{{Revision: h.revision, Read: &read}}}
}

// update returns an update of 250 revisions, a few of which the watch gets at once.
func (h *busy) update(now time.Time) inspect.Update {
	h.locks = slices.Clone(h.locks)
	var u inspect.Update
	at := now
	for range 250 {
		h.revision++
		if h.random.IntN(8) == 0 {
			at = at.Add(time.Duration(h.random.IntN(3000)) * time.Microsecond)
			if last := now.Add(updateEvery); at.After(last) { // it is not seen before it was sent
				at = last
			}
		}
		step, event := h.step(at)
		u.Steps, u.Events = append(u.Steps, step), append(u.Events, event)
	}
	u.Snapshot = h.snapshot()
	return u
}

func (h *busy) step(at time.Time) (inspect.Step, inspect.Event) {
	l := &h.locks[h.random.IntN(len(h.locks))]
	e := inspect.Event{Kind: inspect.EventReleased, Revision: h.revision, Time: at, Session: inspect.LeaseAlive}
	var change inspect.LockStep
	if len(l.Queue) > 0 {
		e.Request, l.Queue = l.Queue[0], nil
		change.Gone = []inspect.Placed{{Request: e.Request}}
	} else {
		r := h.clients[h.random.IntN(len(h.clients))]
		if !h.again {
			r.Key = uuid.NewString()
		}
		r.Key, r.Lock, r.Revision, r.Modified, r.Seen = l.ID.Name+"/write/"+r.Key, l.ID, h.revision, h.revision, at
		r.Owner.Time = at.Add(-time.Duration(h.random.IntN(4000)) * time.Microsecond)
		r.Since = r.Owner.Time
		e.Kind, e.Session, e.Request = inspect.EventGranted, 0, r
		l.Queue, change.Put = []inspect.Request{r}, []inspect.Placed{{Request: r, Joined: true}}
	}
	change.After = inspect.Lock{ID: l.ID}
	return inspect.Step{Revision: h.revision, Time: at, Locks: []inspect.LockStep{change}, Events: 1}, e
}

func (h *busy) snapshot() inspect.Snapshot {
	s := inspect.Snapshot{Revision: h.revision}
	for _, l := range h.locks {
		if len(l.Queue) > 0 {
			s.Locks = append(s.Locks, l)
		}
	}
	return s
}
