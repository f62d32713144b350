package export

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/keyspace"
)

func TestListen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for _, address := range []string{l.Addr().String(), "nonsense"} {
		err := Run(t.Context(), &Options{Listen: address, MaxClasses: 1})
		if err == nil || !strings.Contains(err.Error(), "--listen "+address) || hint.Of(err) == "" {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := Run(t.Context(), &Options{Classes: []string{""}}); !errors.As(err, new(*connect.OptionError)) {
		t.Errorf("a pattern that cannot be read: %v", err)
	}
}

// The exporter waits for etcd, shows its locks, outlives it, and ends in order.
func TestRun(t *testing.T) {
	member := etcdtest.StartProcess(t)
	client := etcdtest.Client(t, member.Endpoint)
	key := keyspace.Encode("/orders/4711", keyspace.Write, "id")
	if _, err := client.Put(t.Context(), key, ""); err != nil {
		t.Fatal(err)
	}
	member.Pause()
	address, warned := make(chan string, 1), make(chan string, 1)
	var once sync.Once
	o := &Options{
		Listen: "127.0.0.1:0", MaxClasses: 10, StaleAfter: time.Nanosecond, Now: time.Now,
		Connect: func(ctx context.Context) (*connect.Conn, error) {
			return connect.Open(ctx, connect.Options{Etcd: etcd.Config{Endpoints: []string{member.Endpoint}, DialTimeout: time.Second}, Timeout: time.Second})
		},
		Reach: func(_ context.Context, _ *connect.Conn, given []string) (keyspace.Prefixes, error) {
			return keyspace.NewPrefixes(given...), nil
		},
		Note: func(text string) {
			_, rest, _ := strings.Cut(text, "http://")
			at, _, _ := strings.Cut(rest, "/")
			address <- at
		},
		Failed: func(err error) { once.Do(func() { warned <- err.Error() }) },
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, o) }()
	base := "http://" + <-address
	has := func(path, text string) func() bool {
		return func() bool {
			resp, err := http.Get(base + path)
			if err != nil {
				return false
			}
			defer func() { _ = resp.Body.Close() }()
			body, _ := io.ReadAll(resp.Body)
			return strings.Contains(string(body), text)
		}
	}
	if text := <-warned; !strings.Contains(text, "did not answer") {
		t.Error(text)
	}
	etcdtest.Eventually(t, "it is up without etcd", has("/metrics", "etcd_lock_up 0\n"))
	member.Resume()
	etcdtest.Eventually(t, "it shows the lock", has("/metrics", `etcd_lock_locks{layout="rwlock",state="write"} 1`))
	etcdtest.Eventually(t, "it shows what is wrong", has("/metrics", `etcd_lock_findings{kind="no-lease",severity="warning"} 1`))
	if _, err := client.Txn(t.Context()).Then(clientv3.OpDelete(key)).Commit(); err != nil {
		t.Fatal(err)
	}
	etcdtest.Eventually(t, "it has timed the hold of another", has("/metrics", `etcd_lock_locks{layout="rwlock",state="write"} 0`))
	member.Pause()
	etcdtest.Eventually(t, "it says that etcd is away", has("/metrics", "etcd_lock_up 0\n"))
	etcdtest.Eventually(t, "it is not healthy", has("/healthz", "etcd has not answered for"))
	member.Resume()
	etcdtest.Eventually(t, "it is back", has("/healthz", "ok"))
	http.DefaultClient.CloseIdleConnections()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
