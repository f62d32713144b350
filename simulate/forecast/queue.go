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

// excludes reports whether two requests for a lock cannot both be granted, even if there were
// no others.
func excludes(a, b rwlock.LockRequest) bool {
	if a.Mode == rwlock.Slot {
		return !taken{}.with(a).with(b).fit()
	}
	return a.Mode == rwlock.Write || b.Mode == rwlock.Write
}

// taken is the permits that requests for a semaphore take together. The smallest number of
// permits that any of them says counts for all. The zero value is that of no requests.
type taken struct{ weight, permits int }

// with returns the permits taken with one request more.
func (t taken) with(l rwlock.LockRequest) taken {
	if t.permits == 0 || l.Permits < t.permits {
		t.permits = l.Permits
	}
	t.weight += l.Weight
	return t
}

// fit reports whether so many permits can be taken at once.
func (t taken) fit() bool { return t.weight <= t.permits }

// isBlocked reports whether e has to wait for entries of its queue: those ahead of it, or all
// if it is not in the queue yet.
func (q *queue) isBlocked(e *entry) bool {
	all := taken{}.with(e.LockRequest)
	for _, other := range q.entries {
		if other == e {
			break
		}
		if e.Mode == rwlock.Slot {
			all = all.with(other.LockRequest)
		} else if excludes(other.LockRequest, e.LockRequest) {
			return true
		}
	}
	return e.Mode == rwlock.Slot && !all.fit()
}

// blockers returns the entries that e waits for: those ahead of it that exclude it, and all
// that are ahead of it in the queue of a semaphore, where some of them have to go.
func (q *queue) blockers(e *entry) []*entry {
	var all []*entry
	if e.Mode == rwlock.Slot && !q.isBlocked(e) {
		return nil
	}
	for _, other := range q.entries {
		if other.request == e.request {
			break
		}
		if e.Mode == rwlock.Slot || excludes(other.LockRequest, e.LockRequest) {
			all = append(all, other)
		}
	}
	return all
}

// isBlocked reports whether r, which is in its queues, has to wait.
func (w *world) isBlocked(r *request) bool {
	return slices.ContainsFunc(r.entries, func(e *entry) bool { return w.lock(e.Name).isBlocked(e) })
}

// mustWait reports whether a request that arrives now has to wait.
func (w *world) mustWait(r *request) bool {
	for _, e := range r.entries {
		q := w.lock(e.Name)
		switch {
		case e.Mode == rwlock.Slot && q.isBlocked(e), q.writers > 0, e.Mode == rwlock.Write && len(q.entries) > 0:
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
	var all taken
	for i, e := range w.lock(name).entries {
		if e.Mode == rwlock.Write && i > 0 {
			return
		}
		if all = all.with(e.LockRequest); e.Mode == rwlock.Slot && !all.fit() {
			return
		}
		if r := e.request; !r.first && (len(r.entries) == 1 || !w.isBlocked(r)) {
			r.grant()
		}
		if e.Mode == rwlock.Write {
			return
		}
	}
}
