package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
	"etcd-lock/simulate"
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

// TestLockerEnds ends sessions in all the ways that there are. Whatever is asked
// for next opens another.
func TestLockerEnds(t *testing.T) {
	l, etcd := newLocker(t)
	c := l.Client("tui", 2*time.Second)
	lives := func(lease int64) bool {
		left, err := etcd.TimeToLive(t.Context(), clientv3.LeaseID(lease))
		if err != nil {
			t.Fatal(err)
		}
		return left.TTL > 0
	}

	t.Run("revoked by somebody else", func(t *testing.T) {
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
			t.Error("the lease lives on")
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
			t.Error("the lease is gone at once")
		}
		next := takes(t, c, "/a", keyspace.Write) // when the lease has run out
		if lives(lease) || c.State().Lease == lease || next.Token() <= 0 {
			t.Errorf("the lease lives on: %+v", c.State())
		}
	})
}

// TestLockerPause has a client stand still for longer than its lease lives.
func TestLockerPause(t *testing.T) {
	l, _ := newLocker(t)
	c, other := l.Client("paused", time.Second), l.Client("other", 10*time.Second)
	late := takes(t, c, "/a", keyspace.Write)
	c.Pause()
	c.Pause() // changes nothing
	mustBe(t, c, backend.Paused)
	next := takes(t, other, "/a", keyspace.Write)
	select {
	case <-late.Lost():
		t.Error("heard of its loss while it stood still")
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

// TestLockerRelease: what could not be given back is known by its key, and can be
// given back again; what was lost is not given back.
func TestLockerRelease(t *testing.T) {
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

func TestScenarios(t *testing.T) {
	s := scenarios{etcd: simulate.Etcd{Connect: connectTo(etcdtest.Start(t))}}
	t.Run("List", func(t *testing.T) {
		list := s.List()
		i := slices.IndexFunc(list, func(sc backend.Scenario) bool { return sc.Name == "four-clients" })
		if i < 0 || list[i].About == "" || list[i].Alone || !slices.Equal(list[i].Locks, []string{"/mylocks/a"}) {
			t.Errorf("List = %+v", list)
		}
	})
	t.Run("ErrUnknown", func(t *testing.T) {
		if _, err := s.Play("nope", 1).Run(t.Context(), nil); err == nil {
			t.Error("ran what there is not")
		}
	})
	t.Run("Run ends with its context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		steps := 0
		play := s.Play("four-clients", 1)
		_, err := play.Run(ctx, func(backend.ScenarioStep) { steps++; cancel() })
		if !errors.Is(err, context.Canceled) || steps == 0 {
			t.Errorf("Run = %v after %d steps", err, steps)
		}
	})
	t.Run("a file that fails", func(t *testing.T) {
		dir := t.TempDir()
		file := filepath.Join(dir, "never.yaml")
		text := "name: never\nclients:\n  - name: a\n    steps:\n      - write: /never\n        expect: deadline\n      - unlock: /never\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := s.Paths(filepath.Join(dir, "n")); !slices.Equal(got, []string{file}) {
			t.Errorf("Paths = %q", got)
		}
		if _, err := s.Read(filepath.Join(dir, "none.yaml")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("Read of no file = %v", err)
		}
		sc, err := s.Read(file)
		if err != nil || sc.Name != file {
			t.Fatalf("Read = %+v, %v", sc, err)
		}
		play := s.Play(sc.Name, 2)
		failures, err := play.Run(t.Context(), func(backend.ScenarioStep) {})
		if err != nil || len(failures) != 1 || !strings.Contains(failures[0], "want deadline, got granted") {
			t.Errorf("Run = %q, %v", failures, err)
		}
		lanes := play.State().Lanes
		wrote := len(lanes) == 1 && slices.ContainsFunc(lanes[0].Spans, func(s backend.ScenarioSpan) bool { return s.Holds == keyspace.Write })
		if !wrote {
			t.Errorf("lanes %+v", lanes)
		}
	})
}

func TestRecorder(t *testing.T) {
	l, client := newLocker(t)
	takes(t, l.Client("tui", 10*time.Second), "/a", keyspace.Write)
	r := recorder{source: inspect.NewSource(client)}
	file := filepath.Join(t.TempDir(), "recording.yaml")
	var summary string
	long := 50 * time.Millisecond
	etcdtest.Eventually(t, "it has seen the request before it ends", func() bool {
		long *= 2
		ctx, cancel := context.WithTimeout(t.Context(), long)
		defer cancel()
		var err error
		summary, err = r.Record(ctx, file)
		return err == nil
	})
	if !strings.Contains(summary, "recorded 1 request") {
		t.Errorf("summary %q", summary)
	}
	if _, err := (scenarios{}).Read(file); err != nil {
		t.Error(err)
	}
	if _, err := r.Record(t.Context(), file); err == nil {
		t.Error("the file was written over")
	}
}
