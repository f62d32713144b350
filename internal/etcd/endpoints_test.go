package etcd_test

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/cluster"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

// A member that is cut off from the others and not from its clients hangs with
// every read. A client that was given all endpoints does without it, whether it
// connects after that or before, and uses it again when it is back.
func TestMemberCutOffFromItsPeers(t *testing.T) {
	c, err := cluster.Start(t.Context(), 3, cluster.Options{Stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	connect := func() *clientv3.Client {
		client, err := etcd.Config{Endpoints: c.Endpoints(), DialTimeout: 10 * time.Second}.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		return client
	}
	read := func(client *clientv3.Client) error {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := client.Get(ctx, "k")
		return err
	}
	before := connect()
	if len(before.Endpoints()) != 3 {
		t.Fatalf("%q are used of a healthy cluster", before.Endpoints())
	}
	cut := c.Members()[1]
	cut.Isolate()
	etcdtest.Eventually(t, "the member has no leader", func() bool {
		resp, err := before.Status(t.Context(), cut.Endpoint())
		return err == nil && resp.Leader == 0
	})
	after := connect()
	if slices.Contains(after.Endpoints(), cut.Endpoint()) {
		t.Errorf("%q are used", after.Endpoints())
	}
	for range 30 {
		if err := read(after); err != nil {
			t.Fatal(err)
		}
	}
	etcdtest.Eventually(t, "the client of before does without it", func() bool {
		_ = read(before)
		return !slices.Contains(before.Endpoints(), cut.Endpoint())
	})
	cut.Rejoin()
	etcdtest.Eventually(t, "the member is used again", func() bool { return len(after.Endpoints()) == 3 && len(before.Endpoints()) == 3 })
}
