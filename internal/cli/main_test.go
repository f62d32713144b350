package cli

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.etcd.io/etcd/etcdctl/v3/ctlv3"

	"etcd-lock/internal/cluster"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/rwlock"
)

// programEnv makes the test binary be the program.
const programEnv = "ETCD_LOCK_PROGRAM"

func TestMain(m *testing.M) {
	cluster.Main()
	if os.Getenv(programEnv) != "" {
		program()
	}
	testscript.Main(together{m}, map[string]func(){"etcd-lock": program, "etcdctl": ctlv3.MustStart})
}

// together runs the tests once it is known that the process is no command of a script.
type together struct{ *testing.M }

func (m together) Run() int {
	etcdtest.WaitTogether()
	return m.M.Run()
}

func program() {
	etcd.Quiet()
	cobra.EnablePrefixMatching = false // etcdctl has its commands abbreviated, and we do not
	code := Main(System{Args: os.Args[1:], In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv})
	os.Exit(code) //nolint:forbidigo // this is the main of the program under test
}

// sessionTTL is so long, in seconds, that no session is renewed late on a busy machine:
// a finding about that is in the way of what a test looks for.
const sessionTTL = 600

// locks makes requests in etcd for tests to look at.
type locks struct {
	tb     testing.TB
	client *clientv3.Client
}

// request asks for a lock and returns when the request is in the queue.
func (l *locks) request(mode, name, label string) {
	l.tb.Helper()
	m := rwlock.NewRWMutex(etcdtest.Session(l.tb, l.client, sessionTTL), name, rwlock.WithLabel(label))
	take := m.RLock
	if mode == "write" {
		take = m.RWLock
	}
	l.inBackground(name, take)
}

// mutex asks for etcd's own mutex.
func (l *locks) mutex(name string) {
	l.tb.Helper()
	l.inBackground(name, concurrency.NewMutex(etcdtest.Session(l.tb, l.client, sessionTTL), name).Lock)
}

// inBackground takes a lock until the test ends, and returns when one more key
// is below name.
func (l *locks) inBackground(name string, take func(context.Context) error) {
	l.tb.Helper()
	before := l.count(name)
	l.start(take)
	etcdtest.Eventually(l.tb, "a request for "+name, func() bool { return l.count(name) > before })
}

// start takes a lock until the test ends.
func (l *locks) start(take func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = take(ctx) // a waiter ends with the test
	}()
	l.tb.Cleanup(func() { cancel(); <-done })
}

func (l *locks) count(name string) int64 { return l.below(name + "/") }

func (l *locks) below(prefix string) int64 {
	resp, err := l.client.Get(context.Background(), prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		l.tb.Fatal(err)
	}
	return resp.Count
}

// execute runs a command with arguments that hold no spaces.
func execute(cmd *cobra.Command, args string) error {
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(strings.Fields(args))
	return cmd.Execute()
}
