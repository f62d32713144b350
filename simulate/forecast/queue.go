package forecast

import (
	"slices"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
)

// queue is the queue of a lock, in etcd's order.
type queue struct {
	entries []*entry
	writers int
}

// entry is the place of a request in the queue of one lock.
type entry struct {
	rwlock.LockRequest
	*request
}

// request is what one step requested: an entry for each of its locks.
type request struct {
	actor    *actor
	step     plan.Step
	result   *outcome.StepResult
	asked    time.Duration
	entries  []*entry
	revision int64 // its token, once etcd has it
	queued   bool
	first    bool // no entry is ahead of it any more
	held     bool // and the client knows
	over     bool // it was withdrawn, released or lost
}

// lock returns the queue of a lock.
func (w *world) lock(name string) *queue {
	q := w.locks[name]
	if q == nil {
		q = &queue{}
		w.locks[name] = q
	}
	return q
}

// blocks reports whether an entry ahead in the queue blocks one behind it.
func blocks(ahead, behind rwlock.Mode) bool { return ahead == rwlock.Write || behind == rwlock.Write }

// blockers returns the entries that block r.
func (w *world) blockers(r *request) []*entry {
	var all []*entry
	for _, e := range r.entries {
		for _, other := range w.lock(e.Name).entries {
			if other.request == r {
				break
			}
			if blocks(other.Mode, e.Mode) {
				all = append(all, other)
			}
		}
	}
	return all
}

// mustWait reports whether a request that arrives now has to wait.
func (w *world) mustWait(r *request) bool {
	for _, e := range r.entries {
		q := w.lock(e.Name)
		if q.writers > 0 || e.Mode == rwlock.Write && len(q.entries) > 0 {
			return true
		}
	}
	return false
}

// enqueue adds a request to its queues.
func (w *world) enqueue(r *request) {
	w.revision++
	r.revision, r.queued = w.revision, true
	for _, e := range r.entries {
		q := w.lock(e.Name)
		q.entries = append(q.entries, e)
		if e.Mode == rwlock.Write {
			q.writers++
		}
	}
}

// dequeue removes a request from its queues, and grants those that it blocked.
func (w *world) dequeue(r *request) {
	if !r.queued {
		return
	}
	r.queued = false
	for _, e := range r.entries {
		q := w.lock(e.Name)
		i := slices.Index(q.entries, e)
		q.entries = slices.Delete(q.entries, i, i+1)
		if e.Mode == rwlock.Write {
			q.writers--
		}
	}
	for _, e := range r.entries {
		w.grantFirst(e.Name)
	}
}

// grantFirst grants the requests that nothing in the queue of a lock blocks any more.
func (w *world) grantFirst(name string) {
	for i, e := range w.lock(name).entries {
		if e.Mode == rwlock.Write && i > 0 {
			return
		}
		if r := e.request; !r.first && (len(r.entries) == 1 || len(w.blockers(r)) == 0) {
			r.grant()
		}
		if e.Mode == rwlock.Write {
			return
		}
	}
}
