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
	var onAsk syscall.Signal
	if strings.Contains(args[3], "USR2") { // the script has a word for it
		onAsk = syscall.SIGUSR2
	}
	var delay time.Duration
	if strings.Contains(args[3], "delay") { // likewise
		delay = time.Hour
	}
	code, err := Run(context.Background(), Spec{
		OnAsk: onAsk, LockDelay: delay,
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

// begin runs a script under a lock that has the name of the test.
func begin(t *testing.T, client *clientv3.Client, endpoint, ttl, script string) *execution {
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
