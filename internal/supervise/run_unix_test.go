//go:build unix

package supervise

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/rwlock"
)

// stubborn is a command whose grandchild does not hear TERM.
const stubborn = `sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done' & wait`

func TestRun(t *testing.T) {
	endpoint := etcdtest.Start(t)
	client := etcdtest.Client(t, endpoint)
	start := func(t *testing.T, script string) *execution {
		t.Helper()
		t.Parallel()
		return begin(t, client, endpoint, "3s", script)
	}
	// Parallel, but ended before etcd is.
	t.Run("group", func(t *testing.T) {
		t.Run("SIGTERM is passed on and the lock is given back", func(t *testing.T) {
			e := start(t, "echo ready; exec sleep 100")
			e.expect("ready")
			e.signal(syscall.SIGTERM)
			e.exits(128 + int(syscall.SIGTERM))
			e.leavesNothing()
		})
		t.Run("a command that ignores signals keeps its lock", func(t *testing.T) {
			e := start(t, `trap "" INT TERM; trap "exit 5" USR1; echo ready; while :; do sleep 0.1; done`)
			e.expect("ready")
			for range 2 {
				e.signal(syscall.SIGINT)
				e.signal(syscall.SIGTERM)
			}
			if keys := e.keys(); len(keys) != 1 {
				t.Errorf("keys while the command runs: %q", keys)
			}
			e.signal(syscall.SIGUSR1)
			e.exits(5)
			e.leavesNothing()
		})
		t.Run("a signal ends the waiting and leaves nothing", func(t *testing.T) {
			m := rwlock.NewRWMutex(etcdtest.Session(t, client, 20), "/"+t.Name())
			if err := m.RWLock(t.Context()); err != nil {
				t.Fatal(err)
			}
			e := start(t, "echo never")
			etcdtest.Eventually(t, "a waiter", func() bool { return len(e.keys()) == 2 })
			e.signal(syscall.SIGTERM)
			e.exits(128+int(syscall.SIGTERM), "interrupted")
			if keys := e.keys(); len(keys) != 1 {
				t.Errorf("left in etcd: %q", keys)
			}
		})
		t.Run("the same signal twice leaves nothing either", func(t *testing.T) {
			m := rwlock.NewRWMutex(etcdtest.Session(t, client, 20), "/"+t.Name())
			if err := m.RWLock(t.Context()); err != nil {
				t.Fatal(err)
			}
			for range 5 {
				e := begin(t, client, endpoint, "60s", "echo never")
				etcdtest.Eventually(t, "a waiter", func() bool { return len(e.keys()) == 2 })
				for range 3 {
					e.signal(syscall.SIGTERM)
				}
				e.exits(128+int(syscall.SIGTERM), "interrupted")
				if keys := e.keys(); len(keys) != 1 {
					t.Errorf("left in etcd: %q", keys)
				}
			}
		})
		t.Run("SIGINT kills a waiter as a shell expects", func(t *testing.T) {
			m := rwlock.NewRWMutex(etcdtest.Session(t, client, 20), "/"+t.Name())
			if err := m.RWLock(t.Context()); err != nil {
				t.Fatal(err)
			}
			e := start(t, "echo never")
			etcdtest.Eventually(t, "a waiter", func() bool { return len(e.keys()) == 2 })
			e.signal(syscall.SIGINT)
			e.exits(-1)
			if keys := e.keys(); len(keys) != 1 {
				t.Errorf("left in etcd: %q", keys)
			}
		})
		t.Run("the group dies when the key is deleted", func(t *testing.T) {
			e := start(t, stubborn)
			e.expect("ready")
			if _, err := client.Delete(t.Context(), e.keys()[0]); err != nil {
				t.Fatal(err)
			}
			e.groupEnds()
			e.exits(lostCode, "was lost: terminating the command")
		})
		t.Run("the group dies when the lease is revoked", func(t *testing.T) {
			e := start(t, `trap "" TERM; `+stubborn)
			e.expect("ready")
			resp, err := client.Get(t.Context(), e.keys()[0])
			if err == nil {
				_, err = client.Revoke(t.Context(), clientv3.LeaseID(resp.Kvs[0].Lease))
			}
			if err != nil {
				t.Fatal(err)
			}
			e.groupEnds()
			e.exits(lostCode, "was lost: terminating the command", "was lost: killed the command")
			e.leavesNothing()
		})
		t.Run("a stopped command ends when the lock is lost", func(t *testing.T) {
			e := start(t, "echo ready; kill -STOP $$")
			e.expect("ready")
			if _, err := client.Delete(t.Context(), e.keys()[0]); err != nil {
				t.Fatal(err)
			}
			e.groupEnds()
			e.exits(lostCode)
		})
		t.Run("a loss just before the end is told", func(t *testing.T) {
			e := start(t, `trap "" TERM; echo ready; read x`)
			e.expect("ready")
			if _, err := client.Delete(t.Context(), e.keys()[0]); err != nil {
				t.Fatal(err)
			}
			_ = e.stdin.Close()
			e.exits(lostCode, "lost")
		})
		t.Run("a command is told once that others wait, and keeps its lock until it ends", func(t *testing.T) {
			e := start(t, `trap "echo asked" USR2; trap "exit 5" USR1; echo ready; while :; do sleep 0.05; done`)
			e.expect("ready")
			var waits []chan error
			for n := range 2 {
				m := rwlock.NewRWMutex(etcdtest.Session(t, client, 20), "/"+t.Name())
				done := make(chan error, 1)
				go func() { done <- m.RWDo(context.Background(), func(context.Context) error { return nil }) }()
				waits = append(waits, done)
				etcdtest.Eventually(t, "a waiter", func() bool { return len(e.keys()) == n+2 })
				if n == 0 {
					e.expect("asked")
				}
			}
			e.signal(syscall.SIGUSR1)
			e.exits(5, "others wait for ")
			for line := range e.lines {
				t.Errorf("told again: %q", line)
			}
			for _, done := range waits {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			e.leavesNothing()
		})
		t.Run("others who wait when the lock is granted count", func(t *testing.T) {
			s := etcdtest.Session(t, client, 20)
			first, last := rwlock.NewRWMutex(s, "/"+t.Name()), rwlock.NewRWMutex(s, "/"+t.Name())
			if err := first.RWLock(t.Context()); err != nil {
				t.Fatal(err)
			}
			e := start(t, `: USR2; exec sleep 100`)
			etcdtest.Eventually(t, "the command's request", func() bool { return len(e.keys()) == 2 })
			done := make(chan error, 1)
			go func() { done <- last.RLock(context.Background()) }()
			etcdtest.Eventually(t, "a waiter", func() bool { return len(e.keys()) == 3 })
			if err := first.Unlock(); err != nil {
				t.Fatal(err)
			}
			e.exits(128+int(syscall.SIGUSR2), "others wait for ")
			if err := <-done; err != nil {
				t.Error(err)
			}
			if err := last.Unlock(); err != nil {
				t.Error(err)
			}
			e.leavesNothing()
		})
		t.Run("what is left in the background is let be", func(t *testing.T) {
			e := start(t, `exec 3<&0; (read x <&3; echo late) 2>&- & exit 0`)
			e.exits(0) // which closes its standard input
			e.leavesNothing()
			e.expect("late")
		})
	})
}

// TestRunCutOff cuts the network: the command is told to end, and dead before
// etcd can give the lock to another.
func TestRunCutOff(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	network := etcdtest.NewProxy(t, endpoint)
	client := etcdtest.Client(t, endpoint)
	e := begin(t, client, network.Addr, "4s", `trap "echo term" TERM; echo ready; while :; do sleep 0.1; done`)
	e.expect("ready")
	gone := client.Watch(t.Context(), e.name+"/", clientv3.WithPrefix(), clientv3.WithFilterPut(), clientv3.WithCreatedNotify())
	<-gone
	network.Cut()
	e.expect("term")
	if keys := e.keys(); len(keys) != 1 {
		t.Errorf("keys when the command is told to end: %q", keys)
	}
	dead := make(chan struct{})
	go func() {
		defer close(dead)
		for range e.lines { // until nobody of the group lives
		}
	}()
	select {
	case <-dead:
	case <-gone:
		t.Error("the lock was free before the command was dead")
	}
	e.exits(lostCode, "was not renewed in time: terminating the command", "was not renewed in time: killed the command")
}

// TestRunLockDelay has a command end because its lease was not renewed in time. Etcd can be
// reached again when it has, and keeps the lock all the same.
func TestRunLockDelay(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	network := etcdtest.NewProxy(t, endpoint)
	client := etcdtest.Client(t, endpoint)
	e := begin(t, client, network.Addr, "6s", `trap "echo term" TERM; echo ready; until read delay; do :; done`)
	e.expect("ready")
	keys, err := client.Get(t.Context(), e.name+"/", clientv3.WithPrefix())
	if err != nil || len(keys.Kvs) != 1 {
		t.Fatalf("keys %v, %v", keys, err)
	}
	lease := clientv3.LeaseID(keys.Kvs[0].Lease)
	network.Cut()
	e.expect("term")
	network.Heal()
	if _, err := e.stdin.Write([]byte("end\n")); err != nil {
		t.Fatal(err)
	}
	e.exits(lostCode, "was not renewed in time: terminating the command")
	if keys := e.keys(); len(keys) != 1 {
		t.Errorf("keys after the command was ended: %q", keys)
	}
	if _, err := client.Revoke(t.Context(), lease); err != nil {
		t.Error(err)
	}
}

func TestEnviron(t *testing.T) {
	for _, name := range []string{"ETCD_LOCK_NAME", "ETCD_LOCK_KEY", "ETCD_LOCK_TOKEN", "ETCD_LOCK_REV", "OTHER"} {
		t.Setenv(name, "outer")
	}
	s := etcdtest.Client(t, etcdtest.Start(t))
	session, err := rwlock.NewSession(t.Context(), s, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	names := []string{"/b", "/a"}
	set := session.NewSet([]rwlock.LockRequest{{Name: "/b", Mode: rwlock.Read}, {Name: "/a", Mode: rwlock.Read}})
	if err := set.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	env := environ(names, set)
	for name, count := range map[string]int{"ETCD_LOCK_NAME": 1, "ETCD_LOCK_KEY": 1, "ETCD_LOCK_TOKEN": 1, "ETCD_LOCK_REV": 1, "OTHER": 1} {
		if n := len(slices.DeleteFunc(slices.Clone(env), func(p string) bool { return envName(p) != name })); n != count {
			t.Errorf("%s is set %d times", name, n)
		}
	}
	if !slices.Contains(env, "ETCD_LOCK_NAME=/b\n/a") || !slices.Contains(env, "OTHER=outer") || slices.Contains(env, "ETCD_LOCK_KEY=outer") {
		t.Errorf("environment %q", env)
	}
}
