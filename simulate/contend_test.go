package simulate_test

import (
	"context"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/simulate"
)

// TestContend wants movement on every lock of the demo, and nothing left when
// it is over.
func TestContend(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	load := simulate.Demo(1)
	load.Hold = [2]time.Duration{time.Millisecond, 5 * time.Millisecond}
	load.Pause = [2]time.Duration{0, time.Millisecond}
	missing := map[string]int{}
	for _, w := range load.Workers {
		for _, name := range w.Locks {
			missing[name+"/"] = 3 // requests to be seen
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := client.Watch(ctx, "", clientv3.WithPrefix(), clientv3.WithFilterDelete(), clientv3.WithCreatedNotify())
	<-events
	done := make(chan struct{})
	go func() {
		defer close(done)
		simulate.Contend(ctx, client, load)
	}()
	for len(missing) > 0 {
		seen(missing, nextEvents(t, events))
	}
	cancel()
	<-done
	wantNothingLeft(t, client)
}

func nextEvents(t *testing.T, events clientv3.WatchChan) []*clientv3.Event {
	t.Helper()
	select {
	case resp, ok := <-events:
		if !ok || resp.Err() != nil {
			t.Fatalf("watch ended: %v", resp.Err())
		}
		return resp.Events
	case <-time.After(30 * time.Second):
		t.Fatal("nothing moves")
		return nil
	}
}

func seen(missing map[string]int, events []*clientv3.Event) {
	for _, ev := range events {
		for prefix := range missing {
			if !strings.HasPrefix(string(ev.Kv.Key), prefix) {
				continue
			}
			if missing[prefix]--; missing[prefix] == 0 {
				delete(missing, prefix)
			}
		}
	}
}
