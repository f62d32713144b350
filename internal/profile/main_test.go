package profile

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

var epoch = time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)

// world is locks that clients request and release.
type world struct {
	*rand.Rand
	now      time.Time
	revision int64
	locks    map[inspect.LockID][]inspect.Request
	begun    map[string]time.Time // since when a request holds or waits as it does, by key and Holding
}

func newWorld(seed uint64) *world {
	return &world{
		Rand: rand.New(rand.NewPCG(seed, 1)), now: epoch, revision: 1,
		locks: map[inspect.LockID][]inspect.Request{}, begun: map[string]time.Time{},
	}
}

func lockID(n int) inspect.LockID {
	return inspect.LockID{Layout: layout.RWLock, Name: fmt.Sprintf("/%c/%d", 'a'+n/2, n)}
}

// request has a session request a lock.
func (w *world) request(lock, session, owner int, mode keyspace.Mode) {
	w.revision++
	id := lockID(lock)
	key := fmt.Sprintf("%s/%s/%x-%d", id.Name, mode, session, w.revision)
	w.locks[id] = append(w.locks[id], inspect.Request{
		Key: key, Lock: id, Mode: mode, Lease: int64(session + 1), Revision: w.revision, Modified: w.revision,
		Owned: true, Owner: keyspace.Owner{Program: fmt.Sprintf("program-%c", 'a'+owner), PID: session}.Ref(),
	})
}

// release deletes a request.
func (w *world) release(r inspect.Request) {
	w.revision++
	w.locks[r.Lock] = slices.DeleteFunc(w.locks[r.Lock], func(o inspect.Request) bool { return o.Key == r.Key })
}

// snapshot returns the locks as a watch would.
func (w *world) snapshot() inspect.Snapshot {
	s := inspect.Snapshot{Revision: w.revision}
	begun := map[string]time.Time{}
	for id, queue := range w.locks {
		if len(queue) == 0 {
			continue
		}
		l := inspect.NewLock(id, slices.Clone(queue))
		for i := range l.Queue {
			r := &l.Queue[i]
			of := fmt.Sprint(r.Key, r.Holding)
			if begun[of] = w.begun[of]; begun[of].IsZero() {
				begun[of] = w.now
			}
			r.Seen, r.Saw = begun[of], true
		}
		s.Locks = append(s.Locks, l)
	}
	w.begun = begun
	slices.SortFunc(s.Locks, func(a, b inspect.Lock) int { return a.ID.Compare(b.ID) })
	return s
}

// events returns the events from one snapshot to the next.
func (w *world) events(before, after inspect.Snapshot) []inspect.Event {
	events := inspect.Compare(before, after)
	for i := range events {
		events[i].Time, events[i].Revision = w.now, w.revision
	}
	return events
}

// step has something happen.
func (w *world) step(locks, sessions int) {
	var all []inspect.Request
	for _, queue := range w.locks {
		all = append(all, queue...)
	}
	if len(all) > 0 && (w.IntN(5) < 2 || len(all) > 3*sessions) {
		slices.SortFunc(all, inspect.ByPlace)
		w.release(all[w.IntN(len(all))])
		return
	}
	mode := keyspace.Write
	if w.IntN(3) == 0 {
		mode = keyspace.Read
	}
	session := w.IntN(sessions)
	w.request(w.IntN(locks), session, session%3, mode)
}
