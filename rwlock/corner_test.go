package rwlock

import (
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
	const wide, narrow = 1, 2 // watches: of all, then of the writer and of its own key
	// There are more where a busy machine breaks the connection.
	etcdtest.Eventually(t, "it watches", func() bool { return calls.watches.Load() >= wide && calls.total() > 2 })
	before := calls.watches.Load()
	between := f.name + "/status"
	for range maxIrrelevantEvents + 1 {
		_, err := f.client.Put(f.soon(), between, "")
		f.must(err)
		_, err = f.client.Delete(f.soon(), between)
		f.must(err)
	}
	etcdtest.Eventually(t, "it watches less", func() bool { return calls.watches.Load() >= before+narrow })
	f.waiting(waiter)
	f.must(holder.Unlock())
	f.must(f.await(waiter))
	f.must(m.Unlock())
}

// A user who may use a lock's two directories, and nothing between them, gets
// the lock all the same.
func TestPermissionForTheTwoDirectories(t *testing.T) {
	t.Parallel()
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
