package flight

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
)

var lawEvents = flag.Int("law", 1000, "the number of events of the history that is recorded")

// TestLaw: at each revision of a random history with outages and resyncs, the locks of the
// recording are those that the watch had, and those that etcd has.
func TestLaw(t *testing.T) {
	t.Parallel()
	member := etcdtest.Start(t)
	h := &history{
		t: t, client: etcdtest.Client(t, member), link: newLink(t, member), seen: map[int64]inspect.Snapshot{},
		recorderT: newRecorder(t, Options{now: systemClock()}), checked: map[int64]bool{},
	}
	h.source = inspect.NewSource(h.client)
	h.leases = grant(t, h.client)
	ctx, stop := context.WithCancel(t.Context())
	updates := inspect.NewSource(etcdtest.Client(t, h.link.Addr().String())).WatchSteps(ctx, "/")
	var recording sync.WaitGroup
	recording.Go(func() { h.record(updates) })
	parts := 3 + *lawEvents/10_000
	for part := range parts {
		h.write(*lawEvents / parts)
		if part == parts-1 {
			break
		}
		h.check()
		h.link.cut(true)
		h.write(50) // is seen later, or compacted
		if part%2 == 1 {
			h.compact()
		}
		h.until("the outage shows", func() bool { return h.lost != "" })
		h.link.cut(false)
		if part%2 == 1 {
			h.until("etcd is back", func() bool { return h.lost == "" })
		}
	}
	h.check()
	stop()
	recording.Wait()
	sameWhenThinned(t, h.dir)
	t.Logf("%d revisions with %d events were compared, of %d in etcd; %d segments, %d resyncs, %d skipped", len(h.checked), h.events, h.last-h.first, len(h.open().segments), h.resyncs, h.skipped)
	if h.resyncs == 0 || h.skipped > 10 || h.events < *lawEvents/2 { // an outage can hide some
		t.Error("that is too little")
	}
}

// history is a random history that is recorded.
type history struct {
	*recorderT
	t      *testing.T
	client *clientv3.Client
	link   *link
	source *inspect.Source
	leases []clientv3.LeaseID

	mu      sync.Mutex
	seen    map[int64]inspect.Snapshot // as the watch had the locks
	upTo    int64
	events  int
	resyncs int

	first, last int64 // revisions written
	compacted   int64
	checked     map[int64]bool
	skipped     int // that etcd has compacted before they were compared
}

// link is a connection to etcd that can be cut.
type link struct {
	net.Listener
	mu    sync.Mutex
	down  bool
	conns []net.Conn
}

func newLink(t *testing.T, target string) *link {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &link{Listener: l}
	var relays sync.WaitGroup
	relays.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", strings.TrimPrefix(target, "http://"))
			if err != nil || !k.add(near, far) {
				_ = near.Close()
				continue
			}
			relays.Go(func() { _, _ = io.Copy(near, far); _ = near.Close() })
			relays.Go(func() { _, _ = io.Copy(far, near); _ = far.Close() })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		k.cut(true)
		relays.Wait()
	})
	return k
}

// add takes in the ends of a connection, and reports false if the link is cut.
func (k *link) add(ends ...net.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conns = append(k.conns, ends...)
	if k.down {
		k.closeAll()
	}
	return !k.down
}

// cut cuts the link, or mends it.
func (k *link) cut(down bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.down = down; down {
		k.closeAll()
	}
}

func (k *link) closeAll() {
	for _, c := range k.conns {
		_ = c.Close()
	}
	k.conns = nil
}

// record records what the watch sends.
func (h *history) record(updates <-chan inspect.Update) {
	for u := range updates {
		h.mu.Lock()
		h.Update(u)
		h.Tick()
		h.upTo = u.Snapshot.Revision
		if !u.Bare {
			h.seen[h.upTo] = u.Snapshot
		}
		h.events += len(u.Events)
		if u.Resynced.Happened() {
			h.resyncs++
		}
		if rand.IntN(5) == 0 {
			h.began = h.began.Add(-maxSegmentAge) // so that another one begins as soon as it can
		}
		h.mu.Unlock()
	}
}

func (h *history) until(what string, holds func() bool) {
	h.t.Helper()
	etcdtest.Eventually(h.t, what, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return holds()
	})
}

// write makes that many events, about, with several clients at once.
func (h *history) write(events int) {
	var clients sync.WaitGroup
	revisions := make([]int64, 4)
	for i := range revisions {
		clients.Go(func() { revisions[i] = churn(h.t, h.client, h.leases, 3*events/2/len(revisions)) })
	}
	clients.Wait()
	h.last = slices.Max(revisions)
	h.first = cmp.Or(h.first, slices.Min(revisions))
}

func (h *history) compact() {
	if _, err := h.client.Compact(h.t.Context(), h.last); err != nil {
		h.t.Fatal(err)
	}
	h.compacted = h.last
}

// check compares the recording so far, as far as etcd has the history.
func (h *history) check() {
	h.t.Helper()
	h.until("the watch has caught up", func() bool { return h.upTo >= h.last && h.lost == "" })
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Tick()
	recording := h.open()
	random := rand.IntN(97)
	h.pictures(recording, func(p *picture) {
		if h.checked[p.revision] {
			return
		}
		h.checked[p.revision] = true
		got := p.clone().snapshot()
		if watched, ok := h.seen[p.revision]; ok && !reflect.DeepEqual(plain(watched), plain(got)) {
			h.t.Fatalf("revision %d (-watched +recorded):\n%s", p.revision, gocmp.Diff(plain(watched).Locks, plain(got).Locks))
		}
		read, err := h.source.SnapshotAt(h.t.Context(), p.revision, "/")
		if errors.Is(err, inspect.ErrCompacted) && p.revision <= h.compacted {
			h.skipped++
			return
		}
		if changes := inspect.Compare(read, got); err != nil || len(changes) > 0 || read.Other != got.Other {
			h.t.Fatalf("revision %d differs from what etcd has: %v; %d other keys, want %d (-etcd +recorded):\n%s", p.revision, err, got.Other, read.Other, gocmp.Diff(plain(read).Locks, plain(got).Locks))
		}
		if len(h.checked)%97 == random {
			m, err := recording.Rev(p.revision)
			if err != nil || len(m.Doubts) > 0 && !strings.HasPrefix(m.Doubts[0], "etcd did not answer") || !reflect.DeepEqual(plain(m.Snapshot), plain(got)) {
				h.t.Fatalf("revision %d by itself: %v, %q\n%s", p.revision, err, m.Doubts, gocmp.Diff(plain(got).Locks, plain(m.Snapshot).Locks))
			}
		}
	})
	for revision := range h.seen {
		if !h.checked[revision] {
			h.t.Fatalf("revision %d is not in the recording", revision)
		}
	}
	clear(h.seen)
}

// pictures passes on the last picture of each revision of a recording.
func (h *history) pictures(r *Recording, f func(*picture)) {
	h.t.Helper()
	for _, s := range r.segments {
		w := newWalk(layout.Builtin())
		pass := func(next int64) { // the next one, or 0
			if w.picture.revision > 0 && w.incomplete == 0 && next != w.picture.revision {
				f(w.picture)
			}
		}
		err := scan(s.part, func(l Line) error {
			if l.Steps == nil {
				if l.Kind == KindChange {
					pass(l.Revision)
				}
				return w.take(l)
			}
			u, err := newUnbatcher(l.Steps, w.picture)
			for err == nil {
				var more bool
				if more, err = u.more(); !more || err != nil {
					break
				}
				pass(u.revision)
				_, err = u.apply(false)
			}
			if w.picture.revision < l.Revision {
				pass(0)
				w.picture.revision = l.Revision
			}
			return err
		})
		if err != nil {
			h.t.Fatal(err)
		}
		pass(0)
	}
}

// TestStepsAreCheap: most revisions of locks as programs use them fit into batches.
func TestStepsAreCheap(t *testing.T) {
	for _, again := range []bool{true, false} {
		stepsAreCheap(t, newBusy(20, 5, again))
	}
}

func stepsAreCheap(t *testing.T, b *busy) {
	t.Helper()
	r := newRecorder(t, Options{})
	r.Update(b.begin())
	var events []inspect.Event
	for range 4 {
		u := b.update(r.clock.wall)
		events = append(events, u.Events...)
		r.clock.pass(time.Second)
		r.Update(u)
		r.Tick()
	}
	for _, s := range r.open().segments {
		if err := scan(s.part, func(l Line) error {
			if l.Kind == KindChange {
				t.Fatalf("a line of its own: revision %d, %d changes, %s", l.Revision, len(l.Changes), l.Events)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	var replayed []inspect.Event
	if err := r.open().Replay(func(s Step) error {
		replayed = append(replayed, s.Events...)
		return nil
	}); err != nil || !slices.EqualFunc(events, replayed, sameEvent) {
		t.Errorf("%d events were replayed as others: %v", len(events), err)
	}
	m, err := r.open().End()
	if want := b.snapshot(); err != nil || !reflect.DeepEqual(plain(m.Snapshot), plain(want)) {
		t.Errorf("%v\n%s", err, gocmp.Diff(plain(want).Locks, plain(m.Snapshot).Locks))
	}
}

// sameEvent reports whether an event is the same, with its times to the microsecond.
func sameEvent(made, replayed inspect.Event) bool {
	made.Time, made.Request = newTime(made.Time).Time, rounded(made.Request)
	return made == replayed
}
