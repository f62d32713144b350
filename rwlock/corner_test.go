package rwlock

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
)

// once makes the reply to the next call be lost, with an error in its place.
func (c *calls) once(err error) {
	lost := false
	c.after = func() error {
		if lost {
			return nil
		}
		lost = true
		return err
	}
}

// More requests of locks nested below a name than a waiter asks for hide who is
// ahead of it. It must find them all the same, and not by asking on and on.
func TestRequestsHiddenBehindNestedLocks(t *testing.T) {
	f := newFixture(t)
	put := func(key string) {
		t.Helper()
		_, err := f.client.Put(f.soon(), key, "")
		f.must(err)
	}
	del := func(key string) {
		t.Helper()
		_, err := f.client.Delete(f.soon(), key)
		f.must(err)
	}
	holder := f.mutex()
	f.must(holder.RWLock(f.soon()))
	second := f.name + "/write/second"
	put(second)
	for i := range maxPredecessors {
		put(fmt.Sprintf("%s/write/read/%d", f.name, i))
	}
	client := etcdtest.Client(t, etcdtest.Shared(t))
	calls := count(client)
	m := NewRWMutex(etcdtest.Session(t, client, 60), f.name)
	waiter := start(func() error { return m.RWLock(f.soon()) })
	f.queued(maxPredecessors + 3)
	etcdtest.Eventually(t, "the waiter watches", func() bool { return calls.watches.Load() > 0 })
	del(f.name + "/write/read/0")
	del(second)
	for range 5 { // round trips, in which to be wrong
		f.keys()
	}
	f.waiting(waiter)
	f.must(holder.Unlock())
	f.must(f.await(waiter))
	if n := calls.total(); n > 10 {
		t.Errorf("%d calls to etcd for one lock, want a handful", n)
	}
	f.must(m.Unlock())
}

// An error that etcd makes while its leader changes is no reason to leave a key
// to its lease, or to give up a place in the queue.
func TestErrorsThatPass(t *testing.T) {
	for _, passing := range []error{
		status.Error(codes.Unknown, "raft proposal dropped"),
		rpctypes.ErrTooManyRequests,
		rpctypes.ErrLeaderChanged,
	} {
		t.Run(passing.Error(), func(t *testing.T) {
			f := newFixture(t)
			calls := count(f.client)
			m := f.mutex()
			calls.once(passing)
			f.must(m.RWLock(f.soon()))
			calls.once(passing)
			f.must(m.Unlock())
			f.mustHaveNoKeys()
		})
	}
}

// What etcd refuses outright is told at once, and nothing is cleaned up after.
func TestRefusals(t *testing.T) {
	f := newFixture(t)
	s, err := NewSession(f.soon(), f.client, time.Minute) // which renews, and so notices, only later
	f.must(err)
	defer func() { _ = s.Close() }()
	_, err = f.client.Revoke(f.soon(), s.Lease())
	f.must(err)
	calls := count(f.client)
	f.mustBe(s.NewRWMutex(f.name).RLock(f.soon()), ErrSessionExpired)
	f.mustBe(s.NewRWMutex(f.name).TryRWLock(f.soon()), ErrSessionExpired)
	if n := calls.total(); n != 2 {
		t.Errorf("%d calls to etcd for two refusals, want 2", n)
	}
	many := make([]LockRequest, 100)
	for i := range many {
		many[i] = LockRequest{Name: fmt.Sprint(f.name, i), Mode: Write}
	}
	f.mustBe(NewSet(f.session(), many).Lock(f.soon()), rpctypes.ErrTooManyOps)
}

// A client that is closed ends its sessions, and with them what they hold.
func TestClosedClientIsALoss(t *testing.T) {
	f := newFixture(t)
	client := etcdtest.Client(t, etcdtest.Shared(t))
	s, err := NewSession(f.soon(), client, time.Second)
	f.must(err)
	m := s.NewRWMutex(f.name)
	f.must(m.RWLock(f.soon()))
	lost := m.Lost()
	f.must(client.Close())
	f.closes(lost)
}

// A session whose grant was slow to answer does not believe in it for longer.
func TestSlowGrant(t *testing.T) {
	f := newFixture(t)
	network := etcdtest.NewProxy(t, etcdtest.Shared(t))
	client := etcdtest.Client(t, network.Addr)
	client.Lease = slowGrant{Lease: client.Lease, network: network}
	s, err := NewSession(f.soon(), client, time.Second)
	f.must(err)
	deadline := s.Deadline()
	f.closes(s.Done())
	if late := time.Since(deadline); late > 200*time.Millisecond {
		t.Errorf("the session ended %s after its deadline", late)
	}
	network.Heal()
}

// slowGrant answers late in the lease's life, and then the network is cut.
type slowGrant struct {
	clientv3.Lease
	network *etcdtest.Proxy
}

func (l slowGrant) Grant(ctx context.Context, ttl int64) (*clientv3.LeaseGrantResponse, error) {
	resp, err := l.Lease.Grant(ctx, ttl)
	l.network.Cut()
	time.Sleep(time.Duration(ttl) * time.Second * 9 / 10)
	return resp, err
}

// Whatever a hold becomes, an unsure key is not used again.
func TestUnsureKeyThroughUpgrade(t *testing.T) {
	f := newFixture(t)
	calls := count(f.client)
	m := f.mutex()
	calls.once(rpctypes.ErrLeaderChanged)
	f.must(m.RLock(f.soon()))
	unsure := m.Key()
	f.must(m.TryUpgrade(f.soon()))
	f.must(m.Downgrade(f.soon()))
	f.must(m.Unlock())
	f.must(m.RLock(f.soon()))
	if m.Key() == unsure {
		t.Errorf("key %s is used again", unsure)
	}
	f.must(m.Unlock())
}

// A key of a request's own that somebody else has put is left alone.
func TestKeyThatIsTaken(t *testing.T) {
	f := newFixture(t)
	s := f.session()
	m := NewRWMutex(s, f.name)
	f.must(m.RLock(f.soon()))
	key := m.Key()
	f.must(m.Unlock())
	_, err := f.client.Put(f.soon(), key, "vandal")
	f.must(err)
	f.must(m.RLock(f.soon()))
	if m.Key() == key {
		t.Error("took over a key that another has put")
	}
	f.must(m.Unlock())
	f.must(m.TryRLock(f.soon()))
	f.must(m.Unlock())
	if n := f.keys(); n != 1 {
		t.Errorf("%d keys, want only the other's", n)
	}
	_, err = f.client.Delete(f.soon(), key)
	f.must(err)
}

func TestErrBusyTakesNoKey(t *testing.T) {
	f := newFixture(t)
	m := f.mutex()
	f.must(m.RWLock(f.soon()))
	key := m.Key()
	for range 3 {
		f.mustBe(m.RWLock(f.soon()), ErrBusy)
		f.mustBe(m.RLock(f.soon()), ErrBusy)
	}
	f.must(m.Unlock())
	f.must(m.RWLock(f.soon()))
	if m.Key() != key {
		t.Errorf("key %s, want %s again", m.Key(), key)
	}
	f.must(m.Unlock())
}

// The token does not shrink: a store that has seen the upgraded one would
// refuse the rightful holder.
func TestTokenAfterDowngrade(t *testing.T) {
	f := newFixture(t)
	m := f.mutex()
	f.must(m.RLock(f.soon()))
	f.must(m.TryUpgrade(f.soon()))
	token := m.Token()
	f.must(m.Downgrade(f.soon()))
	if m.Token() != token {
		t.Errorf("token %d after %d", m.Token(), token)
	}
	f.must(m.Unlock())
}

// Do gives back the hold that it took, and no other.
func TestDoAndAnUnlockInBetween(t *testing.T) {
	f := newFixture(t)
	m := f.mutex()
	err := m.RWDo(f.soon(), func(ctx context.Context) error {
		f.must(m.Unlock())
		return m.RLock(ctx)
	})
	f.mustBe(err, ErrNotHeld)
	if m.Token() == 0 {
		t.Error("RWDo unlocked a hold that it did not take")
	}
	f.must(m.Unlock())
}

// While a Set waits for one lock, the loss of its request for another ends it.
func TestSetThatLosesARequestWhileItWaits(t *testing.T) {
	f := newFixture(t)
	a, b := f.name+"/a", f.name+"/b"
	holder := NewRWMutex(f.session(), a)
	f.must(holder.RWLock(f.soon()))
	set := NewSet(f.session(), []LockRequest{{a, Write}, {b, Write}})
	waiter := start(func() error { return set.Lock(f.soon()) })
	f.queued(3)
	_, err := f.client.Delete(f.soon(), b+"/write/", clientv3.WithPrefix())
	f.must(err)
	f.mustBe(f.await(waiter), ErrLost)
	f.must(holder.Unlock())
	f.mustHaveNoKeys()
}

// Renewals go over one stream: a stream for each would be a login for each
// where there is a password.
func TestRenewalsShareAStream(t *testing.T) {
	f := newFixture(t)
	s, err := NewSession(f.soon(), f.client, time.Second)
	f.must(err)
	defer func() { _ = s.Close() }()
	deadline := s.Deadline()
	etcdtest.Eventually(t, "renewed once", func() bool { return s.Deadline().After(deadline) })
	deadline = s.Deadline()
	first := s.stream // not written while the renewals go well
	etcdtest.Eventually(t, "renewed again", func() bool { return s.Deadline().After(deadline) })
	if s.stream != first || first == nil {
		t.Error("a renewal opened another stream")
	}
}

// A reader behind a writer watches all keys between its own and the writer's.
// Where others' keys come and go there, it watches the writer alone.
func TestNoiseBetweenReadersAndWriters(t *testing.T) {
	f := newFixture(t)
	holder := f.mutex()
	f.must(holder.RWLock(f.soon()))
	client := etcdtest.Client(t, etcdtest.Shared(t))
	calls := count(client)
	m := NewRWMutex(etcdtest.Session(t, client, 60), f.name)
	waiter := start(func() error { return m.RLock(f.soon()) })
	const wide, narrow = 1, 3 // watches: of all, then of the writer and of its own key
	etcdtest.Eventually(t, "it watches", func() bool { return calls.watches.Load() == wide && calls.total() > 2 })
	between := f.name + "/status"
	for range maxIrrelevantEvents + 1 {
		_, err := f.client.Put(f.soon(), between, "")
		f.must(err)
		_, err = f.client.Delete(f.soon(), between)
		f.must(err)
	}
	etcdtest.Eventually(t, "it watches less", func() bool { return calls.watches.Load() == narrow })
	f.waiting(waiter)
	f.must(holder.Unlock())
	f.must(f.await(waiter))
	f.must(m.Unlock())
}

// A user who may use a lock's two directories, and nothing between them, gets
// the lock all the same.
func TestPermissionForTheTwoDirectories(t *testing.T) {
	endpoint := etcdtest.Start(t)
	f := fixture{T: t, client: etcdtest.Client(t, endpoint), name: "/a"}
	holder := f.mutex()
	f.must(holder.RWLock(f.soon()))
	ctx, admin := f.soon(), f.client
	do := func(_ any, err error) {
		t.Helper()
		f.must(err)
	}
	do(admin.UserAdd(ctx, "root", "secret"))
	do(admin.UserGrantRole(ctx, "root", "root"))
	do(admin.RoleAdd(ctx, "locker"))
	for _, mode := range []Mode{Read, Write} {
		dir := keyspace.Dir(f.name, mode.inKeys())
		do(admin.RoleGrantPermission(ctx, "locker", dir, clientv3.GetPrefixRangeEnd(dir), clientv3.PermissionType(clientv3.PermReadWrite)))
	}
	do(admin.UserAdd(ctx, "user", "secret"))
	do(admin.UserGrantRole(ctx, "user", "locker"))
	do(admin.AuthEnable(ctx))
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Username: "user", Password: "secret", Logger: zap.NewNop()})
	f.must(err)
	t.Cleanup(func() { _ = client.Close() })
	root, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Username: "root", Password: "secret", Logger: zap.NewNop()})
	f.must(err)
	t.Cleanup(func() { _ = root.Close() })

	s, err := NewSession(ctx, client, 10*time.Second)
	f.must(err)
	calls := count(client)
	m := s.NewRWMutex(f.name)
	waiter := start(func() error { return m.RLock(ctx) })
	etcdtest.Eventually(t, "it watches what it may", func() bool { return calls.watches.Load() == 3 })
	do(root.Delete(ctx, holder.Key()))
	f.must(f.await(waiter))
	f.must(m.Unlock())
}
