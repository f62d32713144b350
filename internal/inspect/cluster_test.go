package inspect

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/version"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
)

func TestAlarms(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	s := newSource(client)
	put(t, client, "/a/0")
	put(t, client, "/else/x")
	lease := grant(t, client, 60)
	if _, err := client.Put(t.Context(), fmt.Sprintf("/a/%x", lease), "", clientv3.WithLease(lease)); err != nil {
		t.Fatal(err)
	}
	status, err := client.Status(t.Context(), client.Endpoints()[0])
	if err != nil {
		t.Fatal(err)
	}
	raise := func(alarm pb.AlarmType) {
		t.Helper()
		_, err := pb.NewMaintenanceClient(client.ActiveConnection()).Alarm(t.Context(), &pb.AlarmRequest{
			Action: pb.AlarmRequest_ACTIVATE, Alarm: alarm, MemberID: status.Header.MemberId,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(want ...Alarm) {
		t.Helper()
		got, err := s.Cluster(t.Context())
		if err != nil || !cmp.Equal(got.Alarms, want) || len(got.Servers) != 1 || got.Servers[0].Version != version.Version || got.Proxied {
			t.Errorf("cluster = %+v, %v; want %q", got, err, want)
		}
		if got, err := s.Snapshot(t.Context(), "/"); err != nil || len(got.Locks) != 1 || len(got.Locks[0].Others) != 1 {
			t.Errorf("snapshot = %+v, %v", got, err)
		}
		// It reads leases of keys in nested transactions, which CORRUPT has etcd refuse.
		if got, err := s.Absence(t.Context(), "/else", 0); err != nil || len(got.Keys) != 1 || got.Keys[0].LeaseUnknown {
			t.Errorf("absence = %+v, %v", got, err)
		}
	}
	check()
	raise(pb.AlarmType_NOSPACE)
	check(AlarmNoSpace)
	raise(pb.AlarmType_CORRUPT)
	check(AlarmCorrupt, AlarmNoSpace)
}

// TestOldServer: a member that has an old version is named.
func TestOldServer(t *testing.T) {
	r := &reluctant{version: "3.6.4"}
	got, err := newSource(r.client(t, etcdtest.Start(t))).Cluster(t.Context())
	if err != nil || len(got.Servers) != 1 || got.Servers[0].Name != "default" || got.Servers[0].Version != "3.6.4" {
		t.Errorf("cluster = %+v, %v", got, err)
	}
}

// TestThreeMembers: as many members are asked as there are endpoints, and one that does
// not answer is left out.
func TestThreeMembers(t *testing.T) {
	c := etcdtest.StartCluster(t, 3)
	s := newSource(etcdtest.Client(t, c.Endpoints()...))
	etcdtest.Eventually(t, "all members answer", func() bool { // the client connects to them one by one
		got, err := s.Cluster(t.Context())
		return err == nil && len(got.Servers) == 3
	})
	c.Members[1].Kill()
	etcdtest.Eventually(t, "the others do", func() bool {
		got, err := s.Cluster(t.Context())
		return err == nil && len(got.Servers) == 2
	})
}

// TestWatchesBesideACutOffMember: when a member is cut off from its peers, watches that it
// serves go on at another one, and nobody is told that etcd does not answer.
func TestWatchesBesideACutOffMember(t *testing.T) {
	t.Parallel()
	c := etcdtest.StartCluster(t, 3)
	client := etcdtest.Client(t, c.Endpoints()...)
	see := watchedByAll(t, NewSource(client), func(error) bool { return false })
	leader := c.Leader(t.Context())
	cut := slices.IndexFunc(c.Members, func(m *etcdtest.Process) bool { return m != leader })
	c.Members[cut].Isolate()
	see(put(t, etcdtest.Client(t, leader.Endpoint), "/a/write/1"))
}

// TestWatchesBesideAStoppedLeader: when the leader is stopped, watches that it serves go
// on at another member, and so do reads. At most, there is no leader for a while.
func TestWatchesBesideAStoppedLeader(t *testing.T) {
	t.Parallel()
	c := etcdtest.StartCluster(t, 3)
	client := etcdtest.Connect(t, etcd.Config{Endpoints: c.Endpoints(), DialTimeout: time.Minute, KeepAliveTime: time.Hour})
	s := NewSource(client)
	s.tuning.patience = 10 * time.Second // more than it takes to leave the member, also on a busy machine
	see := watchedByAll(t, s, SaysNoLeader)
	leader := c.Leader(t.Context())
	if err := leader.Stop(); errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	etcdtest.Eventually(t, "there is another leader", func() bool { return c.Leader(t.Context()) != nil })
	others := slices.DeleteFunc(c.Endpoints(), func(e string) bool { return e == leader.Endpoint })
	see(put(t, etcdtest.Client(t, others...), "/a/write/1"))
}

// watchedByAll begins watches, of which each of three members serves some. It returns a
// function that waits until all have seen a revision, and have no error. Other errors than
// those that may be fail the test.
func watchedByAll(t *testing.T, s *Source, may func(error) bool) (see func(revision int64)) {
	t.Helper()
	next := make([]func(what string, until func(Update) bool), 9)
	for i := range next {
		updates := s.Watch(t.Context(), "/")
		next[i] = func(what string, until func(Update) bool) {
			for u := range updates {
				if u.Err != nil && !may(u.Err) {
					t.Errorf("watch %d: %v", i, u.Err)
				}
				if until(u) {
					return
				}
			}
			t.Fatal(what)
		}
	}
	for _, n := range next {
		n("it begins", func(u Update) bool { return u.Err == nil })
	}
	return func(revision int64) {
		for _, n := range next {
			n("it sees the request", func(u Update) bool { return u.Err == nil && u.Snapshot.Revision >= revision })
		}
	}
}

// TestProxied: etcd's grpc-proxy is told from a server, also where etcd does not say how
// it is.
func TestProxied(t *testing.T) {
	endpoint := etcdtest.Start(t)
	proxy := etcdtest.StartGRPCProxy(t, []string{endpoint})
	if got, err := newSource(etcdtest.Client(t, proxy)).Cluster(t.Context()); err != nil || !got.Proxied || len(got.Servers) != 1 {
		t.Errorf("cluster = %+v, %v", got, err)
	}
	etcdtest.EnableAuth(t, etcdtest.Client(t, endpoint), nil)
	for from, want := range map[string]bool{proxy: true, endpoint: false} {
		if got, err := newSource(etcdtest.Client(t, from)).Cluster(t.Context()); err == nil || got.Proxied != want {
			t.Errorf("%s: cluster = %+v, %v", from, got, err)
		}
	}
}
