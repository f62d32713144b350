package rwlock

import (
	"cmp"
	"context"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// Ahead is a request that another one waits for.
type Ahead struct {
	Key   string
	Mode  Mode
	Token int64 // its create revision
	Owner Owner // the zero Owner if the client has not stored one
}

// Owner is what a client has stored with its request about itself.
type Owner struct {
	Host    string
	PID     int
	Program string
	Label   string
	Time    time.Time // when the request was made, by the client's clock
}

// Ahead reads the requests that the waiting request has to wait for, in the order of the
// queue: the position in the queue is their number. There are none when the lock is held. It
// may be called while RLock or RWLock waits, and from a hook with EventQueued. It returns
// ErrNotHeld when the lock is neither held nor requested from etcd.
func (m *RWMutex) Ahead(ctx context.Context) ([]Ahead, error) {
	e, ok := m.hold.queuedEntry()
	if !ok {
		return nil, m.hold.notHeld()
	}
	r := &request{session: m.hold.session, entries: []*entry{&e}}
	var ops []clientv3.Op
	for _, mode := range e.blockingModes() {
		ops = append(ops, clientv3.OpGet(keyspace.Dir(e.name, mode.inKeys()), clientv3.WithPrefix(), clientv3.WithMaxCreateRev(e.rev-1)))
	}
	resp, err := m.hold.session.Client().Txn(ctx).Then(append(ops, e.keyOp())...).Commit()
	if err != nil {
		return nil, explain(ctx, m.hold.session, r.String(), err)
	}
	if !e.isIn(resp.Responses[len(ops)]) {
		return nil, named(ErrLost, r.String())
	}
	var all []Ahead
	for _, reply := range resp.Responses[:len(ops)] {
		for _, kv := range reply.GetResponseRange().Kvs {
			if a, ok := newAhead(e.name, kv); ok {
				all = append(all, a)
			}
		}
	}
	slices.SortFunc(all, func(a, b Ahead) int { return cmp.Compare(a.Token, b.Token) })
	return all, nil
}

// newAhead reads a request for the lock name. It reports false for another key.
func newAhead(name string, kv *mvccpb.KeyValue) (Ahead, bool) {
	key, ok := keyspace.ParseRWLock(string(kv.Key))
	if !ok || key.Name != name {
		return Ahead{}, false
	}
	o, _ := keyspace.DecodeOwner(kv.Value)
	return Ahead{
		Key: string(kv.Key), Mode: Mode(key.Mode), Token: kv.CreateRevision,
		Owner: Owner{Host: o.Host, PID: o.PID, Program: o.Program, Label: o.Label, Time: o.Time},
	}, true
}

// queuedEntry returns the first entry of the request that holds the lock or waits for it. It
// reports false when etcd has not put it, as far as is known.
func (h *hold) queuedEntry() (entry, bool) {
	r := h.requested()
	if r == nil {
		return entry{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[0]
	return entry{name: e.name, mode: e.mode, key: e.key, waits: e.waits, rev: e.rev}, e.rev != 0
}
