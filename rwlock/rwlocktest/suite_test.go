package rwlocktest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/rwlock"
	"etcd-lock/rwlock/rwlocktest"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

// behaviours are what programs see of locks. They are the same on an etcd in memory and on an
// etcd server.
var behaviours = []struct {
	name string
	run  func(world)
}{
	{"a writer excludes all others", excludes},
	{"first come, first served", inOrder},
	{"who gives up leaves nothing", givesUp},
	{"a session that ends takes its locks with it", sessionEnds},
	{"a key that is deleted is a loss", keyDeleted},
	{"a lease that is revoked is a loss", leaseRevoked},
	{"a client that is cut off ends its session before etcd does", cutOff},
	{"a guard holds while the lock does", guards},
	{"a hold for reading is upgraded, and downgraded again", changes},
	{"a set is all or nothing", sets},
	{"who waits knows who is ahead", knowsAhead},
	{"a holder learns that others wait", isWanted},
	{"who holds permits learns that others wait", permitsAreWanted},
	{"Keep begins again after a loss", keeps},
	{"a lock that is kept is given back when asked", kept},
	{"goroutines share a place in the queue", localQueue},
	{"sessions and mutexes of etcd's client", oldClients},
}

func TestInMemory(t *testing.T) {
	for _, b := range behaviours {
		t.Run(b.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				etcd := rwlocktest.New()
				b.run(world{T: t, name: "/lock", connect: func() (*clientv3.Client, func(time.Duration)) {
					client := etcd.Client(t)
					return client, func(d time.Duration) { etcd.Cut(client, d) }
				}})
			})
		})
	}
}

func TestServer(t *testing.T) {
	for _, b := range behaviours {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			b.run(world{T: t, name: "/" + b.name, connect: func() (*clientv3.Client, func(time.Duration)) {
				network := etcdtest.NewProxy(t, etcdtest.Shared(t))
				return etcdtest.Client(t, network.Addr), func(d time.Duration) {
					network.Cut()
					time.AfterFunc(d, network.Heal)
				}
			}})
		})
	}
}

// The etcd in memory needs no bubble.
func TestWithoutABubble(t *testing.T) {
	t.Parallel()
	etcd := rwlocktest.New()
	excludes(world{T: t, name: "/lock", connect: func() (*clientv3.Client, func(time.Duration)) { return etcd.Client(t), nil }})
}

// world is an etcd, and the name of a lock in it.
type world struct {
	*testing.T
	name    string
	connect func() (client *clientv3.Client, cut func(time.Duration))
}

func (w world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w world) mustBe(err, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Fatalf("error = %v, want %v", err, want)
	}
}

func (w world) client() *clientv3.Client {
	c, _ := w.connect()
	return c
}

// session opens a session on a client of its own.
func (w world) session() *rwlock.Session { return w.sessionOn(w.client(), time.Minute) }

func (w world) sessionOn(client *clientv3.Client, ttl time.Duration) *rwlock.Session {
	w.Helper()
	s, err := rwlock.NewSession(w.soon(), client, ttl)
	w.must(err)
	w.Cleanup(func() { _ = s.Close() })
	return s
}

// soon bounds what should happen long before.
func (w world) soon() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	w.Cleanup(cancel)
	return ctx
}

// queued waits until there are n requests.
func (w world) queued(client *clientv3.Client, n int64) {
	w.Helper()
	for ctx := w.soon(); ; time.Sleep(time.Millisecond) {
		resp, err := client.Get(ctx, w.name+"/", clientv3.WithPrefix(), clientv3.WithCountOnly())
		w.must(err)
		if resp.Count == n {
			return
		}
	}
}

// start runs f, and returns where its error comes.
func (w world) start(f func() error) func() error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return func() error {
		w.Helper()
		select {
		case err := <-done:
			return err
		case <-w.soon().Done():
			w.Fatal("still waiting")
			return nil
		}
	}
}

func (w world) closes(c <-chan struct{}) {
	w.Helper()
	_ = w.start(func() error { <-c; return nil })()
}

func excludes(w world) {
	a, b := w.session().NewRWMutex(w.name), w.session().NewRWMutex(w.name)
	w.must(a.RWLock(w.soon()))
	w.mustBe(b.TryRLock(w.soon()), rwlock.ErrLocked)
	w.mustBe(a.RLock(w.soon()), rwlock.ErrBusy)
	w.must(a.Unlock())
	w.mustBe(a.Unlock(), rwlock.ErrNotHeld)
	w.must(a.RLock(w.soon()))
	w.must(b.TryRLock(w.soon()))
	w.mustBe(w.session().NewRWMutex(w.name).TryRWDo(w.soon(), nil), rwlock.ErrLocked)
	w.must(a.Unlock())
	w.must(b.Unlock())
}

func inOrder(w world) {
	s := w.session()
	first := s.NewRWMutex(w.name)
	w.must(first.RWLock(w.soon()))
	granted := make(chan int64, 5)
	var waits []func() error
	for n := range int64(cap(granted)) {
		m := w.session().NewRWMutex(w.name)
		waits = append(waits, w.start(func() error {
			return m.RWDo(w.soon(), func(context.Context) error { granted <- m.Token(); return nil })
		}))
		w.queued(s.Client(), n+2)
	}
	w.must(first.Unlock())
	var tokens []int64
	for _, wait := range waits {
		w.must(wait())
		tokens = append(tokens, <-granted)
	}
	if !slices.IsSorted(tokens) {
		w.Errorf("tokens %v in the order of the grants", tokens)
	}
}

func givesUp(w world) {
	s := w.session()
	m := s.NewRWMutex(w.name)
	w.must(m.RWLock(w.soon()))
	ctx, cancel := context.WithTimeout(w.soon(), 50*time.Millisecond)
	defer cancel()
	w.mustBe(w.session().NewRWMutex(w.name).RLock(ctx), context.DeadlineExceeded)
	w.queued(s.Client(), 1)
	w.must(m.Unlock())
}

func sessionEnds(w world) {
	s := w.session()
	m, waiter := s.NewRWMutex(w.name), w.session().NewRWMutex(w.name)
	w.must(m.RWLock(w.soon()))
	wait := w.start(func() error { return waiter.RWLock(w.soon()) })
	lost := m.Lost()
	w.must(s.Close())
	w.closes(lost)
	w.must(wait())
	w.mustBe(m.Unlock(), rwlock.ErrLost)
	w.mustBe(m.RLock(w.soon()), rwlock.ErrSessionClosed)
}

func keyDeleted(w world) {
	s := w.session()
	m := s.NewRWMutex(w.name)
	w.mustBe(m.RWDo(w.soon(), func(ctx context.Context) error {
		// Not with ctx: its end, which the loss brings, may come before the reply.
		_, err := w.client().Delete(w.soon(), m.Key())
		w.must(err)
		w.closes(ctx.Done())
		return context.Cause(ctx)
	}), rwlock.ErrLost)
	w.queued(s.Client(), 0)
}

func leaseRevoked(w world) {
	s := w.sessionOn(w.client(), 2*time.Second)
	m := s.NewRWMutex(w.name)
	w.must(m.RLock(w.soon()))
	_, err := w.client().Revoke(w.soon(), s.Lease())
	w.must(err)
	w.closes(s.Done())
	w.mustBe(context.Cause(s.Ctx()), rwlock.ErrSessionExpired)
	w.mustBe(m.Unlock(), rwlock.ErrLost)
}

func cutOff(w world) {
	client, cut := w.connect()
	s := w.sessionOn(client, 2*time.Second)
	m, waiter := s.NewRWMutex(w.name), w.session().NewRWMutex(w.name)
	w.must(m.RWLock(w.soon()))
	wait := w.start(func() error { return waiter.RWLock(w.soon()) })
	cut(10 * time.Second)
	w.must(wait())
	if m.Valid() {
		w.Error("valid although another client was granted the lock")
	}
	w.mustBe(m.Unlock(), rwlock.ErrLost)
}

func guards(w world) {
	s := w.session()
	m := s.NewRWMutex(w.name)
	w.must(m.RWLock(w.soon()))
	guard := m.Guard()
	for _, held := range []bool{true, false} {
		resp, err := s.Client().Txn(w.soon()).If(guard).Then(clientv3.OpPut(w.name+"-value", "")).Commit()
		w.must(err)
		if resp.Succeeded != held {
			w.Errorf("the guard is %t while held is %t", resp.Succeeded, held)
		}
		if held {
			w.must(m.Unlock())
		}
	}
}

func changes(w world) {
	m, other := w.session().NewRWMutex(w.name, rwlock.WithDowngrade()), w.session().NewRWMutex(w.name)
	w.must(m.RLock(w.soon()))
	w.must(m.TryUpgrade(w.soon()))
	w.mustBe(other.TryRLock(w.soon()), rwlock.ErrLocked)
	w.must(m.Downgrade(w.soon()))
	w.must(other.TryRLock(w.soon()))
	w.mustBe(m.TryUpgrade(w.soon()), rwlock.ErrLocked)
	w.must(m.Unlock())
	w.must(other.Unlock())
	w.must(m.RWLock(w.soon()))
	w.must(m.Downgrade(w.soon()))
	w.must(other.TryRDo(w.soon(), func(context.Context) error { return nil }))
	w.must(m.Unlock())
}

func sets(w world) {
	s := w.session()
	a, b := w.name+"/a", w.name+"/b"
	m := s.NewRWMutex(b)
	set := w.session().NewSet([]rwlock.LockRequest{{Name: a, Mode: rwlock.Write}, {Name: b, Mode: rwlock.Read}})
	w.must(m.RWLock(w.soon()))
	w.mustBe(set.TryLock(w.soon()), rwlock.ErrLocked)
	wait := w.start(func() error { return set.Lock(w.soon()) })
	w.queued(s.Client(), 3)
	w.must(m.Unlock())
	w.must(wait())
	w.mustBe(s.NewRWMutex(a).TryRLock(w.soon()), rwlock.ErrLocked)
	w.must(set.Unlock())
	w.queued(s.Client(), 0)
}

func knowsAhead(w world) {
	m := w.session().NewRWMutex(w.name, rwlock.WithLabel("first"))
	w.must(m.RWLock(w.soon()))
	queued := make(chan rwlock.Event, 1)
	second := w.session().NewRWMutex(w.name, rwlock.WithHook(func(e rwlock.Event) {
		if e.Kind == rwlock.EventQueued {
			queued <- e
		}
	}))
	wait := w.start(func() error { return second.RLock(w.soon()) })
	if e := <-queued; e.Position != 1 || len(e.Ahead) != 1 || e.Ahead[0].Owner.Label != "first" || e.Ahead[0].Token != m.Token() {
		w.Errorf("queued %+v, want first ahead", e)
	}
	ahead, err := second.Ahead(w.soon())
	w.must(err)
	if len(ahead) != 1 || ahead[0].Key != m.Key() {
		w.Errorf("ahead is %+v, want %s", ahead, m.Key())
	}
	w.must(m.Unlock())
	w.must(wait())
}

func isWanted(w world) {
	m, waiter := w.session().NewRWMutex(w.name), w.session().NewRWMutex(w.name)
	w.must(m.RWLock(w.soon()))
	wanted := m.Wanted()
	wait := w.start(func() error { return waiter.RWLock(w.soon()) })
	w.closes(wanted)
	w.must(m.Unlock())
	w.must(wait())
}

func permitsAreWanted(w world) {
	m, waiter := w.session().NewSemaphore(w.name, 2), w.session().NewSemaphore(w.name, 2)
	w.must(m.Acquire(w.soon(), 1))
	wanted := m.Wanted()
	wait := w.start(func() error { return waiter.Acquire(w.soon(), 2) })
	w.closes(wanted)
	w.must(m.Release())
	w.must(wait())
}

func keeps(w world) {
	client, errDone := w.client(), errors.New("done")
	var tokens []int64
	w.mustBe(rwlock.Keep(w.soon(), client, 5*time.Second, w.name, func(ctx context.Context, token int64) error {
		if tokens = append(tokens, token); len(tokens) > 1 {
			return errDone
		}
		_, err := client.Delete(w.soon(), w.name+"/write/", clientv3.WithPrefix()) // see keyDeleted
		w.must(err)
		w.closes(ctx.Done())
		return nil
	}), errDone)
	if tokens[0] >= tokens[1] {
		w.Errorf("tokens %v do not grow", tokens)
	}
}

func kept(w world) {
	s := w.session()
	m := s.NewRWMutex(w.name, rwlock.WithKeep(time.Hour))
	for range 5 {
		w.must(m.RWLock(w.soon()))
		w.must(m.Unlock())
	}
	w.queued(s.Client(), 1)
	other := w.session().NewRWMutex(w.name)
	w.must(other.RWLock(w.soon()))
	w.must(other.Unlock())
	w.queued(s.Client(), 0)
}

func localQueue(w world) {
	s := w.session()
	var waits []func() error
	counter := 0 // which the lock guards
	for range 10 {
		m := s.NewRWMutex(w.name, rwlock.WithLocalQueue(100, time.Hour))
		waits = append(waits, w.start(func() error {
			return m.RWDo(w.soon(), func(context.Context) error { counter++; return nil })
		}))
	}
	for _, wait := range waits {
		w.must(wait())
	}
	if counter != len(waits) {
		w.Errorf("%d grants, want %d", counter, len(waits))
	}
}

func oldClients(w world) {
	client := w.client()
	s, err := concurrency.NewSession(client, concurrency.WithTTL(5))
	w.must(err)
	m := rwlock.NewRWMutex(s, w.name)
	w.must(m.RWLock(w.soon()))
	w.must(m.Unlock())
	mutex := concurrency.NewMutex(s, w.name)
	w.must(mutex.Lock(w.soon()))
	w.must(mutex.Unlock(w.soon()))
	w.must(s.Close())
}
