package etcdtest_test

import (
	"context"
	"testing"
	"time"

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

func TestProxyCutsAndHeals(t *testing.T) {
	network := etcdtest.NewProxy(t, etcdtest.Shared(t))
	client := etcdtest.Client(t, network.Addr)
	ctx := context.Background()
	if _, err := client.Put(ctx, "k", "v"); err != nil {
		t.Fatal(err)
	}
	network.Cut()
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	if _, err := client.Get(short, "k"); err == nil {
		t.Error("Get came through a cut network")
	}
	network.Heal()
	if _, err := client.Get(ctx, "k"); err != nil {
		t.Error(err)
	}
}
