package rwlock

import (
	"cmp"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"etcd-lock/internal/keyspace"
)

// tail is how many of the requests ahead a waiter asks for: the last ones. Of
// more it has no use, and reading them would make each hand-off cost more the
// longer the queue is.
const tail = 8

// place is a request's key and its place in the queue.
type place struct {
	key string
	rev int64 // create revision
}

// standing is what is ahead of a claim at a revision.
type standing struct {
	ahead []place // its blockers, or the last of them, in the order of the queue
	all   bool    // ahead is all of them
	rev   int64
}

// clear reports whether nothing is ahead.
func (s standing) clear() bool { return s.all && len(s.ahead) == 0 }

// newStanding reads the replies to claim.getQueue for a claim on name made at
// rev.
func newStanding(replies []*etcdserverpb.ResponseOp, name string, rev int64) standing {
	s := standing{all: true}
	var kvs []*mvccpb.KeyValue
	for _, reply := range replies {
		r := reply.GetResponseRange()
		kvs = append(kvs, r.Kvs...)
		s.all = s.all && !r.More
	}
	s.ahead = blockers(kvs, name, rev)
	return s
}

// blockers picks from the keys below the directories of name those requests
// that must go before one made at rev, in the order of the queue. Locks nested
// below name share its directories and are passed over.
func blockers(kvs []*mvccpb.KeyValue, name string, rev int64) []place {
	var before []place
	for _, kv := range kvs {
		key, ok := keyspace.ParseRWLock(string(kv.Key))
		if ok && key.Name == name && kv.CreateRevision < rev {
			before = append(before, place{key: string(kv.Key), rev: kv.CreateRevision})
		}
	}
	slices.SortFunc(before, func(a, b place) int { return cmp.Compare(a.rev, b.rev) })
	return before
}

// plan is what a waiter watches.
type plan struct {
	watched []place // blockers
	first   string  // of the range of keys that is watched
	last    string
	proves  bool // the range covers the waiter's own key and all of its blockers
}

// newPlan chooses what to watch of what is ahead, of which there is something.
//
// A short queue is watched whole, and the waiter's own key with it: etcd tells
// one watch its events in the order in which they happened, so that when the
// last blocker goes and the own key has not, the lock is held, and nothing needs
// to be read. Of a longer queue, that would tell every waiter of every hand-off.
// There a waiter watches the last to come, which is the last to go, and then
// reads. So it does if narrow says that a wide range has not done well: it may
// not be allowed, or keys that are none of the lock's may come and go in it.
func newPlan(s standing, mine string, narrow bool) plan {
	if s.all && (!narrow || inOneDir(s.ahead, mine)) {
		p := plan{watched: s.ahead, first: mine, last: mine, proves: true}
		for _, b := range s.ahead {
			p.first, p.last = min(p.first, b.key), max(p.last, b.key)
		}
		return p
	}
	nearest := s.ahead[len(s.ahead)-1:]
	return plan{watched: nearest, first: nearest[0].key, last: nearest[0].key}
}

func inOneDir(places []place, mine string) bool {
	return !slices.ContainsFunc(places, func(p place) bool { return dir(p.key) != dir(mine) })
}

// end is the first key after the plan's range, as etcd's range end.
func (p plan) end() string { return p.last + "\x00" }

// still returns those of places that are in left too.
func still(places, left []place) []place {
	var both []place
	for _, p := range places {
		if slices.Contains(left, p) {
			both = append(both, p)
		}
	}
	return both
}

// without returns places less the one that is gone. What was deleted before a
// place was taken was another request with the same key.
func without(places []place, gone place) []place {
	var others []place
	for _, p := range places {
		if p.key != gone.key || p.rev > gone.rev {
			others = append(others, p)
		}
	}
	return others
}

func dir(key string) string { return key[:strings.LastIndexByte(key, '/')+1] }
