package diagnose

import (
	"testing"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/locktest"
)

// TestDeadlockLaw: exactly those never get all that they wait for who are in a deadlock or
// behind one. Who never does is found without a graph: whoever waits for nobody ends, until
// all who are left wait.
func TestDeadlockLaw(t *testing.T) { locktest.EachRandom(t, checkDeadlocks) }

func checkDeadlocks(t *testing.T, s inspect.Snapshot) {
	t.Helper()
	s = withoutNesting(s)
	stuck := neverDone(s)
	e, p := newExaminer(s, nil, DefaultThresholds, locktest.Epoch, false), plainGraph(s)
	found := map[inspect.SessionID]bool{}
	for _, d := range e.deadlocks {
		for _, v := range d.component {
			found[e.sessions[v].ID] = true
			for w := range p {
				found[w] = found[w] || p.distances(w)[e.sessions[v].ID] > 0
			}
		}
	}
	for id := range p {
		if stuck[id] != found[id] {
			t.Fatalf("%s waits for ever: %v, but in a deadlock or behind one: %v", id, stuck[id], found[id])
		}
	}
}

// withoutNesting returns a snapshot in which no client reports what it runs under: that
// matters only while a lock is held, so that others who end can add to what is waited for.
func withoutNesting(s inspect.Snapshot) inspect.Snapshot {
	for _, l := range s.Locks {
		for _, requests := range [][]inspect.Request{l.Queue, l.Others} {
			for i := range requests {
				locktest.ChangeOwner(&requests[i], func(o *keyspace.Owner) { o.Under = "" })
			}
		}
	}
	return s
}

// neverDone returns the sessions that are left when whoever waits for nobody has ended, one
// after the other.
func neverDone(s inspect.Snapshot) map[inspect.SessionID]bool {
	for {
		left, ended := map[inspect.SessionID]bool{}, []inspect.Request(nil)
		for id, waitsFor := range plainGraph(s) {
			left[id] = true
			if len(waitsFor) == 0 && ended == nil {
				ended = requestsOf(s, id)
			}
		}
		if ended == nil {
			return left
		}
		s = locktest.Removed(s, inspect.Pointers(ended))
	}
}

// requestsOf returns the requests of a session, and its other keys.
func requestsOf(s inspect.Snapshot, id inspect.SessionID) []inspect.Request {
	var all []inspect.Request
	for _, l := range s.Locks {
		for _, r := range append(l.Queue[:len(l.Queue):len(l.Queue)], l.Others...) {
			if r.Session() == id {
				all = append(all, r)
			}
		}
	}
	return all
}
