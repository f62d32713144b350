package rwlock

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// claim is one key of a request: a name that is wanted in a mode.
type claim struct {
	name  string
	mode  keyspace.Mode
	key   string
	waits bool  // false for a claim that another one of the request waits for
	rev   int64 // create revision; 0 until etcd told
	alive int64 // a revision at which the key is known to have been there
	clear int64 // a revision from which on no blocker known to be gone was there
}

// request is the claims that one transaction makes, from before they are asked
// for until they are gone. Claims of one transaction have one create revision,
// so they take their places in all their queues at the same instant.
type request struct {
	session session
	claims  []*claim
	value   string

	asked  time.Time // when etcd was last asked for the keys; zero if never
	unsure bool      // a reply to that was lost
}

// newRequest names a request's keys before anything is sent, so that they can
// be removed whatever becomes of the reply. Version 7 ids are random and yet
// grow with time, which puts neighbours in the queue near each other in the
// keyspace: a waiter can watch them and itself with one narrow range.
func newRequest(s session, wants []Want, owner keyspace.Owner) *request {
	r := &request{session: s, value: owner.Encode()}
	for _, w := range wants {
		r.claim(w.Name, w.Mode).waits = true
	}
	return r
}

// claim adds a claim to the request.
func (r *request) claim(name string, mode keyspace.Mode) *claim {
	key := keyspace.Encode(name, mode, uuid.Must(uuid.NewV7()).String())
	c := &claim{name: name, mode: mode, key: key}
	r.claims = append(r.claims, c)
	return c
}

// acquire returns when all claims are held, or with the error that prevented
// it; then the caller must withdraw the request.
func (r *request) acquire(ctx context.Context) error {
	queues, err := retry(ctx, func() ([][]place, error) { return r.ask(ctx) })
	if err != nil {
		return err
	}
	rev := int64(0)
	for i, c := range r.claims {
		for ahead := queues[i]; len(ahead) > 0; {
			ahead, err = retry(ctx, func() ([]place, error) { return r.wait(ctx, c, ahead) })
			if err != nil {
				return err
			}
		}
		rev = max(rev, c.clear)
	}
	return r.verifyAll(ctx, rev)
}

// verifyAll makes sure that all claims' keys were there at a revision of at
// least rev, when none of them had a blocker left.
func (r *request) verifyAll(ctx context.Context, rev int64) error {
	for _, c := range r.claims {
		_, err := retry(ctx, func() (struct{}, error) { return struct{}{}, r.verify(ctx, c, rev) })
		if err != nil {
			return err
		}
	}
	return nil
}

// ask puts the claims at the ends of their queues and returns what is ahead of
// each, in one transaction. When the reply to an earlier ask was lost, it finds
// out what became of that: keys are put once only.
func (r *request) ask(ctx context.Context) ([][]place, error) {
	txn := r.session.Client().Txn(ctx)
	then := append(r.getQueues(), r.puts()...)
	if !r.unsure {
		txn = txn.Then(then...)
	} else {
		txn = txn.If(r.absent()).Then(then...).Else(append(r.getQueues(), r.getMine())...)
	}
	r.asked = time.Now()
	resp, err := txn.Commit()
	if err != nil {
		r.unsure = true
		return nil, err
	}
	if resp.Succeeded {
		r.put(resp.Header.Revision, resp.Header.Revision)
	} else {
		last := resp.Responses[len(resp.Responses)-1].GetResponseRange()
		r.put(last.Kvs[0].CreateRevision, resp.Header.Revision)
	}
	return r.queues(resp, r.token()), nil
}

// put notes that the claims were put at rev and were there at now, without
// blockers as far as is known.
func (r *request) put(rev, now int64) {
	for _, c := range r.claims {
		c.rev, c.alive, c.clear = rev, now, now
	}
}

// queues reads, claim by claim, what is ahead of one made at rev from the
// replies to getQueues.
func (r *request) queues(resp *clientv3.TxnResponse, rev int64) [][]place {
	queues := make([][]place, len(r.claims))
	next := 0
	for i, c := range r.claims {
		var kvs []*mvccpb.KeyValue
		for range c.blockingModes() {
			kvs = append(kvs, resp.Responses[next].GetResponseRange().Kvs...)
			next++
		}
		queues[i] = blockers(kvs, c.name, rev)
	}
	return queues
}

// blockingModes are the modes of the requests that can block c.
func (c *claim) blockingModes() []keyspace.Mode {
	switch {
	case !c.waits:
		return nil
	case c.mode == keyspace.Write:
		return []keyspace.Mode{keyspace.Write, keyspace.Read}
	default:
		return []keyspace.Mode{keyspace.Write}
	}
}

// getQueues reads, claim by claim, the requests that can block it.
func (r *request) getQueues() []clientv3.Op {
	var ops []clientv3.Op
	for _, c := range r.claims {
		for _, m := range c.blockingModes() {
			ops = append(ops, clientv3.OpGet(keyspace.Dir(c.name, m), clientv3.WithPrefix(), clientv3.WithKeysOnly()))
		}
	}
	return ops
}

func (r *request) puts() []clientv3.Op {
	var ops []clientv3.Op
	for _, c := range r.claims {
		ops = append(ops, clientv3.OpPut(c.key, r.value, clientv3.WithLease(r.session.Lease())))
	}
	return ops
}

// absent and getMine speak of the first claim: all are put or none.
func (r *request) absent() clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(r.claims[0].key), "=", 0)
}

func (r *request) getMine() clientv3.Op {
	return clientv3.OpGet(r.claims[0].key, clientv3.WithKeysOnly())
}

// remove deletes the request's keys and reports how many were there. Nobody
// else's key can be among them: they are random and were made for this request.
func (r *request) remove(ctx context.Context, claims []*claim) (int, error) {
	var ops []clientv3.Op
	for _, c := range claims {
		ops = append(ops, clientv3.OpDelete(c.key))
	}
	resp, err := r.session.Client().Txn(ctx).Then(ops...).Commit()
	if err != nil {
		return 0, err
	}
	deleted := 0
	for _, res := range resp.Responses {
		deleted += int(res.GetResponseDeleteRange().Deleted)
	}
	return deleted, nil
}

// guard is true in a transaction while the claim is held.
func (c *claim) guard() clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(c.key), "=", c.rev)
}

// token is the latest create revision of the claims.
func (r *request) token() int64 {
	var token int64
	for _, c := range r.claims {
		token = max(token, c.rev)
	}
	return token
}

// wants are the locks asked for. A second claim on a name only changes how the
// first can be held.
func (r *request) wants() []Want {
	var wants []Want
	for i, c := range r.claims {
		if i == 0 || c.name != r.claims[i-1].name {
			wants = append(wants, Want{Name: c.name, Mode: c.mode})
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
