package etcdtest_test

import (
	"context"
	"testing"

	"etcd-lock/internal/etcdtest"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

func TestProcessKeepsItsDataWhenKilled(t *testing.T) {
	p := etcdtest.StartProcess(t)
	client := etcdtest.Client(t, p.Endpoint)
	ctx := context.Background()
	if _, err := client.Put(ctx, "k", "v"); err != nil {
		t.Fatal(err)
	}
	p.Kill()
	p.Start()
	got, err := client.Get(ctx, "k")
	if err != nil || len(got.Kvs) != 1 || string(got.Kvs[0].Value) != "v" {
		t.Fatalf("Get after restart = %v, %v", got, err)
	}
}
