package console

import (
	"context"
	"errors"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
	"etcd-lock/tui/backend"
)

func newLocker(t *testing.T) (*locker, *clientv3.Client) {
	t.Helper()
	endpoint := etcdtest.Start(t)
	l := &locker{connect: connectTo(endpoint), timeout: 10 * time.Second}
	t.Cleanup(l.close)
	return l, etcdtest.Client(t, endpoint)
}

func connectTo(endpoint string) func(context.Context, string, ...grpc.DialOption) (*clientv3.Client, error) {
	return func(ctx context.Context, _ string, opts ...grpc.DialOption) (*clientv3.Client, error) {
		return etcd.Config{Endpoints: []string{endpoint}, DialTimeout: 10 * time.Second}.Connect(ctx, opts...)
	}
}

// takes returns when a client holds a lock.
func takes(t *testing.T, c backend.Client, name string, mode keyspace.Mode) backend.Ticket {
	t.Helper()
	tk, err := c.Request(t.Context(), name, mode)
	if err != nil {
		t.Fatal(err)
	}
	if err := tk.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return tk
}

func mustBe(t *testing.T, c backend.Client, life backend.Life) {
	t.Helper()
	if got := c.State(); got.Life != life {
		t.Errorf("state %+v, want life %d", got, life)
	}
}

func TestLocker(t *testing.T) {
	t.Parallel()
	l, _ := newLocker(t)
	c := l.Client("tui", 10*time.Second)
	mustBe(t, c, backend.Unopened)
	tk, err := c.Request(t.Context(), "/a", keyspace.Write)
	if err != nil {
		t.Fatal(err)
	}
	mustBe(t, c, backend.Alive)
	if tk.Key() != "" {
		t.Errorf("Key before Wait = %q", tk.Key())
	}
	if err := tk.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	key, ok := keyspace.ParseRWLock(tk.Key())
	if !ok || key.Name != "/a" || key.Mode != keyspace.Write {
		t.Errorf("Key = %q", tk.Key())
	}
	t.Run("a waiter of another client can be cancelled", func(t *testing.T) {
		reader, err := l.Client("other", 10*time.Second).Request(t.Context(), "/a", keyspace.Read)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := reader.Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Wait = %v", err)
		}
	})
	if err := tk.Release(); err != nil {
		t.Error(err)
	}
}

func TestLockerErrInvalidName(t *testing.T) {
	l, _ := newLocker(t)
	if _, err := l.Client("tui", time.Second).Request(t.Context(), "", keyspace.Read); !errors.Is(err, rwlock.ErrInvalidName) {
		t.Errorf("Request = %v", err)
	}
}

// TestLockerEnds ends sessions in all possible ways. The next request opens another.
func TestLockerEnds(t *testing.T) {
	t.Parallel()
	l, etcd := newLocker(t)
	c := l.Client("tui", 2*time.Second)
	lives := func(lease int64) bool {
		left, err := etcd.TimeToLive(t.Context(), clientv3.LeaseID(lease))
		if err != nil {
			t.Fatal(err)
		}
		return left.TTL > 0
	}

	t.Run("revoked by another client", func(t *testing.T) {
		tk := takes(t, c, "/a", keyspace.Read)
		if _, err := etcd.Revoke(t.Context(), clientv3.LeaseID(c.State().Lease)); err != nil {
			t.Fatal(err)
		}
		<-tk.Lost()
		etcdtest.Eventually(t, "it shows as expired", func() bool { return c.State().Life == backend.Expired })
	})
	t.Run("closed", func(t *testing.T) {
		takes(t, c, "/a", keyspace.Write)
		lease := c.State().Lease
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		mustBe(t, c, backend.Closed)
		if lives(lease) {
			t.Error("the lease is alive")
		}
		if err := c.Close(); err != nil {
			t.Errorf("once more: %v", err)
		}
	})
	t.Run("crashed", func(t *testing.T) {
		tk := takes(t, c, "/a", keyspace.Write)
		lease := c.State().Lease
		c.Crash()
		mustBe(t, c, backend.Crashed)
		<-tk.Lost()
		if !lives(lease) {
			t.Error("the lease is not alive")
		}
		next := takes(t, c, "/a", keyspace.Write) // once the lease has expired
		if lives(lease) || c.State().Lease == lease || next.Token() <= 0 {
			t.Errorf("the lease is alive: %+v", c.State())
		}
	})
}

// TestLockerPause pauses a client for longer than its lease lives.
func TestLockerPause(t *testing.T) {
	t.Parallel()
	l, _ := newLocker(t)
	c, other := l.Client("paused", time.Second), l.Client("other", 10*time.Second)
	late := takes(t, c, "/a", keyspace.Write)
	c.Pause()
	c.Pause() // changes nothing
	mustBe(t, c, backend.Paused)
	next := takes(t, other, "/a", keyspace.Write)
	select {
	case <-late.Lost():
		t.Error("noticed its loss while it was paused")
	default:
	}
	if next.Token() <= late.Token() {
		t.Errorf("tokens %d, then %d", late.Token(), next.Token())
	}
	c.Resume()
	<-late.Lost()
	etcdtest.Eventually(t, "it shows as expired", func() bool { return c.State().Life == backend.Expired })

	t.Run("closed", func(t *testing.T) {
		takes(t, c, "/b", keyspace.Write)
		c.Pause()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		takes(t, other, "/b", keyspace.Write)
	})
}

// TestLockerRelease: a lock that could not be released keeps its key, and can be
// released again; a lock that was lost is not released.
func TestLockerRelease(t *testing.T) {
	t.Parallel()
	s := etcdtest.StartSecure(t, false)
	etcdtest.EnableAuth(t, s.Client(""), map[string][]etcdtest.Grant{"bob": {etcdtest.ReadWrite("/a/")}})
	root := s.Client("root")
	l := &locker{timeout: 10 * time.Second, connect: func(ctx context.Context, _ string, opts ...grpc.DialOption) (*clientv3.Client, error) {
		return s.Config("bob").Connect(ctx, opts...)
	}}
	t.Cleanup(l.close)
	c, end := l.Client("tui", 60*time.Second), clientv3.GetPrefixRangeEnd("/a/")
	there := func(key string) bool {
		resp, err := root.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return resp.Count > 0
	}

	may := func(may bool) {
		t.Helper()
		_, err := root.RoleGrantPermission(t.Context(), "bob", "/a/", end, clientv3.PermissionType(clientv3.PermReadWrite))
		if !may {
			_, err = root.RoleRevokePermission(t.Context(), "bob", "/a/", end)
		}
		if err != nil {
			t.Fatal(err)
		}
	}

	tk := takes(t, c, "/a/x", keyspace.Write)
	key := tk.Key()
	may(false)
	for range 2 {
		if err := tk.Release(); err == nil || errors.Is(err, backend.ErrLost) || tk.Key() != key || !there(key) {
			t.Errorf("Release without the right = %v, key %q", err, tk.Key())
		}
	}
	may(true)
	for range 2 {
		if err := tk.Release(); err != nil || there(key) {
			t.Errorf("Release = %v", err)
		}
	}

	tk = takes(t, c, "/a/x", keyspace.Write)
	if _, err := root.Delete(t.Context(), tk.Key()); err != nil {
		t.Fatal(err)
	}
	if err := tk.Release(); !errors.Is(err, backend.ErrLost) {
		t.Errorf("Release of what is lost = %v", err)
	}

	tk = takes(t, l.Client("short", 2*time.Second), "/a/y", keyspace.Write)
	may(false)
	if err := tk.Release(); err == nil || errors.Is(err, backend.ErrLost) {
		t.Errorf("Release without the right = %v", err)
	}
	etcdtest.Eventually(t, "it is lost with its session", func() bool { return errors.Is(tk.Release(), backend.ErrLost) })
}

// TestLockerLostReply: a lock whose release was carried out is released, whatever
// the client heard of it.
func TestLockerLostReply(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	middleman, admin := etcdtest.NewMiddleman(t, endpoint), etcdtest.Client(t, endpoint)
	l := &locker{connect: connectTo(middleman.Addr), timeout: 10 * time.Second}
	t.Cleanup(l.close)
	c := l.Client("tui", 60*time.Second)
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		for _, count := range []int{1, 2} {
			tk := takes(t, c, "/a", keyspace.Write)
			middleman.Lose(func(call int, _ string) etcdtest.Loss {
				if call >= count {
					return etcdtest.Loss{}
				}
				return etcdtest.Loss{Code: code}
			})
			err := tk.Release()
			middleman.Lose(nil)
			if err != nil {
				t.Errorf("Release with %d replies lost by %s = %v", count, code, err)
			}
			if resp, err := admin.Get(t.Context(), "/a/", clientv3.WithPrefix()); err != nil || len(resp.Kvs) != 0 {
				t.Errorf("%d keys are left with %s, %v", len(resp.Kvs), code, err)
			}
		}
	}
}
