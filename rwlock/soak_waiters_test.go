package rwlock_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/rwlock"
)

// A thousand who wait for one lock and lose their patience at random moments
// leave nothing behind: no key, no goroutine, and a lock that works.
func TestAThousandWaitersDrain(t *testing.T) {
	const n, name = 1000, "/thousand"
	ctx := t.Context()
	sessions := threeSessions(ctx, t)
	keys := func() int {
		resp, err := sessions[0].Client().Get(ctx, name+"/", clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil {
			t.Fatal(err)
		}
		return int(resp.Count)
	}
	holder := sessions[0].NewRWMutex(name)
	if err := holder.RWLock(ctx); err != nil {
		t.Fatal(err)
	}

	rng := rand.New(rand.NewPCG(shortSeed, n))
	done := make(chan error, n)
	for i := range n {
		// Most are cancelled as they wait, some before or as they begin to.
		impatient, cancel := context.WithTimeout(ctx, between(rng, 0, 3*time.Second))
		m := sessions[i%len(sessions)].NewRWMutex(name)
		acquire := m.RLock
		if rng.IntN(2) == 0 {
			acquire = m.RWLock
		}
		go func() {
			defer cancel()
			done <- acquire(impatient)
		}()
	}
	for range n {
		if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a waiter returned %v, want that its deadline was exceeded", err)
		}
	}
	drains(t, "keys", keys, 1) // the holder's
	if err := holder.Unlock(); err != nil {
		t.Error(err)
	}
	for _, s := range sessions {
		if err := s.NewRWMutex(name).RWDo(ctx, func(context.Context) error { return nil }); err != nil {
			t.Error("the lock does not work afterwards: ", err)
		}
	}
	if n := keys(); n != 0 {
		t.Errorf("%d keys left", n)
	}
	// A put whose reply nobody waited for is looked after for as long as it may
	// come through, or until the session ends.
	for _, s := range sessions {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	drains(t, "goroutines", goroutines, 0)
}

// drains waits until only so many are left. It fails the test when no more are gone for
// 30 seconds: how long a thousand take depends on what else the machine does.
func drains(t *testing.T, what string, count func() int, until int) {
	t.Helper()
	for left := count(); left > until; {
		before := left
		etcdtest.Eventually(t, fmt.Sprintf("fewer than %d %s are left", before, what), func() bool {
			left = count()
			return left < before
		})
	}
}

func threeSessions(ctx context.Context, t *testing.T) []*rwlock.Session {
	t.Helper()
	var sessions []*rwlock.Session
	for range 3 {
		s, err := rwlock.NewSession(ctx, etcdtest.Client(t, etcdtest.Shared(t)), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		sessions = append(sessions, s)
	}
	return sessions
}

// goroutines counts those that rwlock has started.
func goroutines() int {
	stacks := make([]byte, 1<<20)
	for {
		n := runtime.Stack(stacks, true)
		if n < len(stacks) {
			return strings.Count(string(stacks[:n]), "created by etcd-lock/rwlock.")
		}
		stacks = make([]byte, 2*len(stacks))
	}
}
