//go:build unix

package supervise

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/rwlock"
)

// programEnv makes the test binary the program that is tested.
const programEnv = "ETCD_LOCK_SUPERVISE"

func TestMain(m *testing.M) {
	if os.Getenv(programEnv) != "" {
		os.Exit(program(os.Args[1:])) //nolint:forbidigo // this is the main of the program under test
	}
	etcdtest.Main(m)
}

// lostCode is what the program exits with when a lock was lost.
const lostCode = 4

// program runs a shell script under a lock: its arguments are an endpoint, a TTL,
// the lock and the script.
func program(args []string) int {
	etcd.Quiet()
	ttl, err := time.ParseDuration(args[1])
	if err != nil {
		panic(err)
	}
	cfg := etcd.Config{Endpoints: args[:1], DialTimeout: 20 * time.Second}
	code, err := Run(context.Background(), Spec{
		Path: "/bin/sh", Argv: []string{"sh", "-c", args[3]},
		Locks: []rwlock.LockRequest{{Name: args[2], Mode: rwlock.Write}}, TTL: ttl,
		Connect: func(ctx context.Context) (*connect.Conn, error) {
			return connect.Open(ctx, connect.Options{Etcd: cfg, Timeout: 20 * time.Second})
		},
		Report: func(text string) { fmt.Fprintln(os.Stderr, text) },
	})
	var interrupted *InterruptedError
	switch {
	case errors.As(err, &interrupted):
		fmt.Fprintln(os.Stderr, err)
		return SignalCode(interrupted.Signal)
	case errors.Is(err, ErrLost):
		return lostCode
	case err != nil:
		panic(err)
	}
	return code
}

// execution is a program running a shell script under a lock. It has no terminal.
type execution struct {
	t      *testing.T
	client *clientv3.Client // past any proxy
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr bytes.Buffer
	lines  chan string // of the command's output; closes when nobody of its group lives
}

// start runs a script under a lock that has the name of the test.
func start(t *testing.T, client *clientv3.Client, endpoint, ttl, script string) *execution {
	t.Helper()
	e := &execution{t: t, client: client, name: "/" + t.Name(), lines: make(chan string, 64)}
	fifo := filepath.Join(t.TempDir(), "output") // the program would keep a standard output open
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	e.cmd = exec.Command(os.Args[0], endpoint, ttl, e.name, "exec >'"+fifo+"'; "+script)
	e.cmd.Env = append(os.Environ(), programEnv+"=1", "GORACE=atexit_sleep_ms=0")
	e.cmd.Stderr = &e.stderr
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	stdin, err := e.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	e.stdin = stdin
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go e.read(fifo)
	t.Cleanup(func() {
		_ = e.cmd.Process.Kill() // it is over unless the test failed
		etcdtest.Eventually(t, "the end of the command's group", func() bool { return e.drained(fifo) })
	})
	return e
}

// drained reports whether all output has been read, and nobody is left who
// could write more. It unblocks a reader of what never began.
func (e *execution) drained(fifo string) bool {
	if f, err := os.OpenFile(fifo, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
		_ = f.Close()
	}
	for {
		select {
		case _, ok := <-e.lines:
			if !ok {
				return true
			}
		default:
			return false
		}
	}
}

func (e *execution) read(fifo string) {
	defer close(e.lines)
	output, err := os.Open(fifo)
	if err != nil {
		e.t.Error(err)
		return
	}
	defer func() { _ = output.Close() }()
	for s := bufio.NewScanner(output); s.Scan(); {
		e.lines <- s.Text()
	}
}

// expect returns when the command has printed a line.
func (e *execution) expect(want string) {
	e.t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case line, ok := <-e.lines:
			if line == want {
				return
			}
			if !ok {
				e.t.Fatalf("ended before %q", want)
			}
		case <-timeout:
			e.t.Fatalf("no %q within 30 s", want)
		}
	}
}

// groupEnds returns when every process of the command's is dead.
func (e *execution) groupEnds() {
	e.t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case _, ok := <-e.lines:
			if !ok {
				return
			}
		case <-timeout:
			e.t.Fatal("the command lives after 30 s")
		}
	}
}

func (e *execution) signal(sig syscall.Signal) {
	e.t.Helper()
	if err := e.cmd.Process.Signal(sig); err != nil {
		e.t.Fatal(err)
	}
}

// exits waits for the program's end, and wants a code and some words of it.
func (e *execution) exits(code int, words ...string) {
	e.t.Helper()
	defer time.AfterFunc(30*time.Second, func() { _ = e.cmd.Process.Kill() }).Stop()
	err := e.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		e.t.Fatal(err)
	}
	if got := e.cmd.ProcessState.ExitCode(); got != code {
		e.t.Errorf("exited with %d, want %d", got, code)
	}
	for _, w := range words {
		if !strings.Contains(e.stderr.String(), w) {
			e.t.Errorf("said %q, want %q in it", e.stderr.String(), w)
		}
	}
}

// keys are those of the requests for the lock.
func (e *execution) keys() []string {
	e.t.Helper()
	resp, err := e.client.Get(context.Background(), e.name+"/", clientv3.WithPrefix())
	if err != nil {
		e.t.Fatal(err)
	}
	var keys []string
	for _, kv := range resp.Kvs {
		keys = append(keys, string(kv.Key))
	}
	return keys
}

func (e *execution) leavesNothing() {
	e.t.Helper()
	if keys := e.keys(); len(keys) > 0 {
		e.t.Errorf("left in etcd: %q", keys)
	}
}

// stubborn is a command whose grandchild does not hear TERM.
const stubborn = `sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done' & wait`

func TestRun(t *testing.T) {
	endpoint := etcdtest.Start(t)
	client := etcdtest.Client(t, endpoint)
	start := func(t *testing.T, script string) *execution {
		t.Helper()
		t.Parallel()
		return start(t, client, endpoint, "3s", script)
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
	endpoint := etcdtest.Start(t)
	network := etcdtest.NewProxy(t, endpoint)
	client := etcdtest.Client(t, endpoint)
	e := start(t, client, network.Addr, "4s", `trap "echo term" TERM; echo ready; while :; do sleep 0.1; done`)
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
