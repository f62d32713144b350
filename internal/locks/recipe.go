package locks

import (
	"context"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	recipe "go.etcd.io/etcd/client/v3/experimental/recipes"

	"etcd-lock/rwlock"
)

// withdrawTimeout is how long the deletion of a request may take.
const withdrawTimeout = time.Second

// recipes acquires the locks of etcd's recipe, one at a time. Their holders are not
// notified of losses.
type recipes struct {
	*rwlock.Session
	etcd  *concurrency.Session
	calls *recipeCalls
}

func newRecipes(s *rwlock.Session) (Locker, error) {
	calls := &recipeCalls{KV: s.Client().KV, Watcher: s.Client().Watcher}
	session, err := etcdSession(s, calls, calls)
	return recipes{s, session, calls}, err
}

func (s recipes) Acquire(ctx context.Context, r Request) (Hold, error) {
	s.calls.recipeCall = recipeCall{ctx: ctx, hook: r.Hook}
	m := recipe.NewRWMutex(s.etcd, r.Wants[0].Name)
	lock := m.Lock
	if r.Wants[0].Mode == rwlock.Read {
		lock = m.RLock
	}
	if err := lock(); err != nil {
		s.withdraw()
		return nil, err
	}
	h := recipeHold{RWMutex: m, of: s, token: s.calls.token}
	s.calls.notify(rwlock.Event{Kind: rwlock.EventGranted, Token: h.token})
	return h, nil
}

// withdraw deletes the key of a request that failed, which the recipe leaves. If that
// fails, the key is deleted with the session.
func (s recipes) withdraw() {
	ctx, cancel := context.WithTimeout(s.Ctx(), withdrawTimeout)
	defer cancel()
	if s.calls.key != "" {
		_, _ = s.calls.KV.Delete(ctx, s.calls.key)
	}
}

// recipeHold is a hold of the recipe. Its Unlock is also RUnlock: in the recipe, both
// do the same.
type recipeHold struct {
	*recipe.RWMutex
	of    recipes
	token int64
}

// Token returns the create revision of the key, which the recipe does not expose.
func (h recipeHold) Token() int64 { return h.token }

// Unlock deletes the key.
func (h recipeHold) Unlock() error {
	ctx, cancel := context.WithTimeout(h.of.Client().Ctx(), h.of.TTL())
	defer cancel()
	h.of.calls.recipeCall = recipeCall{ctx: ctx}
	return h.RWMutex.Unlock()
}

// recipeCalls makes the recipe's calls to etcd. The recipe calls without a deadline,
// and so would go on until etcd answers or the lock is free.
type recipeCalls struct {
	clientv3.KV
	clientv3.Watcher
	recipeCall
}

// recipeCall is one Lock, RLock or Unlock of the recipe.
type recipeCall struct {
	ctx    context.Context
	hook   func(rwlock.Event) // or nil
	queued bool               // the hook was called with EventQueued
	key    string             // that the recipe puts
	token  int64
}

func (c *recipeCall) notify(e rwlock.Event) {
	if c.hook != nil {
		c.hook(e)
	}
}

// Get reads who is ahead in the queue.
func (c *recipeCalls) Get(_ context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	return c.KV.Get(c.ctx, key, opts...)
}

// Delete unlocks.
func (c *recipeCalls) Delete(_ context.Context, key string, opts ...clientv3.OpOption) (*clientv3.DeleteResponse, error) {
	return c.KV.Delete(c.ctx, key, opts...)
}

// Txn requests the lock.
func (c *recipeCalls) Txn(context.Context) clientv3.Txn { return recipeTxn{c.KV.Txn(c.ctx), c} }

// Watch waits for the request ahead to be deleted.
func (c *recipeCalls) Watch(ctx context.Context, key string, opts ...clientv3.OpOption) clientv3.WatchChan {
	if !c.queued {
		c.queued = true
		c.notify(rwlock.Event{Kind: rwlock.EventQueued})
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

// If adds conditions.
func (t recipeTxn) If(cs ...clientv3.Cmp) clientv3.Txn {
	t.Txn = t.Txn.If(cs...)
	return t
}

// Then notes the key before it can exist.
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
