package cli

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
	"etcd-lock/simulate"
)

func newLocker(t *testing.T) *locker {
	t.Helper()
	l := &locker{client: etcdtest.Client(t, etcdtest.Start(t)), timeout: 10 * time.Second}
	t.Cleanup(l.close)
	return l
}

func TestLocker(t *testing.T) {
	l := newLocker(t)
	tk, err := l.Request(t.Context(), "/a", keyspace.Write)
	if err != nil {
		t.Fatal(err)
	}
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
	t.Run("a waiter can be cancelled", func(t *testing.T) {
		reader, err := l.Request(t.Context(), "/a", keyspace.Read)
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
	if _, err := newLocker(t).Request(t.Context(), "", keyspace.Read); !errors.Is(err, rwlock.ErrInvalidName) {
		t.Errorf("Request = %v", err)
	}
}

// TestLockerReopens has the session's lease revoked by somebody else.
func TestLockerReopens(t *testing.T) {
	l := newLocker(t)
	s, err := l.live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.client.Revoke(t.Context(), s.Lease()); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	tk, err := l.Request(t.Context(), "/a", keyspace.Read)
	if err != nil {
		t.Fatal(err)
	}
	if err := tk.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.close()
	left, err := l.client.Get(t.Context(), "/a", clientv3.WithPrefix())
	if err != nil || len(left.Kvs) != 0 {
		t.Errorf("left after close: %v, %v", left, err)
	}
}

func TestScenarios(t *testing.T) {
	endpoint := etcdtest.Start(t)
	s := scenarios{etcd: simulate.Etcd{Connect: func(ctx context.Context, _ string, opts ...grpc.DialOption) (*clientv3.Client, error) {
		return etcd.Config{Endpoints: []string{endpoint}, DialTimeout: 10 * time.Second}.Connect(ctx, opts...)
	}}}
	t.Run("List", func(t *testing.T) {
		var names []string
		for _, sc := range s.List() {
			names = append(names, sc.Name)
		}
		if !slices.Contains(names, "four-clients") || slices.Contains(names, "leader-killed-under-load") {
			t.Errorf("List = %q", names)
		}
	})
	t.Run("ErrUnknown", func(t *testing.T) {
		if err := s.Run(t.Context(), "nope", nil); !errors.Is(err, simulate.ErrUnknown) {
			t.Errorf("Run = %v", err)
		}
	})
	t.Run("Run ends with its context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		lines := 0
		err := s.Run(ctx, "four-clients", func(string) { lines++; cancel() })
		if !errors.Is(err, context.Canceled) || lines == 0 {
			t.Errorf("Run = %v after %d lines", err, lines)
		}
	})
}
