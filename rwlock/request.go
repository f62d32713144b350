package rwlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// entry is one key of a request, in the queue of one lock.
type entry struct {
	name  string
	mode  Mode
	key   string
	waits bool  // false for an entry that is granted with another one of its request
	rev   int64 // create revision; 0 while unknown
	slot  slot  // of a request for a semaphore

	unread  bool      // the transaction that puts the key does not read the queue
	sentAt  time.Time // when etcd was last asked to put the key; zero if never
	inDoubt bool      // the key may be put late: a reply to a put was lost, or it was sent more than once
}

// request is the entries that are put in one transaction, from before they are
// put until they are deleted. Entries of one transaction have one create revision,
// so they take their places in all their queues at the same instant.
type request struct {
	session  session
	mu       sync.Mutex // guards the entries against readers from outside while the request waits
	entries  []*entry
	owner    keyspace.Owner // which is stored with the keys
	doubted  bool           // a watch of this request was in doubt: only the leader is asked since
	minToken int64          // the token is at least this: the hold had it with more entries
	sent     bool           // since is set
	since    int64          // a revision that the client knew before etcd was first asked to put the keys

	local    bool             // it waits in a local queue first
	onQueued func(queueState) // if not nil, called when other requests are found to be ahead
	waited   bool             // others were ahead
	keeper   *keeper          // or nil
}

// newRequest chooses a request's keys before anything is sent, so that they can
// be deleted whatever happens to the reply.
func newRequest(s session, locks []LockRequest, owner keyspace.Owner) *request {
	r := &request{session: s, owner: owner}
	for _, l := range locks {
		e := r.add(l.Name, l.Mode)
		e.waits, e.slot = true, slot{weight: l.weight(), permits: l.Permits}
	}
	return r
}

// add adds an entry to the request.
func (r *request) add(name string, mode Mode) *entry {
	e := &entry{name: name, mode: mode, key: reserveKey(r.session, name, mode)}
	r.entries = append(r.entries, e)
	return e
}

// acquire enqueues the request and waits until all its locks are held. When it
// returns an error, the caller must withdraw the request.
func (r *request) acquire(ctx context.Context) error {
	queues, err := retry(ctx, func() ([]queueState, error) { return r.enqueue(ctx) })
	if err != nil {
		return err
	}
	if len(r.entries) == 1 {
		_, err := r.await(ctx, r.entries[0], queues[0])
		return err
	}
	return r.awaitAll(ctx, queues)
}

// awaitAll waits for one entry after the other, and after a while also for the loss of any
// of them. It verifies that all keys exist when the last lock is granted, unless there is one
// key only, which is known to.
func (r *request) awaitAll(ctx context.Context, queues []queueState) error {
	if !slices.ContainsFunc(queues, func(s queueState) bool { return !s.isFirst() }) {
		return nil
	}
	l := newLoss(r)
	defer l.stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(ownKeyDelay, func() { l.notify(cancel) })
	defer late.Stop()
	var since int64 // the revision from which all locks are held, if the keys still exist
	for i, e := range r.entries {
		rev, err := r.await(ctx, e, queues[i])
		if err != nil {
			return lossOr(context.Cause(ctx), err)
		}
		since = max(since, rev)
	}
	if len(r.entries) == 1 {
		return nil
	}
	_, err := retry(ctx, func() (struct{}, error) { return struct{}{}, r.verify(ctx, since) })
	return err
}

// lossOr returns cause when it is a loss, and err otherwise.
func lossOr(cause, err error) error {
	if errors.Is(cause, ErrLost) {
		return cause
	}
	return err
}

// enqueue puts the request's keys at the ends of their queues and returns what is
// ahead of each, in one transaction. It does not read a long queue that the client has a
// mirror of. The transaction may have been carried out
// before: the reply to it was lost, or something between here and etcd has sent it
// twice. So existing keys of the request's own are its entries: see takeOver.
func (r *request) enqueue(ctx context.Context) ([]queueState, error) {
	for _, e := range r.entries {
		e.unread = e.waits && r.localWaits().isLong(e.queueID())
	}
	ops := slices.Concat(r.queueOps(maxPredecessors, r.onQueued != nil), r.puts(), r.otherKindOps())
	resp, err := r.send(r.kv().Txn(ctx).If(r.absent()...).
		Then(ops...).
		Else(r.ownKeyOps()...))
	if err != nil {
		return nil, err
	}
	if resp.Succeeded {
		r.setRev(resp.Header.Revision)
		if err := r.otherKind(resp.Responses); err != nil {
			return nil, err
		}
		return r.queueStates(resp, resp.Header.Revision), nil
	}
	rev, ok := r.takeOver(resp.Responses)
	if !ok {
		return nil, errKeyTaken
	}
	r.setRev(rev)
	queues := make([]queueState, len(r.entries))
	for i, e := range r.entries {
		queues[i] = queueState{unread: e.waits, complete: !e.waits, rev: rev} // await reads them
	}
	return queues, nil
}

// send commits a transaction that puts the request's keys, and records whether
// its outcome is in doubt.
func (r *request) send(txn clientv3.Txn) (*clientv3.TxnResponse, error) {
	state := stateOf(r.session.Client())
	if !r.sent {
		r.sent, r.since = true, state.known.Load()
	}
	resp, err := txn.Commit()
	if err == nil {
		state.knows(resp.Header.Revision)
	}
	if isRefused(err) {
		return resp, err
	}
	for _, e := range r.entries {
		e.sentAt = time.Now()
		e.inDoubt = e.inDoubt || err != nil
	}
	return resp, err
}

// inDoubt reports whether a put of the request's keys may arrive late.
func (r *request) inDoubt() bool { return r.entries[0].inDoubt }

// setRev records the revision at which the entries were put.
func (r *request) setRev(rev int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.entries {
		e.rev = rev
	}
}

// queueStates reads the replies to queueOps, for entries created at revision rev.
func (r *request) queueStates(resp *clientv3.TxnResponse, rev int64) []queueState {
	all := make([]queueState, len(r.entries))
	next := 0
	for i, e := range r.entries {
		if e.unread {
			all[i] = queueState{unread: true, rev: resp.Header.Revision}
			continue
		}
		n := len(e.blockingModes())
		all[i] = e.queueState(resp.Responses[next:next+n], rev)
		all[i].rev = resp.Header.Revision
		if r.onQueued != nil {
			all[i].ahead = aheadIn(resp.Responses[next:next+n], e.name)
		}
		next += n
	}
	return all
}

// blockingModes returns the modes of the requests that can block e.
func (e *entry) blockingModes() []Mode {
	switch {
	case !e.waits:
		return nil
	case e.mode == Slot:
		return []Mode{Slot}
	case e.mode == Write:
		return []Mode{Write, Read}
	default:
		return []Mode{Write}
	}
}

// queueOps returns the queueOps of the entries with queues to read.
func (r *request) queueOps(limit int64, owners bool, opts ...clientv3.OpOption) []clientv3.Op {
	var ops []clientv3.Op
	for _, e := range r.entries {
		if !e.unread {
			ops = append(ops, e.queueOps(limit, owners, opts...)...)
		}
	}
	return ops
}

// queueOps reads the last limit of the requests that can block e, or all of them
// if limit is 0. It reads their owners if the caller wants them, and those of requests for a
// semaphore in any case.
func (e *entry) queueOps(limit int64, owners bool, opts ...clientv3.OpOption) []clientv3.Op {
	opts = append(slices.Clone(opts), clientv3.WithPrefix(), clientv3.WithLimit(e.limit(limit)),
		clientv3.WithSort(clientv3.SortByCreateRevision, clientv3.SortDescend))
	if !owners && e.mode != Slot {
		opts = append(opts, clientv3.WithKeysOnly())
	}
	var ops []clientv3.Op
	for _, m := range e.blockingModes() {
		ops = append(ops, clientv3.OpGet(keyspace.Dir(e.name, m.inKeys()), opts...))
	}
	return ops
}

// keyOp reads e's key without its value.
func (e *entry) keyOp(opts ...clientv3.OpOption) clientv3.Op {
	return clientv3.OpGet(e.key, append(opts, clientv3.WithKeysOnly())...)
}

// puts writes the request's keys.
func (r *request) puts() []clientv3.Op {
	var ops []clientv3.Op
	for _, e := range r.entries {
		owner := r.owner
		owner.Weight, owner.Permits = e.slot.weight, e.slot.permits
		ops = append(ops, clientv3.OpPut(e.key, owner.Encode(), clientv3.WithLease(r.session.Lease())))
	}
	return ops
}

// guard is a condition that is true while the entry's key exists.
func (e *entry) guard() clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(e.key), "=", e.rev)
}

// token returns the latest create revision of the entries.
func (r *request) token() int64 {
	token := r.minToken
	for _, e := range r.entries {
		token = max(token, e.rev)
	}
	return token
}

// locks returns the locks requested. A second entry for a name only changes how
// the first can be held.
func (r *request) locks() []LockRequest {
	var locks []LockRequest
	for i, e := range r.entries {
		if i == 0 || e.name != r.entries[i-1].name {
			locks = append(locks, LockRequest{Name: e.name, Mode: e.mode, Weight: e.slot.weight, Permits: e.slot.permits})
		}
	}
	return locks
}

// String names the locks requested, for errors.
func (r *request) String() string {
	return list(r.locks(), LockRequest.text)
}

const (
	maxListed = 3   // locks in an error
	maxQuoted = 120 // bytes of a lock's name in an error
)

// list returns the first of some locks as text, and says how many there are more.
func list[T any](locks []T, text func(T) string) string {
	var words []string
	for i, l := range locks {
		if i == maxListed {
			words = append(words, fmt.Sprintf("%d more", len(locks)-i))
			break
		}
		words = append(words, text(l))
	}
	return strings.Join(words, " and ")
}

// quote returns a lock's name in quotes, without its middle if it is long.
func quote(name string) string {
	if len(name) > maxQuoted {
		start, end := name[:maxQuoted/2], name[len(name)-maxQuoted/2:]
		name = strings.ToValidUTF8(start, "") + "…" + strings.ToValidUTF8(end, "")
	}
	return strconv.Quote(name)
}
