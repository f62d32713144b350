// Package etcdtest runs etcd members for tests: inside the test binary, or as
// internal/cluster's child processes that can be killed, stopped and started
// again.
package etcdtest

import (
	"context"
	"fmt"
	"os"
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

// Main is the TestMain of packages that use this one: in a child it runs the
// member instead of the tests, and after the tests it stops the shared member
// and fails when a goroutine is left.
func Main(m *testing.M) {
	cluster.Main()
	code := m.Run()
	stopShared()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "after the tests:", err)
		code = 1
	}
	os.Exit(code)
}

// Start runs a member inside the test binary until the test ends, and returns
// its endpoint.
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

// shared is the one member of tests that need no member of their own.
var shared struct {
	sync.Mutex
	member *etcd.Embedded
}

// Shared is the endpoint of a member that all tests of a package use, each
// with keys of its own. The package's TestMain must call Main.
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

// Client connects to endpoints until the test ends.
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

// Session opens a session of ttl seconds until the test ends.
func Session(tb testing.TB, client *clientv3.Client, ttl int) *concurrency.Session {
	tb.Helper()
	s, err := concurrency.NewSession(client, concurrency.WithTTL(ttl))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// Eventually waits until holds reports true, for facts that no event tells of.
func Eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			tb.Fatalf("not within 30 s: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
