package verify

import (
	"fmt"
	"slices"
	"time"

	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
)

// request is what the history says about one key.
type request struct {
	Name    string
	Mode    rwlock.Mode
	weight  int // of mode Slot: how many permits
	permits int // of mode Slot: how many the semaphore has
	lease   int64
	created int64
	own     int64 // of the writer of an upgrade: the created of the reader that was upgraded
	held    int64 // the revision at which the last of its blockers was gone, or 0
	gone    int64 // the revision that deleted it, or 0

	// When the recorder was notified of these.
	createdAt, heldAt, goneAt time.Duration

	noted bool // a client says that it was granted
}

// place identifies a request as clients know it.
type place struct {
	lock  string
	mode  rwlock.Mode
	token int64
}

func (r *request) place() place { return place{lock: r.Name, mode: r.Mode, token: r.created} }

// fold is etcd's history by request: when each was created, held and gone.
type fold struct {
	upgrades map[place]int64 // from a writer's place to the token of the reader that was upgraded
	requests map[place]*request
	byKey    map[string]*request
	queues   map[string][]*request // by name, in the order of the queue
	all      map[string][]*request // by name, including those that are gone
	together map[int64][]*request  // by revision, those that were requested in one transaction
	there    map[string]Change     // from the keys that exist to their puts
	wrong    []string
}

// newFold folds a history. upgrades says which writers do not wait for which reader,
// because they are an upgrade of it: the keys alone do not say so. exclusive is
// Options.Exclusive.
func newFold(h History, upgrades map[place]int64, exclusive bool) *fold {
	f := &fold{
		upgrades: upgrades,
		requests: map[place]*request{},
		byKey:    map[string]*request{},
		queues:   map[string][]*request{},
		all:      map[string][]*request{},
		together: map[int64][]*request{},
		there:    map[string]Change{},
	}
	f.step(h.Before, h.Since)
	since := h.Since
	for changes := h.Changes; len(changes) > 0; {
		rev := changes[0].Revision
		if rev <= since || exclusive && rev != since+1 {
			f.violation("revision %d comes after %d: the history has a gap", rev, since)
		}
		n := slices.IndexFunc(changes, func(c Change) bool { return c.Revision != rev })
		if n < 0 {
			n = len(changes)
		}
		f.step(changes[:n], rev)
		changes, since = changes[n:], rev
	}
	return f
}

func (f *fold) violation(format string, args ...any) {
	f.wrong = append(f.wrong, fmt.Sprintf(format, args...))
}

// step applies the changes of one revision.
func (f *fold) step(changes []Change, rev int64) {
	touched := map[string]bool{}
	for _, c := range changes {
		put := c
		if c.Put {
			f.there[c.Key] = c
		} else { // the event of a delete has only the key
			put = f.there[c.Key]
			delete(f.there, c.Key)
		}
		if key, ok := requestKey(c.Key, put); ok && !keyspace.NamesLease(c.Key, put.Lease) {
			f.apply(c, key)
			touched[key.Name] = true
		}
	}
	for name := range touched {
		f.grant(name, rev, changes[0].At)
	}
}

// requestKey parses the key of a request, by the put that wrote it. It reports false for
// another key.
func requestKey(key string, put Change) (keyspace.Key, bool) {
	if k, ok := keyspace.ParseSlot(key); ok {
		return k, put.Permits > 0
	}
	return keyspace.ParseRWLock(key)
}

// apply applies one change.
func (f *fold) apply(c Change, key keyspace.Key) {
	r := f.byKey[c.Key]
	switch {
	case c.Put && (r != nil && r.gone == 0 || c.Create != c.Revision):
		f.violation("revision %d: %q was written twice", c.Revision, c.Key)
	case c.Put:
		r = &request{Name: key.Name, Mode: rwlock.Mode(key.Mode), weight: c.Weight, permits: c.Permits, lease: c.Lease, created: c.Revision, createdAt: c.At}
		r.own = f.upgrades[r.place()]
		f.byKey[c.Key] = r
		f.requests[r.place()] = r
		f.together[r.created] = append(f.together[r.created], r)
		f.queues[key.Name] = append(f.queues[key.Name], r)
		f.all[key.Name] = append(f.all[key.Name], r)
	case r == nil || r.gone != 0:
		f.violation("revision %d: %q was deleted but did not exist", c.Revision, c.Key)
	default:
		r.gone, r.goneAt = c.Revision, c.At
		f.queues[key.Name] = slices.DeleteFunc(f.queues[key.Name], func(q *request) bool { return q == r })
	}
}

// grant marks as held all requests of a lock that nothing blocks any more.
func (f *fold) grant(name string, rev int64, at time.Duration) {
	queue := f.queues[name]
	var all taken
	for _, r := range queue {
		if r.Mode == rwlock.Slot {
			if all = all.with(r.use()); !all.fit() {
				continue // and no later one fits
			}
		}
		if r.held == 0 && !slices.ContainsFunc(queue, func(q *request) bool { return q.blocks(r) }) {
			r.held, r.heldAt = rev, at
		}
	}
}

// blocks reports whether r has to wait for q: an earlier writer, or, if r is a writer,
// an earlier reader that it is no upgrade of. Of a semaphore, that is an earlier request that
// cannot be granted together with r; others can block it too, together.
func (q *request) blocks(r *request) bool {
	return q.created < r.created && excludes(q.use(), r.use()) &&
		(q.Mode == rwlock.Write || q.created != r.own)
}

// ahead returns a request that blocked r until r was gone, or nil.
func (f *fold) ahead(r *request) *request {
	for _, q := range f.all[r.Name] {
		if (q.blocks(r) || q.Mode == rwlock.Slot && r.Mode == rwlock.Slot && q.created < r.created) && (q.gone == 0 || r.gone != 0 && q.gone >= r.gone) {
			return q
		}
	}
	return nil
}
