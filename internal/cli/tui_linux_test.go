package cli

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/ptytest"
	"etcd-lock/rwlock"
)

// quitKey is ctrl+c, which quits from any screen.
const quitKey = "\x03"

// TestTUI is a night shift in a real terminal, on an etcd that is a process of
// its own: a lock is stuck, it is found, why is read, it is released, and the
// next one is seen to hold. Nothing is left.
func TestTUI(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.StartProcess(t).Endpoint
	client := etcdtest.Client(t, endpoint)
	stuck := keyspace.Encode("/orders", keyspace.Write, "left-behind")
	if _, err := client.Put(context.Background(), stuck, ""); err != nil { // without a lease, it stays
		t.Fatal(err)
	}
	holds, done := waiter(t, client, "/orders")
	tmp, audit := t.TempDir(), filepath.Join(t.TempDir(), "audit.jsonl")

	tm := startTerminal(t, tmp, "tui", "--endpoints", endpoint, "--audit", audit)
	tm.WaitToShow("/orders", "✗", "without a lease")
	tm.Press("3")
	tm.WaitToShow("no-lease", "release --request "+stuck, "del "+stuck)
	tm.Press("\r")
	tm.WaitToShow("1 holding, 1 waiting", "behind 1: writer #1")
	tm.Press("\x18") // ctrl+x
	tm.WaitToShow("gets write /orders", "fenced", "[ No ]")
	tm.Press("y")
	<-holds
	tm.WaitToShow("is now held by billing")
	tm.Press("[")
	tm.WaitToShow("PAST rev")
	tm.Press("b")
	done()
	tm.Press(quitKey)
	if err := tm.Wait(); err != nil {
		t.Error(err)
	}

	left, err := client.Get(context.Background(), "/", clientv3.WithPrefix())
	if err != nil || len(left.Kvs) > 0 {
		t.Errorf("left in etcd: %v, %v", left, err)
	}
	if line, err := os.ReadFile(audit); err != nil || !strings.Contains(string(line), stuck) {
		t.Errorf("audit log: %q, %v", line, err)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

// waiter asks for a lock as billing, and holds it, once it is granted, until
// that is done.
func waiter(t *testing.T, client *clientv3.Client, name string) (holds <-chan struct{}, done func()) {
	t.Helper()
	m := rwlock.NewRWMutex(etcdtest.Session(t, client, 60), name, rwlock.WithLabel("billing"))
	granted, over, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- m.RWDo(t.Context(), func(context.Context) error {
			close(granted)
			<-over
			return nil
		})
	}()
	l := &locks{tb: t, client: client}
	etcdtest.Eventually(t, "somebody waits", func() bool { return l.count(name) == 2 })
	return granted, func() {
		close(over)
		if err := <-ended; err != nil {
			t.Errorf("the next one: %v", err)
		}
	}
}

// TestTUIClients has two clients of the user's own meet at a lock, in a real
// terminal on a real etcd. The first crashes, and the second gets it when the
// lease of the first has run out.
func TestTUIClients(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	client := etcdtest.Client(t, endpoint)
	queue := func() []inspect.Request {
		s, err := inspect.NewSource(client).Snapshot(context.Background(), "/mine/")
		if err != nil || len(s.Locks) == 0 {
			return nil
		}
		return s.Locks[0].Queue
	}
	queued := func(what string, want ...keyspace.Mode) {
		t.Helper()
		etcdtest.Eventually(t, what, func() bool {
			var modes []keyspace.Mode
			for _, r := range queue() {
				modes = append(modes, r.Mode)
			}
			return slices.Equal(modes, want)
		})
	}
	tm := startTerminal(t, t.TempDir(), "tui", "--endpoints", endpoint)
	tm.WaitToShow("connected")
	tm.Press("4abrief\r\x152s\r") // a client whose TTL is typed over the one that is offered
	tm.Press("Gw/mine\r\r")
	queued("the writer holds", keyspace.Write)
	tm.Press("gr/mine\r1m\r")
	queued("the reader waits", keyspace.Write, keyspace.Read)
	tm.Press("GX")
	queued("the writer's lease has run out", keyspace.Read)
	tm.Press(quitKey)
	if err := tm.Wait(); err != nil {
		t.Error(err)
	}
	if q := queue(); len(q) != 0 {
		t.Errorf("left behind: %+v", q)
	}
}

// TestTUIScenario starts a scenario that stands still, makes its first step, and
// lets it go on to its end, in a real terminal on a real etcd.
func TestTUIScenario(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	l := &locks{tb: t, client: etcdtest.Client(t, endpoint)}
	tm := startTerminal(t, t.TempDir(), "tui", "--endpoints", endpoint)
	tm.WaitToShow("connected")
	tm.Press("5/four-clients\r.")
	tm.WaitToShow("started, paused", "PAUSED", "LOCK4", `r1: read "/mylocks/a"`)
	tm.Press(".")
	tm.WaitToShow("got lock r1", `r2: read "/mylocks/a"`)
	if got := l.count("/mylocks/a"); got != 1 {
		t.Errorf("%d hold or wait after the first step", got)
	}
	tm.Press("--p")             // slowly, for a busy machine
	tm.WaitToShow(" steps in ") // how many, in which order, depends on how busy the machine is
	tm.Press(quitKey)
	if err := tm.Wait(); err != nil {
		t.Error(err)
	}
	if got := l.count("/mylocks/a"); got != 0 {
		t.Errorf("%d are left", got)
	}
}

// TestTUIUnreadTerminal ends the terminal UI in order by a signal while it draws on a
// terminal that nobody reads: what it took is released.
func TestTUIUnreadTerminal(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	l := &locks{tb: t, client: etcdtest.Client(t, endpoint)}
	for name, sig := range map[string]os.Signal{"/quit": syscall.SIGQUIT, "/term": syscall.SIGTERM, "/hup": syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			if signal.Ignored(sig) {
				t.Skip("it is ignored here, as under nohup, and stays so in a program that is started")
			}
			tm := startTerminal(t, t.TempDir(), "tui", "--endpoints", endpoint)
			tm.WaitToShow("connected")
			tm.Press("4w" + name + "\r\r")
			etcdtest.Eventually(t, "it holds "+name, func() bool { return l.count(name) == 1 })
			tm.Stop()
			tm.Press("1234")
			tm.Signal(sig)
			if err := tm.Wait(); err != nil {
				t.Error(err)
			}
			if n := l.count(name); n != 0 {
				t.Errorf("%d requests for %s are left", n, name)
			}
		})
	}
}

// TestTUIOwnCluster runs a scenario that makes faults. The etcd that is started
// for it goes with the run, or with the terminal UI, however that ends.
func TestTUIOwnCluster(t *testing.T) {
	endpoint := etcdtest.Start(t)
	ends := map[string]func(tm *ptytest.Terminal, alone func()){
		"run": func(tm *ptytest.Terminal, alone func()) {
			tm.Press("+")
			tm.WaitToShow("✓ passed: ")
			alone()
			tm.Press(quitKey)
		},
		"s": func(tm *ptytest.Terminal, alone func()) {
			tm.Press("s")
			tm.WaitToShow("■ stopped")
			alone()
			tm.Press(quitKey)
		},
		"ctrl+c":  func(tm *ptytest.Terminal, _ func()) { tm.Press(quitKey) },
		"SIGTERM": func(tm *ptytest.Terminal, _ func()) { tm.Signal(syscall.SIGTERM) },
		"SIGKILL": func(tm *ptytest.Terminal, _ func()) { tm.Signal(syscall.SIGKILL) },
	}
	t.Cleanup(func() { // when all have ended
		l := &locks{tb: t, client: etcdtest.Client(t, endpoint)}
		if got := l.count("/ledger"); got != 0 {
			t.Errorf("%d keys in the etcd that was watched", got)
		}
	})
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tmp := t.TempDir()
			tm := startTerminal(t, tmp, "tui", "--endpoints", endpoint)
			tm.WaitToShow("connected")
			tm.Press("5/compaction\r\r")
			tm.WaitToShow("own cluster", "starting a 1-member etcd cluster", "got lock holder")
			end(tm, func() {
				if left := processesIn(t, tmp); len(left) != 1 {
					t.Errorf("beside the terminal UI: %v", left)
				}
			})
			if err := tm.Wait(); err != nil && name != "SIGKILL" {
				t.Error(err)
			}
			etcdtest.Eventually(t, "nothing is left", func() bool {
				left, err := os.ReadDir(tmp)
				return err == nil && len(left) == 0 && len(processesIn(t, tmp)) == 0
			})
		})
	}
}

// Whether a terminal shows Unicode is in the first of three variables that says
// anything.
func TestIsUnicode(t *testing.T) {
	for env, want := range map[string]bool{
		"": true, "LANG=de_DE.UTF-8": true, "LANG=C.utf8": true, "LANG=C": false, "LANG=en_US.ISO-8859-1": false,
		"LANG=C LC_ALL=C.UTF-8": true, "LANG=C.UTF-8 LC_CTYPE=POSIX": false, "LC_ALL= LANG=C": false,
	} {
		getenv := func(name string) string {
			for _, v := range strings.Fields(env) {
				if value, ok := strings.CutPrefix(v, name+"="); ok {
					return value
				}
			}
			return ""
		}
		if got := isUnicode(getenv); got != want {
			t.Errorf("%q: %t", env, got)
		}
	}
}

// A terminal that can only print is sent to the commands that print.
func TestDumbTerminal(t *testing.T) {
	tm := startTerminalAs(t, "dumb", t.TempDir(), "tui", "--endpoints", "127.0.0.1:1")
	tm.WaitToShow("etcd-lock ls")
	if err := tm.Wait(); err == nil {
		t.Error("it ran")
	}
}
