package rwlock

import (
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/once"
)

// kv is the client's, but for writes that are sent once only: what is known of
// a write must not depend on what the client does by itself.
func (r *request) kv() clientv3.KV { return once.KV(r.session.Client()) }

// absent is true in a transaction while none of the claims' keys is there. It
// names all of them: a copy that comes late must not write over a key that
// another request uses by then.
func (r *request) absent() []clientv3.Cmp {
	var conds []clientv3.Cmp
	for _, c := range r.claims {
		conds = append(conds, clientv3.Compare(clientv3.CreateRevision(c.key), "=", 0))
	}
	return conds
}

// getMine reads the claims' keys with their leases, which etcd leaves out where
// only keys are asked for.
func (r *request) getMine() []clientv3.Op {
	var ops []clientv3.Op
	for _, c := range r.claims {
		ops = append(ops, clientv3.OpGet(c.key))
	}
	return ops
}

// ownKeys returns the revision at which the claims were put, given the replies
// to getMine when not all keys were absent. It reports false when the request has
// other keys now.
//
// A key with the session's lease is the request's own: it has an id of this
// process, and no other request of the process uses it. One that an earlier
// request left behind, because a copy of its put came late, serves as well: it
// is a place in the queue. If keys are there that are not the claims of one
// transaction, the request takes back what is its own and gets keys that nobody
// has used.
func (r *request) ownKeys(replies []*etcdserverpb.ResponseOp) (rev int64, ok bool) {
	own := map[int64]int{} // how many keys, by create revision
	for _, reply := range replies {
		if kvs := reply.GetResponseRange().Kvs; len(kvs) > 0 && kvs[0].Lease == int64(r.session.Lease()) {
			rev = kvs[0].CreateRevision
			own[rev]++
		}
	}
	if len(own) > 0 { // then the put has been sent more than once, and not all copies may have come
		for _, c := range r.claims {
			c.unsure = true
		}
	}
	if own[rev] == len(r.claims) {
		return rev, true
	}
	if r.unsure() {
		r.withdraw()
	}
	r.rename()
	return 0, false
}

// rename gives the request claims with keys that nobody has used. The old ones
// stay as they are, for whoever takes them back.
func (r *request) rename() {
	var fresh []*claim
	for _, c := range r.claims {
		next := *c
		next.key, next.rev, next.asked, next.unsure = newKey(c.name, c.mode), 0, time.Time{}, false
		fresh = append(fresh, &next)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.claims = fresh
}

// firstKey is the key of the first claim, also for others while the request waits.
func (r *request) firstKey() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.claims[0].key
}

// owns is true in a transaction while c's key is there and c's: the one created
// at its revision, so that a copy of a delete that comes late hits no later
// request with the same key. While it is not known what was put when, any with
// the session's lease is.
func (r *request) owns(c *claim) clientv3.Cmp {
	if c.unsure || c.rev == 0 {
		return clientv3.Compare(clientv3.LeaseValue(c.key), "=", r.session.Lease())
	}
	return c.guard()
}

// isThere reports whether the reply to get has c's key, and not a later one of
// the same name, which has a later place in the queue.
func (c *claim) isThere(reply *etcdserverpb.ResponseOp) bool {
	kvs := reply.GetResponseRange().Kvs
	return len(kvs) > 0 && kvs[0].CreateRevision == c.rev
}
