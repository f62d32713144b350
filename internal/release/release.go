// Package release ends the requests of other clients: the only thing that
// etcd-lock does to locks that are not its own. It first makes a plan, which
// says all that would go, and then carries out that plan or nothing.
package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/once"
)

var (
	// ErrChanged says that what was planned is no longer what would happen. Nothing
	// was done.
	ErrChanged = errors.New("release: it has changed since it was shown, so nothing was done")
	// ErrGone says that there is nothing to release.
	ErrGone = errors.New("release: nothing to release")
	// ErrNoRequest is returned for a key that is no request for a lock.
	ErrNoRequest = errors.New("release: not the key of a lock request")
	// ErrTooMany is returned for a session with more keys than fit into one
	// transaction.
	ErrTooMany = errors.New("release: the session has too many keys to end it in one transaction")
	// ErrStillUsed says that the keys of a plan are gone, but not their session,
	// because it has others by now.
	ErrStillUsed = errors.New("release: the session has made new requests meanwhile, so it was not ended")
)

// maxKeys is how many operations etcd takes in a transaction unless told
// otherwise.
const maxKeys = 128

// Plan is what would go, as it was when it was made.
type Plan struct {
	Lease    int64             // the session that would end; 0 when one request would go
	Revision int64             // of etcd when this was so
	Gone     []inspect.Request // requests that would go
	Others   []string          // keys of the session that are no requests and would go too
	Granted  []inspect.Request // waiters that would hold their lock then

	keys    []shown
	blocker *shown // of a waiter: while it is there, the waiter is one
}

// shown is a key as it was when the plan was made: it is still so as long as
// nobody has written or deleted it.
type shown struct {
	key      string
	modified int64
}

// Planner makes plans and carries them out.
type Planner struct {
	client *clientv3.Client
	source *inspect.Source
}

// NewPlanner returns a planner over client.
func NewPlanner(client *clientv3.Client) *Planner {
	return &Planner{client: client, source: inspect.NewSource(client)}
}

// Request plans to remove one request, by its key.
func (p *Planner) Request(ctx context.Context, key string) (Plan, error) {
	got, err := p.client.Get(ctx, key)
	if err != nil {
		return Plan{}, fmt.Errorf("release: %w", err)
	}
	if len(got.Kvs) == 0 {
		return Plan{}, fmt.Errorf("%w: no key %q", ErrGone, key)
	}
	parsed, ok := keyspace.Parse(key, got.Kvs[0].Lease)
	if !ok {
		return Plan{}, fmt.Errorf("%w: %q", ErrNoRequest, key)
	}
	plan := Plan{}
	if err := p.preview(ctx, &plan, parsed.Name, []string{key}); err != nil {
		return Plan{}, err
	}
	if len(plan.Gone) == 0 {
		return Plan{}, fmt.Errorf("%w: no key %q", ErrGone, key)
	}
	return plan, nil
}

// Session plans to end a session: to revoke its lease, and with it all of its
// keys, under whatever name.
func (p *Planner) Session(ctx context.Context, lease int64) (Plan, error) {
	keys, revision, err := p.attached(ctx, lease)
	if err != nil {
		return Plan{}, err
	}
	if len(keys) > maxKeys {
		return Plan{}, fmt.Errorf("%w: it has %d; etcdctl lease revoke %x does it without looking", ErrTooMany, len(keys), lease)
	}
	plan := Plan{Lease: lease, Revision: revision}
	var names []string
	for _, key := range keys {
		if parsed, ok := keyspace.Parse(key, lease); ok {
			if !slices.Contains(names, parsed.Name) {
				names = append(names, parsed.Name)
			}
			continue
		}
		if err := p.other(ctx, &plan, key, lease); err != nil {
			return Plan{}, err
		}
	}
	for _, name := range names {
		if err := p.preview(ctx, &plan, name, keys); err != nil {
			return Plan{}, err
		}
	}
	return plan, nil
}

// attached are the keys of a lease, and the revision at which they were.
func (p *Planner) attached(ctx context.Context, lease int64) (keys []string, revision int64, err error) {
	resp, err := p.client.TimeToLive(ctx, clientv3.LeaseID(lease), clientv3.WithAttachedKeys())
	if err != nil {
		return nil, 0, fmt.Errorf("release: the keys of lease %x: %w", lease, err)
	}
	if resp.TTL < 0 {
		return nil, 0, fmt.Errorf("%w: no lease %x", ErrGone, lease)
	}
	keys = make([]string, 0, len(resp.Keys))
	for _, k := range resp.Keys {
		keys = append(keys, string(k))
	}
	slices.Sort(keys)
	return keys, resp.Revision, nil
}

// other adds a key that is no request to the plan.
func (p *Planner) other(ctx context.Context, plan *Plan, key string, lease int64) error {
	got, err := p.client.Get(ctx, key, clientv3.WithKeysOnly())
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if len(got.Kvs) == 0 {
		return fmt.Errorf("%w: the keys of lease %x are changing", ErrChanged, lease)
	}
	plan.Revision = max(plan.Revision, got.Header.Revision)
	plan.Others = append(plan.Others, key)
	plan.keys = append(plan.keys, shown{key, got.Kvs[0].ModRevision})
	return nil
}

// preview adds to the plan those of keys that are requests for name, and who
// would hold it without them.
func (p *Planner) preview(ctx context.Context, plan *Plan, name string, keys []string) error {
	snapshot, err := p.source.Snapshot(ctx, name+"/")
	if err != nil {
		return err
	}
	locks := slices.DeleteFunc(slices.Clone(snapshot.Locks), func(l inspect.Lock) bool { return l.ID.Name != name })
	snapshot.Locks = locks
	without := snapshot.Without(keys...)
	plan.Revision = max(plan.Revision, snapshot.Revision)
	plan.Gone = append(plan.Gone, without.Gone...)
	plan.Granted = append(plan.Granted, without.Granted...)
	for _, r := range without.Gone {
		plan.keys = append(plan.keys, shown{r.Key, r.Modified})
	}
	if plan.Lease == 0 && len(without.Gone) == 1 {
		plan.blocker = lastBlocker(snapshot, without.Gone[0])
	}
	return nil
}

// lastBlocker is the last of those that a waiter waits for, who is the likeliest
// to be there for longest; nil for a holder.
func lastBlocker(s inspect.Snapshot, r inspect.Request) *shown {
	lock, _ := s.Find(r.Lock)
	i := slices.IndexFunc(lock.Queue, func(q inspect.Request) bool { return q.Key == r.Key })
	if i < 0 || r.Holding {
		return nil
	}
	blockers := lock.Blockers(i)
	last := blockers[len(blockers)-1]
	return &shown{last.Key, last.Modified}
}

// Carry carries the plan out in one transaction, if all that it was made of is
// still so; otherwise it returns ErrChanged with the reason. It returns the
// revision at which the requests went.
//
// The lease of a session is revoked after its keys have gone, so that its client
// learns of it and nothing else goes with it: a session that has made new
// requests meanwhile is left alone, with ErrStillUsed.
func (p *Planner) Carry(ctx context.Context, plan Plan) (revision int64, err error) {
	var conditions []clientv3.Cmp
	var deletes, looks []clientv3.Op
	for _, s := range plan.guards() {
		conditions = append(conditions, clientv3.Compare(clientv3.ModRevision(s.key), "=", s.modified))
		looks = append(looks, clientv3.OpGet(s.key, clientv3.WithKeysOnly()))
	}
	for _, s := range plan.keys {
		deletes = append(deletes, clientv3.OpDelete(s.key))
	}
	resp, unsure, err := p.commit(ctx, func(txn clientv3.Txn) clientv3.Txn {
		return txn.If(conditions...).Then(deletes...).Else(looks...)
	})
	if err != nil {
		return 0, fmt.Errorf("release: %w", err)
	}
	if done := unsure && plan.done(resp); !resp.Succeeded && !done {
		return 0, fmt.Errorf("%w: %s", ErrChanged, plan.changed(resp))
	}
	if plan.Lease != 0 {
		err = p.revoke(ctx, plan.Lease)
	}
	return resp.Header.Revision, err
}

// attempts is how often a release is tried whose reply gets lost.
const attempts = 3

// commit sends a transaction until etcd has answered. Unsure says that an earlier
// reply was lost, so that the transaction may have been carried out before.
func (p *Planner) commit(ctx context.Context, with func(clientv3.Txn) clientv3.Txn) (resp *clientv3.TxnResponse, unsure bool, err error) {
	for range attempts {
		resp, err = with(once.KV(p.client).Txn(ctx)).Commit()
		code := status.Code(err)
		if ctx.Err() != nil || code != codes.DeadlineExceeded && code != codes.Canceled {
			return resp, unsure, err
		}
		unsure = true
	}
	return nil, unsure, fmt.Errorf("it may have been done or not, no reply came: %w", err)
}

// done reports whether all keys of the plan are gone as they were shown.
func (plan Plan) done(resp *clientv3.TxnResponse) bool {
	for i, s := range plan.keys {
		kvs := resp.Responses[i].GetResponseRange().Kvs
		if len(kvs) > 0 && kvs[0].CreateRevision <= s.modified {
			return false
		}
	}
	return true
}

func (plan Plan) guards() []shown {
	if plan.blocker == nil {
		return plan.keys
	}
	return append(slices.Clone(plan.keys), *plan.blocker)
}

// changed says which of the plan's conditions does not hold.
func (plan Plan) changed(resp *clientv3.TxnResponse) string {
	for i, s := range plan.guards() {
		kvs := resp.Responses[i].GetResponseRange().Kvs
		ahead := plan.blocker != nil && i == len(plan.keys)
		switch {
		case len(kvs) == 0 && ahead:
			return fmt.Sprintf("%q, for which it waited, is gone", s.key)
		case len(kvs) == 0:
			return fmt.Sprintf("%q is gone", s.key)
		case kvs[0].CreateRevision > s.modified:
			return fmt.Sprintf("%q is a new request by now, of revision %d", s.key, kvs[0].CreateRevision)
		case kvs[0].ModRevision != s.modified:
			return fmt.Sprintf("%q was written again at revision %d", s.key, kvs[0].ModRevision)
		}
	}
	return "revision " + strconv.FormatInt(resp.Header.Revision, 10) // not reached: etcd said that one differs
}

func (p *Planner) revoke(ctx context.Context, lease int64) error {
	left, _, err := p.attached(ctx, lease)
	switch {
	case errors.Is(err, ErrGone): // its client was faster
		return nil
	case err != nil:
		return err
	case len(left) > 0:
		return fmt.Errorf("%w: it has %q", ErrStillUsed, left)
	}
	if _, err := p.client.Revoke(ctx, clientv3.LeaseID(lease)); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return fmt.Errorf("release: the requests are gone, but not lease %x: %w", lease, err)
	}
	return nil
}
