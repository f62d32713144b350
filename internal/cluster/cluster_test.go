package cluster_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/cluster"
	"etcd-lock/internal/etcdtest"
)

func TestMain(m *testing.M) {
	cluster.Main()
	if os.Getenv(parentEnv) != "" {
		parent()
	}
	etcdtest.Main(m)
}

func start(t *testing.T, n int) *cluster.Cluster {
	t.Helper()
	c, err := cluster.Start(t.Context(), n, cluster.Options{Stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// put retries a write until it succeeds: it may fail during an election.
func put(t *testing.T, client *clientv3.Client, value string) {
	t.Helper()
	etcdtest.Eventually(t, "a write of "+value, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := client.Put(ctx, "k", value)
		return err == nil
	})
}

func wantValue(t *testing.T, client *clientv3.Client, value string, opts ...clientv3.OpOption) {
	t.Helper()
	got, err := client.Get(t.Context(), "k", opts...)
	if err != nil || len(got.Kvs) != 1 || string(got.Kvs[0].Value) != value {
		t.Errorf("Get = %v, %v; want %s", got, err, value)
	}
}

func leader(t *testing.T, c *cluster.Cluster) *cluster.Member {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m, err := c.Leader(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestStartInAMember(t *testing.T) {
	t.Setenv("ETCD_LOCK_CLUSTER_MEMBER", "{}")
	if _, err := cluster.Start(t.Context(), 1, cluster.Options{}); err == nil || !strings.Contains(err.Error(), "Main") {
		t.Errorf("Start = %v, want an error about Main", err)
	}
}

func TestRestartKeepsData(t *testing.T) {
	t.Parallel()
	c := start(t, 1)
	m := c.Members()[0]
	client := etcdtest.Client(t, m.Endpoint())
	put(t, client, "v")
	for _, kill := range []bool{true, false} {
		if kill {
			m.Kill()
			m.Kill()
		}
		if err := m.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantValue(t, client, "v")
	}
}

func TestClusterOutlivesItsLeader(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	client := etcdtest.Client(t, c.Endpoints()...)
	put(t, client, "v")
	first := leader(t, c)
	first.Kill()
	if second := leader(t, c); second == first {
		t.Errorf("member %d leads, who is dead", first.Number())
	}
	put(t, client, "w")
	if err := first.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantValue(t, etcdtest.Client(t, first.Endpoint()), "w")
}

func TestStoppedLeader(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	first := leader(t, c)
	if err := first.Stop(); errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	if second := leader(t, c); second == first {
		t.Errorf("member %d leads, who is stopped", first.Number())
	}
	put(t, etcdtest.Client(t, c.Endpoints()...), "v")
	if err := first.Continue(); err != nil {
		t.Fatal(err)
	}
	wantValue(t, etcdtest.Client(t, first.Endpoint()), "v")
}

// An isolated leader still serves clients but cannot commit anything. It catches
// up when it rejoins.
func TestIsolatedLeader(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	first := leader(t, c)
	alone := etcdtest.Client(t, first.Endpoint())
	put(t, alone, "v")
	first.Isolate()
	etcdtest.Eventually(t, "another leader", func() bool { return leader(t, c) != first })
	var others []string
	for _, m := range c.Members() {
		if m != first {
			others = append(others, m.Endpoint())
		}
	}
	put(t, etcdtest.Client(t, others...), "w")
	wantValue(t, alone, "v", clientv3.WithSerializable())
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := alone.Put(short, "k", "lost"); err == nil {
		t.Error("an isolated member wrote alone")
	}
	first.Rejoin()
	put(t, alone, "x")
	wantValue(t, alone, "x")
}

// The link between two isolated members works only when both have rejoined.
func TestTwoIsolatedMembers(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	members := c.Members()
	members[0].Isolate()
	members[1].Isolate()
	members[0].Rejoin()
	etcdtest.Eventually(t, "a leader who is not isolated", func() bool { return leader(t, c) != members[1] })
	put(t, etcdtest.Client(t, members[0].Endpoint(), members[2].Endpoint()), "v")
	members[1].Rejoin()
	put(t, etcdtest.Client(t, members[1].Endpoint()), "w")
}

func TestNetworkCutsOneClient(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	network, err := c.Network()
	if err != nil {
		t.Fatal(err)
	}
	client := etcdtest.Client(t, network.Endpoints()...)
	put(t, client, "v")
	network.Cut()
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := client.Get(short, "k"); err == nil {
		t.Error("Get came through a cut network")
	}
	put(t, etcdtest.Client(t, c.Endpoints()...), "w")
	network.Heal()
	wantValue(t, client, "w")
}

// A member that crashed is treated like one that was killed.
func TestDeadMember(t *testing.T) {
	t.Parallel()
	c := start(t, 1)
	m := c.Members()[0]
	m.Crash()
	if err := m.Stop(); !errors.Is(err, cluster.ErrNotRunning) {
		t.Errorf("Stop = %v", err)
	}
	if err := m.Continue(); !errors.Is(err, cluster.ErrNotRunning) {
		t.Errorf("Continue = %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if l, err := c.Leader(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Leader = %v, %v", l, err)
	}
	l, err := net.Listen("tcp", m.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Restart(t.Context()); err == nil || !strings.Contains(err.Error(), m.Endpoint()) {
		t.Errorf("Restart with the port taken = %v", err)
	}
	_ = l.Close()
	c.Close()
	c.Close()
	if err := m.Restart(t.Context()); !errors.Is(err, cluster.ErrClosed) {
		t.Errorf("Restart = %v", err)
	}
	if _, err := c.Network(); !errors.Is(err, cluster.ErrClosed) {
		t.Errorf("Network = %v", err)
	}
}

// A member that is replaced has the data of the others, and a vote.
func TestReplace(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	client := etcdtest.Client(t, c.Endpoints()...)
	put(t, client, "v")
	ids := memberIDs(t, client)
	for _, learner := range []bool{false, true} {
		m := leader(t, c)
		if err := m.Replace(t.Context(), client, learner); err != nil {
			t.Fatal(err)
		}
		wantValue(t, etcdtest.Client(t, m.Endpoint()), "v")
		now := memberIDs(t, client)
		if len(now) != 3 || now[m.Endpoint()] == ids[m.Endpoint()] {
			t.Errorf("the members are %v, and were %v before %s was replaced", now, ids, m.Endpoint())
		}
		ids = now
	}
	c.Members()[0].Kill()
	put(t, client, "w")
}

// memberIDs returns the IDs of the members with a vote, by address.
func memberIDs(t *testing.T, client *clientv3.Client) map[string]uint64 {
	t.Helper()
	list, err := client.MemberList(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]uint64{}
	for _, m := range list.Members {
		if !m.IsLearner {
			ids[strings.TrimPrefix(m.ClientURLs[0], "http://")] = m.ID
		}
	}
	return ids
}

// A leader that nothing reaches leads no longer, or leads on: in either case others are
// written to. A member that is late or loses data is of the cluster still.
func TestDisturbedMember(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	client := etcdtest.Client(t, c.Endpoints()...)
	for i, f := range []cluster.Fault{{Out: true}, {In: true}, {Delay: 20 * time.Millisecond}, {Lose: 20}} {
		m := leader(t, c)
		m.Disturb(f)
		if f.Out {
			etcdtest.Eventually(t, "another leader", func() bool { return leader(t, c) != m })
		}
		m.Rejoin()
		value := strings.Repeat("v", i+1)
		put(t, client, value)
		wantValue(t, etcdtest.Client(t, m.Endpoint()), value)
	}
}
