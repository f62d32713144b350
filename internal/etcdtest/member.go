// Package etcdtest runs etcd members for tests: inside the test binary, or as
// child processes of internal/cluster that can be killed, stopped and restarted.
package etcdtest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"etcd-lock/internal/cluster"
	"etcd-lock/internal/etcd"
)

// Main is TestMain for packages that use this one. In a child process it runs
// the member instead of the tests. After the tests it stops the shared member,
// and fails if goroutines have leaked.
func Main(m *testing.M) {
	cluster.Main()
	WaitTogether()
	code := m.Run()
	stopShared()
	if err := leaked(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "after the tests:", err)
		code = 1
	}
	os.Exit(code)
}

// leaked returns an error if goroutines have leaked. A member in this process that was closed
// may still read from its peers, for the five seconds of etcd's timeout.
func leaked() error {
	for end := time.Now().Add(10 * time.Second); ; {
		err := goleak.Find(StuckWatch()...)
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

// WaitTogether lets more tests run in parallel than there are processors, unless a flag
// says how many: they mostly wait, for leases to expire and members to be elected.
func WaitTogether() {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", strconv.Itoa(max(8, runtime.GOMAXPROCS(0))))
	}
}

// StuckWatch returns the goroutines of etcd's client that wait for each other for ever if
// a watcher is closed while etcd refuses one of its watches: see backoff.CloseWatch.
func StuckWatch() []goleak.Option {
	const stream = "go.etcd.io/etcd/client/v3.(*watchGRPCStream)."
	return []goleak.Option{
		goleak.IgnoreAnyFunction(stream + "close"), goleak.IgnoreAnyFunction(stream + "run.func1"), goleak.IgnoreAnyFunction(stream + "serveSubstream.func1"),
	}
}

// Start runs a member in the test binary until the test ends, and returns its
// endpoint.
func Start(tb testing.TB, configure ...func(*etcd.EmbeddedConfig)) string {
	tb.Helper()
	var cfg etcd.EmbeddedConfig
	for _, c := range configure {
		c(&cfg)
	}
	member, err := etcd.StartEmbedded(context.Background(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(member.Close)
	return member.Endpoint()
}

// shared is the member that Shared returns.
var shared struct {
	sync.Mutex
	member *etcd.Embedded
}

// Shared returns the endpoint of a member that all tests of a package share;
// each test must use different keys. The package's TestMain must call Main.
func Shared(tb testing.TB) string {
	tb.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.member == nil {
		member, err := etcd.StartEmbedded(context.Background(), etcd.EmbeddedConfig{})
		if err != nil {
			tb.Fatal(err)
		}
		shared.member = member
	}
	return shared.member.Endpoint()
}

func stopShared() {
	shared.Lock()
	defer shared.Unlock()
	if shared.member != nil {
		shared.member.Close()
	}
}

// Client returns a client for endpoints that is closed when the test ends.
func Client(tb testing.TB, endpoints ...string) *clientv3.Client {
	tb.Helper()
	client, err := clientv3.New(clientv3.Config{
		Endpoints:            endpoints,
		DialTimeout:          10 * time.Second,
		DialKeepAliveTime:    time.Second,
		DialKeepAliveTimeout: time.Second,
		Logger:               zap.NewNop(),
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// Session returns a session with a TTL of ttl seconds that is closed when the
// test ends.
func Session(tb testing.TB, client *clientv3.Client, ttl int) *concurrency.Session {
	tb.Helper()
	s, err := concurrency.NewSession(client, concurrency.WithTTL(ttl))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// Eventually polls until holds returns true, for facts that have no event to wait
// for. It fails the test after 30 seconds and says what did not happen.
func Eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			tb.Fatalf("not within 30 s: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
