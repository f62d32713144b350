package locks

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"etcd-lock/rwlock"
)

// etcdSession returns a session of etcd's client on the lease of s, which ends when s
// ends. Its calls go to kv and watcher.
func etcdSession(s *rwlock.Session, kv clientv3.KV, watcher clientv3.Watcher) (*concurrency.Session, error) {
	client := clientv3.NewCtxClient(s.Ctx())
	client.KV, client.Watcher, client.Lease = kv, watcher, s.Client().Lease
	return concurrency.NewSession(client, concurrency.WithLease(s.Lease()))
}

// mutexes acquires etcd's mutexes, in whatever mode a lock is requested.
type mutexes struct{ *concurrency.Session }

func newMutexes(s *rwlock.Session) (Locker, error) {
	session, err := etcdSession(s, s.Client().KV, s.Client().Watcher)
	return mutexes{session}, err
}

func (s mutexes) Acquire(ctx context.Context, r Request) (Hold, error) {
	m := concurrency.NewMutex(s.Session, r.Wants[0].Name)
	if err := m.Lock(ctx); err != nil {
		return nil, err
	}
	return mutex{m, s.Session}, nil
}

type mutex struct {
	*concurrency.Mutex
	session *concurrency.Session
}

// Token returns 0: the mutex does not expose the revision of its key.
func (mutex) Token() int64 { return 0 }

// Unlock deletes the key. It does not take the context of the acquisition: if that
// has ended, the key would stay.
func (m mutex) Unlock() error { return m.Mutex.Unlock(m.session.Ctx()) }
