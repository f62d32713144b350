package rwlock

import (
	"context"
	"fmt"
	"slices"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"

	"etcd-lock/internal/etcdtest"
)

// behind is a fixture whose client reaches etcd through a middleman.
type behind struct {
	fixture
	middleman *etcdtest.Middleman
}

func newBehind(t *testing.T, m *etcdtest.Middleman) behind {
	t.Helper()
	return behind{fixture{T: t, client: etcdtest.Client(t, m.Endpoint), name: "/" + t.Name()}, m}
}

// transparent are the codes for which a caller that still waits gets its lock.
var transparent = []codes.Code{codes.Canceled, codes.DeadlineExceeded, codes.Unavailable, codes.Unknown, codes.Internal}

// mustTake ends the loss of replies, and fails unless err is nil or code is one
// that the caller is told of.
func (b behind) mustTake(err error, code codes.Code) (taken bool) {
	b.Helper()
	b.middleman.Lose("", codes.OK, 0)
	if err != nil && slices.Contains(transparent, code) {
		b.Fatalf("error = %v, want the lock", err)
	}
	return err == nil
}

// mustBeFree fails unless another client gets all for itself, at once when
// nothing is left.
func (b behind) mustBeFree(names ...string) {
	b.Helper()
	for _, name := range append(names, b.name) {
		etcdtest.Eventually(b.T, "no key of "+name+" is left", func() bool {
			resp, err := b.client.Get(b.soon(), name+"/", clientv3.WithPrefix(), clientv3.WithCountOnly())
			b.must(err)
			return resp.Count == 0
		})
		other := NewRWMutex(b.session(), name)
		b.must(other.TryRWLock(b.soon()))
		b.must(other.Unlock())
	}
}

func (b behind) mustHaveKeys(want int) {
	b.Helper()
	if n := b.keys(); n != want {
		b.Fatalf("%d keys, want %d", n, want)
	}
}

// lostReplies are the calls whose replies get lost: each is made with the next
// replies to its method lost, and what it did must be what it says.
var lostReplies = map[string]func(b behind, lose func(method string), code codes.Code){
	"RLock":     func(b behind, lose func(string), code codes.Code) { b.takes((*RWMutex).RLock, lose, code) },
	"RWLock":    func(b behind, lose func(string), code codes.Code) { b.takes((*RWMutex).RWLock, lose, code) },
	"TryRLock":  func(b behind, lose func(string), code codes.Code) { b.takes((*RWMutex).TryRLock, lose, code) },
	"TryRWLock": func(b behind, lose func(string), code codes.Code) { b.takes((*RWMutex).TryRWLock, lose, code) },
	"Downgradable": func(b behind, lose func(string), code codes.Code) {
		m := NewRWMutex(b.session(), b.name, WithDowngrade())
		lose("KV/Txn")
		if b.mustTake(m.RWLock(b.soon()), code) {
			b.mustHaveKeys(2)
			b.must(m.Unlock())
		}
		b.mustBeFree()
	},
	"Waiting": func(b behind, lose func(string), code codes.Code) {
		holder, m := b.mutex(), b.mutex()
		b.must(holder.RWLock(b.soon()))
		lose("KV/Txn")
		waiter := start(func() error { return m.RWLock(b.soon()) })
		if slices.Contains(transparent, code) {
			etcdtest.Eventually(b.T, "the replies are lost", func() bool { return b.middleman.Left() == 0 })
			b.queued(2)
		}
		b.must(holder.Unlock())
		if b.mustTake(b.await(waiter), code) {
			b.must(m.Unlock())
		}
		b.mustBeFree()
	},
	"TryRefused": func(b behind, lose func(string), code codes.Code) {
		holder, m := b.mutex(), b.mutex()
		b.must(holder.RLock(b.soon()))
		lose("KV/Txn")
		err := m.TryRWLock(b.soon())
		b.middleman.Lose("", codes.OK, 0)
		if err == nil || slices.Contains(transparent, code) {
			b.mustBe(err, ErrLocked)
		}
		b.queued(1)
		b.must(holder.Unlock())
		b.mustBeFree()
	},
	"TryUpgrade": func(b behind, lose func(string), code codes.Code) {
		m := b.mutex()
		b.must(m.RLock(b.soon()))
		lose("KV/Txn")
		if b.mustTake(m.TryUpgrade(b.soon()), code) {
			b.mustHaveKeys(2)
		} else {
			b.queued(1)
		}
		b.must(m.Unlock())
		b.mustBeFree()
	},
	"Downgrade": func(b behind, lose func(string), _ codes.Code) {
		m := NewRWMutex(b.session(), b.name, WithDowngrade())
		b.must(m.RWLock(b.soon()))
		lose("KV/DeleteRange")
		b.must(m.Downgrade(b.soon()))
		b.queued(1)
		b.must(m.Unlock())
		b.mustBeFree()
	},
	"Unlock": func(b behind, lose func(string), _ codes.Code) {
		m := b.mutex()
		b.must(m.RWLock(b.soon()))
		lose("KV/DeleteRange")
		b.must(m.Unlock())
		b.mustBeFree()
	},
	"Set": func(b behind, lose func(string), code codes.Code) {
		set := NewSet(b.session(), []Want{{b.name, Write}, {b.name + "+", Read}})
		lose("KV/Txn")
		if b.mustTake(set.Lock(b.soon()), code) {
			b.mustHaveKeys(1)
			lose("KV/Txn")
			b.must(set.Unlock())
		}
		b.mustBeFree(b.name + "+")
	},
	"TrySet": func(b behind, lose func(string), code codes.Code) {
		set := NewSet(b.session(), []Want{{b.name, Write}, {b.name + "+", Write}})
		lose("KV/Txn")
		if b.mustTake(set.TryLock(b.soon()), code) {
			b.must(set.Unlock())
		}
		b.mustBeFree(b.name + "+")
	},
	"Close": func(b behind, lose func(string), code codes.Code) {
		s, err := NewSession(b.soon(), b.client, 60e9)
		b.must(err)
		b.must(s.NewRWMutex(b.name).RWLock(b.soon()))
		lose("Lease/LeaseRevoke")
		if err := s.Close(); err != nil && slices.Contains(transparent, code) {
			b.Fatalf("error = %v, want the session closed", err)
		}
		b.mustBeFree()
	},
}

// takes takes a lock by one of a mutex's methods, and gives it back.
func (b behind) takes(lock func(*RWMutex, context.Context) error, lose func(string), code codes.Code) {
	m := b.mutex()
	lose("KV/Txn")
	if b.mustTake(lock(m, b.soon()), code) {
		b.mustHaveKeys(1)
		resp, err := b.client.Get(b.soon(), m.Key())
		b.must(err)
		if len(resp.Kvs) != 1 || resp.Kvs[0].CreateRevision != m.Token() {
			b.Fatalf("token %d of key %q, which is %v", m.Token(), m.Key(), resp.Kvs)
		}
		b.must(m.Unlock())
	}
	b.mustBeFree()
}

// Something between a client and etcd loses the reply to a call that etcd has
// carried out, once or twice, with each code that gRPC has. Whatever the call
// says, no key is left that its client does not know of, and what it unlocked
// was not lost.
func TestLostReplies(t *testing.T) {
	middleman := etcdtest.StartMiddleman(t, etcdtest.Shared(t))
	for call, make := range lostReplies {
		for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
			for _, n := range []int{1, 2} {
				t.Run(fmt.Sprintf("%s %s %d", call, code, n), func(t *testing.T) {
					b := newBehind(t, middleman)
					make(b, func(method string) { middleman.Lose(method, code, n) }, code)
				})
			}
		}
	}
}
