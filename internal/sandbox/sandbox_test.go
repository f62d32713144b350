package sandbox

import (
	"context"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/simulate/scenario"
)

// TestSandbox injects each kind of fault: a client that is cut off does not reach the
// cluster while another does, and a member serves again once it is started.
func TestSandbox(t *testing.T) {
	s, err := Start(t.Context(), 1, 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	connect := func(client string) *clientv3.Client {
		t.Helper()
		c, err := s.Etcd().Connect(t.Context(), client)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	cut, other := connect("cut"), connect("")
	// serves reports whether etcd answers a client soon. A client that it does not
	// answer finds out by its context only.
	serves := func(c *clientv3.Client) bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Get(ctx, "k")
		return err == nil
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	eventuallyServes := func(c *clientv3.Client) {
		t.Helper()
		etcdtest.Eventually(t, "etcd answers", func() bool { return serves(c) })
	}

	must(s.Cut(t.Context(), "cut"))
	if serves(cut) {
		t.Error("a client that is cut off was answered")
	}
	eventuallyServes(other)
	must(s.Heal(t.Context(), "cut"))
	eventuallyServes(cut)

	for name, fail := range map[string]func(context.Context, scenario.Member) error{"Kill": s.Kill, "Stop": s.Stop} {
		must(fail(t.Context(), scenario.Leader))
		if serves(other) {
			t.Errorf("%s: a member that does not run answered", name)
		}
		must(s.Start(t.Context(), scenario.AllMembers))
		eventuallyServes(other)
	}
}
