package bench

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	recipe "go.etcd.io/etcd/client/v3/experimental/recipes"

	"etcd-lock/rwlock"
)

// contender is one implementation of locks. write and read acquire a lock on a
// session and return the function that releases it.
type contender struct {
	name  string
	write func(s *concurrency.Session, name string) (unlock func() error, err error)
	read  func(s *concurrency.Session, name string) (unlock func() error, err error)
}

var errNoReaders = errors.New("has no readers")

func rwlocks() contender {
	return contender{
		name: "rwlock",
		write: func(s *concurrency.Session, name string) (func() error, error) {
			m := rwlock.NewRWMutex(s, name)
			return m.Unlock, m.RWLock(context.Background())
		},
		read: func(s *concurrency.Session, name string) (func() error, error) {
			m := rwlock.NewRWMutex(s, name)
			return m.Unlock, m.RLock(context.Background())
		},
	}
}

func mutex() contender {
	return contender{
		name: "concurrency.Mutex",
		write: func(s *concurrency.Session, name string) (func() error, error) {
			m := concurrency.NewMutex(s, name)
			return func() error { return m.Unlock(context.Background()) }, m.Lock(context.Background())
		},
		read: func(*concurrency.Session, string) (func() error, error) { return nil, errNoReaders },
	}
}

func recipeRWMutex() contender {
	return contender{
		name: "recipe RWMutex",
		write: func(s *concurrency.Session, name string) (func() error, error) {
			m := recipe.NewRWMutex(s, name)
			return m.Unlock, m.Lock()
		},
		read: func(s *concurrency.Session, name string) (func() error, error) {
			m := recipe.NewRWMutex(s, name)
			return m.RUnlock, m.RLock()
		},
	}
}

// raw is not a lock: it is the put and the delete that every lock needs.
func raw() contender {
	return contender{
		name: "raw put + delete",
		write: func(s *concurrency.Session, name string) (func() error, error) {
			client, key := s.Client(), name+"/"+uuid.NewString()
			unlock := func() error {
				_, err := client.Delete(context.Background(), key)
				return err
			}
			_, err := client.Put(context.Background(), key, "", clientv3.WithLease(s.Lease()))
			return unlock, err
		},
	}
}

// bare sends the requests of rwlock without its code: a transaction that reads
// the requests ahead and creates a key, and a delete.
func bare() contender {
	return contender{
		name: "rwlock's transaction alone",
		write: func(s *concurrency.Session, name string) (func() error, error) {
			client, key := s.Client(), name+"/write/"+uuid.NewSHA1(uuid.Nil, []byte(name)).String()
			unlock := func() error {
				_, err := client.Delete(context.Background(), key)
				return err
			}
			_, err := client.Txn(context.Background()).
				If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
				Then(
					clientv3.OpGet(name+"/write/", clientv3.WithPrefix(), clientv3.WithKeysOnly()),
					clientv3.OpGet(name+"/read/", clientv3.WithPrefix(), clientv3.WithKeysOnly()),
					clientv3.OpPut(key, strings.Repeat("x", 90), clientv3.WithLease(s.Lease())),
				).Commit()
			return unlock, err
		},
	}
}
