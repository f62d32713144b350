package rwlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// claim is one key of a request: a name that is wanted in a mode.
type claim struct {
	name  string
	mode  Mode
	key   string
	waits bool  // false for a claim that another one of the request waits for
	rev   int64 // create revision; 0 until etcd told

	narrow bool      // a wide watch has not done well
	asked  time.Time // when etcd was last asked to put the key; zero if never
	unsure bool      // the key may be put late: a reply to a put of it was lost, or there was a copy of it
}

// request is the claims that one transaction makes, from before they are asked
// for until they are gone. Claims of one transaction have one create revision,
// so they take their places in all their queues at the same instant.
type request struct {
	session session
	mu      sync.Mutex // held while claims is changed, and by others who read it while the request waits
	claims  []*claim
	value   string
	broken  bool  // a watch was ended by etcd
	floor   int64 // the token is not less: it was so large when the hold was one of more claims

	queued func() // called, if not nil, when others are found to be ahead
}

// newRequest names a request's keys before anything is sent, so that they can
// be removed whatever becomes of the reply.
func newRequest(s session, wants []LockRequest, owner keyspace.Owner) *request {
	r := &request{session: s, value: owner.Encode()}
	for _, w := range wants {
		r.claim(w.Name, w.Mode).waits = true
	}
	return r
}

// claim adds a claim to the request.
func (r *request) claim(name string, mode Mode) *claim {
	c := &claim{name: name, mode: mode, key: takeKey(r.session, name, mode)}
	r.claims = append(r.claims, c)
	return c
}

// acquire returns when all claims are held, or with the error that prevented
// it; then the caller must withdraw the request.
func (r *request) acquire(ctx context.Context) error {
	queues, err := retry(ctx, func() ([]standing, error) { return r.ask(ctx) })
	if err != nil {
		return err
	}
	if len(r.claims) == 1 {
		_, err := r.await(ctx, r.claims[0], queues[0])
		return err
	}
	return r.acquireAll(ctx, queues)
}

// acquireAll waits for one claim after the other, and meanwhile for the loss of
// any.
func (r *request) acquireAll(ctx context.Context, queues []standing) error {
	if !slices.ContainsFunc(queues, func(s standing) bool { return !s.clear() }) {
		return nil
	}
	l := newLoss(r)
	defer l.stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l.then(cancel)
	var held int64 // since when all claims are, if their keys are there
	for i, c := range r.claims {
		since, err := r.await(ctx, c, queues[i])
		if err != nil {
			return firstOf(context.Cause(ctx), err)
		}
		held = max(held, since)
	}
	_, err := retry(ctx, func() (struct{}, error) { return struct{}{}, r.verify(ctx, held) })
	return err
}

// firstOf is cause when that is a loss, else err.
func firstOf(cause, err error) error {
	if errors.Is(cause, ErrLost) {
		return cause
	}
	return err
}

// ask puts the claims at the ends of their queues and returns what is ahead of
// each, in one transaction. The transaction may have been carried out before: the
// reply to it was lost, or something between here and etcd has sent it twice. So
// keys of the request's own that are there already are its claims: see ownKeys.
func (r *request) ask(ctx context.Context) ([]standing, error) {
	resp, err := r.send(r.kv().Txn(ctx).If(r.absent()...).
		Then(append(r.getQueues(tail), r.puts()...)...).
		Else(r.getMine()...))
	if err != nil {
		return nil, err
	}
	if resp.Succeeded {
		r.put(resp.Header.Revision)
		return r.standings(resp, resp.Header.Revision), nil
	}
	rev, ok := r.ownKeys(resp.Responses)
	if !ok {
		return nil, errKeyTaken
	}
	r.put(rev)
	return make([]standing, len(r.claims)), nil // await reads what is ahead
}

// send commits a transaction that puts the claims, and notes what is sure.
func (r *request) send(txn clientv3.Txn) (*clientv3.TxnResponse, error) {
	resp, err := txn.Commit()
	if refused(err) {
		return resp, err
	}
	for _, c := range r.claims {
		c.asked = time.Now()
		c.unsure = c.unsure || err != nil
	}
	return resp, err
}

// unsure reports whether an earlier ask may have come through, or may yet.
func (r *request) unsure() bool { return r.claims[0].unsure }

// put notes that the claims were put at rev.
func (r *request) put(rev int64) {
	for _, c := range r.claims {
		c.rev = rev
	}
}

// standings reads, claim by claim, what is ahead of one made at rev from the
// replies to getQueues.
func (r *request) standings(resp *clientv3.TxnResponse, rev int64) []standing {
	all := make([]standing, len(r.claims))
	next := 0
	for i, c := range r.claims {
		n := len(c.blockingModes())
		all[i] = newStanding(resp.Responses[next:next+n], c.name, rev)
		all[i].rev = resp.Header.Revision
		next += n
	}
	return all
}

// blockingModes are the modes of the requests that can block c.
func (c *claim) blockingModes() []Mode {
	switch {
	case !c.waits:
		return nil
	case c.mode == Write:
		return []Mode{Write, Read}
	default:
		return []Mode{Write}
	}
}

// getQueues is getQueue of each claim.
func (r *request) getQueues(limit int64) []clientv3.Op {
	var ops []clientv3.Op
	for _, c := range r.claims {
		ops = append(ops, c.getQueue(limit)...)
	}
	return ops
}

// getQueue reads the last limit of the requests that can block c, or all of
// them if limit is 0.
func (c *claim) getQueue(limit int64, opts ...clientv3.OpOption) []clientv3.Op {
	opts = append(opts, clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithLimit(limit),
		clientv3.WithSort(clientv3.SortByCreateRevision, clientv3.SortDescend))
	var ops []clientv3.Op
	for _, m := range c.blockingModes() {
		ops = append(ops, clientv3.OpGet(keyspace.Dir(c.name, m.inKeys()), opts...))
	}
	return ops
}

func (c *claim) get(opts ...clientv3.OpOption) clientv3.Op {
	return clientv3.OpGet(c.key, append(opts, clientv3.WithKeysOnly())...)
}

func (r *request) puts() []clientv3.Op {
	var ops []clientv3.Op
	for _, c := range r.claims {
		ops = append(ops, clientv3.OpPut(c.key, r.value, clientv3.WithLease(r.session.Lease())))
	}
	return ops
}

// guard is true in a transaction while the claim is held.
func (c *claim) guard() clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(c.key), "=", c.rev)
}

// token is the latest create revision of the claims.
func (r *request) token() int64 {
	token := r.floor
	for _, c := range r.claims {
		token = max(token, c.rev)
	}
	return token
}

// wants are the locks asked for. A second claim on a name only changes how the
// first can be held.
func (r *request) wants() []LockRequest {
	var wants []LockRequest
	for i, c := range r.claims {
		if i == 0 || c.name != r.claims[i-1].name {
			wants = append(wants, LockRequest{Name: c.name, Mode: c.mode})
		}
	}
	return wants
}

// String names what is asked for, for errors.
func (r *request) String() string {
	var words []string
	for _, w := range r.wants() {
		words = append(words, fmt.Sprintf("%s lock %q", w.Mode, w.Name))
	}
	return strings.Join(words, " and ")
}
