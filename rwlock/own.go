package rwlock

import (
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/once"
)

// kv returns the client's KV, except that it sends each write only once: what is
// known about a write must not depend on what the client does by itself.
func (r *request) kv() clientv3.KV { return once.KV(r.session.Client()) }

// absent is a condition that is true while none of the request's keys exists. It
// names all of them: a copy that arrives late must not overwrite a key that
// another request uses by then.
func (r *request) absent() []clientv3.Cmp {
	var conds []clientv3.Cmp
	for _, e := range r.entries {
		conds = append(conds, clientv3.Compare(clientv3.CreateRevision(e.key), "=", 0))
	}
	return conds
}

// ownKeyOps reads the request's keys with their leases, which etcd leaves out when
// it is asked for keys only.
func (r *request) ownKeyOps() []clientv3.Op {
	var ops []clientv3.Op
	for _, e := range r.entries {
		ops = append(ops, clientv3.OpGet(e.key))
	}
	return ops
}

// takeOver returns the revision at which the request's keys were put, given the
// replies to ownKeyOps when some of the keys exist already. It reports false when
// they cannot be used; the request has other keys then.
//
// A key with the session's lease is the request's own: its id is of this process,
// and no other request of the process uses it. A key that an earlier request left
// behind, because a copy of its put arrived late, serves as well: it is a place in
// the queue. If the keys that exist are not those of one transaction, the request
// deletes its own and gets keys that no request has used. It does so too if they are from
// before the request: a store that was restored from a backup has keys again that were
// released since, and others were granted the lock then, with larger tokens.
func (r *request) takeOver(replies []*etcdserverpb.ResponseOp) (rev int64, ok bool) {
	own := map[int64]int{} // number of keys by create revision
	for _, reply := range replies {
		if kvs := reply.GetResponseRange().Kvs; len(kvs) > 0 && kvs[0].Lease == int64(r.session.Lease()) {
			rev = kvs[0].CreateRevision
			own[rev]++
		}
	}
	if len(own) > 0 { // the put was sent more than once, and some copies may not have arrived yet
		for _, e := range r.entries {
			e.inDoubt = true
		}
	}
	if own[rev] == len(r.entries) && rev > r.since {
		return rev, true
	}
	if r.inDoubt() {
		r.withdraw()
	}
	r.renameKeys()
	return 0, false
}

// renameKeys replaces the entries by ones with keys that no request has used. The
// old entries are left as they are, because their removal may still be running.
func (r *request) renameKeys() {
	var fresh []*entry
	for _, e := range r.entries {
		next := *e
		next.key, next.rev, next.sentAt, next.inDoubt = newKey(e.name, e.mode), 0, time.Time{}, false
		fresh = append(fresh, &next)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = fresh
}

// firstKey returns the key of the first entry. It may be called while the request
// waits.
func (r *request) firstKey() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.entries[0].key
}

// isOwn is a condition that is true while e's key exists and is e's own: the one
// created at e's revision, so that a copy of a delete that arrives late does not
// hit a later request with the same key. While the put is in doubt, it is any with
// the session's lease.
func (r *request) isOwn(e *entry) clientv3.Cmp {
	if e.inDoubt || e.rev == 0 {
		return clientv3.Compare(clientv3.LeaseValue(e.key), "=", r.session.Lease())
	}
	return e.guard()
}

// isIn reports whether e's key is in the reply to keyOp. A key that was created
// later has a later place in the queue, and is not e's.
func (e *entry) isIn(reply *etcdserverpb.ResponseOp) bool {
	kvs := reply.GetResponseRange().Kvs
	return len(kvs) > 0 && kvs[0].CreateRevision == e.rev
}
