package locks

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	recipe "go.etcd.io/etcd/client/v3/experimental/recipes"

	"etcd-lock/rwlock"
)

// recipes takes the locks of etcd's recipe, one after the other. Whoever holds one
// hears of no loss.
type recipes struct {
	*rwlock.Session
	etcds *concurrency.Session
	calls *recipeCalls
}

// Recipes takes locks of the RWMutex recipe of etcd's client.
func Recipes(s *rwlock.Session) (Locker, error) {
	calls := &recipeCalls{KV: s.Client().KV, Watcher: s.Client().Watcher}
	etcds, err := etcdsSession(s, calls, calls)
	return recipes{s, etcds, calls}, err
}

func (s recipes) Take(ctx context.Context, a Request) (Hold, error) {
	s.calls.recipeCall = recipeCall{ctx: ctx, told: a.Told}
	m := recipe.NewRWMutex(s.etcds, a.Wants[0].Name)
	lock := m.Lock
	if a.Wants[0].Mode == rwlock.Read {
		lock = m.RLock
	}
	if err := lock(); err != nil {
		s.giveUp()
		return nil, err
	}
	h := recipeHold{RWMutex: m, of: s, token: s.calls.token}
	s.calls.tell(rwlock.Event{Kind: rwlock.EventGranted, Token: h.token})
	return h, nil
}

// giveUp deletes the key, which the recipe would leave. If that fails, it goes
// with the session.
func (s recipes) giveUp() {
	ctx, cancel := context.WithTimeout(s.Ctx(), ReplyTime)
	defer cancel()
	if s.calls.key != "" {
		_, _ = s.calls.KV.Delete(ctx, s.calls.key)
	}
}

// recipeHold is what a client holds by the recipe. Its Unlock is RUnlock, too: the
// recipe does the same in both.
type recipeHold struct {
	*recipe.RWMutex
	of    recipes
	token int64
}

// Token is the create revision of the key, which the recipe tells nobody.
func (h recipeHold) Token() int64 { return h.token }

// Unlock deletes the key.
func (h recipeHold) Unlock() error {
	ctx, cancel := context.WithTimeout(h.of.Client().Ctx(), h.of.TTL())
	defer cancel()
	h.of.calls.recipeCall = recipeCall{ctx: ctx}
	return h.RWMutex.Unlock()
}

// recipeCalls are the recipe's calls to etcd. It gives them no context that ends,
// and so would go on until etcd answers, or the lock is free.
type recipeCalls struct {
	clientv3.KV
	clientv3.Watcher
	recipeCall
}

// recipeCall is one call of the recipe.
type recipeCall struct {
	ctx    context.Context
	told   func(rwlock.Event) // or nil
	queued bool               // which was told
	key    string             // that it puts
	token  int64
}

func (c *recipeCall) tell(e rwlock.Event) {
	if c.told != nil {
		c.told(e)
	}
}

// Get asks who is ahead.
func (c *recipeCalls) Get(_ context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	return c.KV.Get(c.ctx, key, opts...)
}

// Delete unlocks.
func (c *recipeCalls) Delete(_ context.Context, key string, opts ...clientv3.OpOption) (*clientv3.DeleteResponse, error) {
	return c.KV.Delete(c.ctx, key, opts...)
}

// Txn asks for the lock.
func (c *recipeCalls) Txn(context.Context) clientv3.Txn { return recipeTxn{c.KV.Txn(c.ctx), c} }

// Watch waits for the one that is ahead.
func (c *recipeCalls) Watch(ctx context.Context, key string, opts ...clientv3.OpOption) clientv3.WatchChan {
	if !c.queued {
		c.queued = true
		c.tell(rwlock.Event{Kind: rwlock.EventQueued})
	}
	ctx, cancel := context.WithCancel(ctx) // which ends with the recipe's wait
	stop := context.AfterFunc(c.ctx, cancel)
	context.AfterFunc(ctx, func() { stop() })
	return c.Watcher.Watch(ctx, key, opts...)
}

// recipeTxn is the transaction that puts the key.
type recipeTxn struct {
	clientv3.Txn
	calls *recipeCalls
}

// If goes on with a transaction that is listened to.
func (t recipeTxn) If(cs ...clientv3.Cmp) clientv3.Txn {
	t.Txn = t.Txn.If(cs...)
	return t
}

// Then notes the key before it can be there.
func (t recipeTxn) Then(ops ...clientv3.Op) clientv3.Txn {
	t.calls.key = string(ops[0].KeyBytes())
	t.Txn = t.Txn.Then(ops...)
	return t
}

// Commit notes the revision of the key.
func (t recipeTxn) Commit() (*clientv3.TxnResponse, error) {
	resp, err := t.Txn.Commit()
	if err == nil {
		t.calls.token = resp.Header.Revision
	}
	return resp, err
}
