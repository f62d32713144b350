package once_test

import (
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/namespace"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/once"
)

// A watch ends when etcd restarts, where that of a client goes on with whatever data it
// finds then; and the next one begins.
func TestWatcher(t *testing.T) {
	p := etcdtest.StartProcess(t)
	client := etcdtest.Client(t, p.Endpoint)
	watcher := once.Watcher(client)
	for range 2 {
		events := watcher.Watch(t.Context(), "/a", clientv3.WithCreatedNotify())
		if resp := <-events; !resp.Created {
			t.Fatalf("%+v, want it to begin", resp)
		}
		p.Kill()
		p.Start()
		if _, err := client.Put(t.Context(), "/b", ""); err != nil {
			t.Log(err) // the client may be about to connect
		}
		for resp := range events { // until it has ended
			if len(resp.Events) > 0 {
				t.Errorf("%+v, want no events of the etcd that is there afterwards", resp)
			}
		}
	}
}

// A Watcher that the caller has put in place of the client's own is left to it.
func TestReplacedWatcher(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Shared(t))
	client.Watcher = namespace.NewWatcher(client.Watcher, "/n")
	if once.Watcher(client) != nil {
		t.Error("it is not used")
	}
}
