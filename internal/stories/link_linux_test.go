package stories

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
)

// TestDroppingLink: etcd 3.5.7 says that a watch is up to date before it has sent the
// events, and a link that drops now and then has the watch begin anew each time, under
// load. In the end the watch shows what a read does. Real links
// seldom drop between the two, so that it can pass although progress is believed too early:
// TestWatchDropsAfterEarlyProgress of package inspect makes that moment.
func TestDroppingLink(t *testing.T) {
	if !*withServers {
		t.Skip("run with -servers")
	}
	for _, version := range []string{"3.4.23", "3.5.7", "3.7.3"} {
		t.Run(version, func(t *testing.T) {
			endpoint := startServer(t, server(t, version))
			direct := etcdtest.Client(t, endpoint)
			link := etcdtest.NewProxy(t, endpoint)
			ctx, stop := context.WithCancel(t.Context())
			var mu sync.Mutex
			var seen inspect.Update
			var watching sync.WaitGroup
			updates := inspect.NewSource(etcdtest.Client(t, link.Addr)).Watch(ctx, "/l/")
			watching.Go(func() {
				for u := range updates {
					mu.Lock()
					seen = u
					mu.Unlock()
				}
			})
			defer watching.Wait()
			defer stop()
			for range 8 {
				load(t, direct, 700*time.Millisecond)
				link.Cut()
				load(t, direct, 300*time.Millisecond)
				link.Heal()
			}
			now, err := inspect.NewSource(direct).Snapshot(t.Context(), "/l/")
			if err != nil {
				t.Fatal(err)
			}
			etcdtest.Eventually(t, "the watch shows what a read does", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return seen.Err == nil && keys(seen.Snapshot) == keys(now)
			})
		})
	}
}

// load makes requests for some locks, and takes most of them back, for a time.
func load(t *testing.T, client *clientv3.Client, d time.Duration) {
	t.Helper()
	var clients sync.WaitGroup
	begun := time.Now()
	for c := range 4 {
		clients.Go(func() {
			for i := 0; time.Since(begun) < d; i++ {
				key := fmt.Sprintf("/l/%d/write/%d-%d", i%10, c, i)
				_, err := client.Put(t.Context(), key, "")
				if err == nil && i%7 != 0 {
					_, err = client.Delete(t.Context(), key)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	clients.Wait()
}

// keys are the keys of all requests.
func keys(s inspect.Snapshot) string {
	var b strings.Builder
	for _, l := range s.Locks {
		for _, r := range l.Queue {
			fmt.Fprintln(&b, r.Key, r.Revision, r.Holding)
		}
	}
	return b.String()
}
