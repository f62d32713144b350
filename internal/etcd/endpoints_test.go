package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"etcd-lock/internal/cluster"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
)

// embedEnv makes the test binary a program with an embedded etcd that runs until it is killed.
const embedEnv = "ETCD_TEST_EMBED"

func embed() {
	_, err := etcd.StartEmbedded(context.Background(), etcd.EmbeddedConfig{})
	if err == nil {
		fmt.Println("serves")
		_, err = io.Copy(io.Discard, os.Stdin)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1) //nolint:forbidigo // this is the main of a program under test
}

func TestMain(m *testing.M) {
	if os.Getenv(embedEnv) != "" {
		embed()
	}
	etcdtest.Main(m)
}

// connectTo connects to the endpoints until the test ends.
func connectTo(t *testing.T, endpoints ...string) *clientv3.Client {
	t.Helper()
	client, err := etcd.Config{Endpoints: endpoints, DialTimeout: 10 * time.Second}.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// read reads a key from the leader.
func read(t *testing.T, client *clientv3.Client) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := client.Get(ctx, "k")
	return err
}

// mustServe wants 30 of 30 reads and grants of a client to succeed.
func mustServe(t *testing.T, client *clientv3.Client) {
	t.Helper()
	for range 30 {
		if err := read(t, client); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Grant(t.Context(), 60); err != nil {
			t.Fatal(err)
		}
	}
}

// Members that are cut off from the others and not from their clients hang with every
// read. A client that was given all endpoints does without them, whether it connects
// after that or before, and uses them again when they are back.
func TestMembersCutOffFromTheirPeers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		members, cut int
	}{{"OneOfThree", 3, 1}, {"TwoOfFive", 5, 2}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := cluster.Start(t.Context(), tt.members, cluster.Options{Stderr: os.Stderr})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			before := connectTo(t, c.Endpoints()...)
			usesAll := func(client *clientv3.Client) bool { return len(client.Endpoints()) == tt.members }
			etcdtest.Eventually(t, "all members are used of a healthy cluster", func() bool { return usesAll(before) })
			cut := c.Members()[:tt.cut] // the first, which a client is given first
			usesCut := func(client *clientv3.Client) bool {
				return slices.ContainsFunc(cut, func(m *cluster.Member) bool { return slices.Contains(client.Endpoints(), m.Endpoint()) })
			}
			for _, m := range cut {
				m.Isolate()
			}
			for _, m := range cut {
				etcdtest.Eventually(t, "the member has no leader", func() bool {
					resp, err := before.Status(t.Context(), m.Endpoint())
					return err == nil && resp.Leader == 0
				})
			}
			etcdtest.Eventually(t, "the others have a leader", func() bool { _, err := c.Leader(t.Context()); return err == nil })
			after := connectTo(t, c.Endpoints()...)
			if usesCut(after) {
				t.Errorf("%q are used", after.Endpoints())
			}
			mustServe(t, after)
			etcdtest.Eventually(t, "the client of before does without them", func() bool {
				_ = read(t, before)
				return !usesCut(before)
			})
			for _, m := range cut {
				m.Rejoin()
			}
			etcdtest.Eventually(t, "the members are used again", func() bool { return usesAll(after) && usesAll(before) })
		})
	}
}

// A member that hears its leader and is not heard, as behind a firewall that lets connections
// through in one direction only, says that it has a leader, and hangs with every read that
// needs one. A client that was given it first does without it.
func TestMemberThatNobodyHears(t *testing.T) {
	t.Parallel()
	c := etcdtest.StartCluster(t, 3)
	before := connectTo(t, c.Endpoints()...)
	unheard := c.Cluster.Members()[0] // which a client is given first
	unheard.Disturb(cluster.Fault{Out: true})
	alone := etcdtest.Client(t, unheard.Endpoint())
	etcdtest.Eventually(t, "the member follows a leader, and hangs", func() bool {
		if read(t, alone) == nil {
			return false
		}
		resp, err := before.Status(t.Context(), unheard.Endpoint())
		return err == nil && resp.Leader != 0 && resp.Leader != resp.Header.MemberId
	})
	after := connectTo(t, c.Endpoints()...)
	if slices.Contains(after.Endpoints(), unheard.Endpoint()) {
		t.Errorf("%q are used", after.Endpoints())
	}
	mustServe(t, after)
	etcdtest.Eventually(t, "the client of before does without it", func() bool {
		_ = read(t, before)
		return !slices.Contains(before.Endpoints(), unheard.Endpoint())
	})
}

// A leader that is stopped takes connections and says nothing on them. A client that was
// given it first does without it.
func TestStoppedLeaderFirst(t *testing.T) {
	t.Parallel()
	c := etcdtest.StartCluster(t, 3)
	leader := c.Leader(t.Context())
	if leader == nil {
		t.Fatal("no leader")
	}
	if err := leader.Stop(); errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	endpoints := append([]string{leader.Endpoint}, c.Endpoints()...)
	etcdtest.Eventually(t, "there is another leader", func() bool { _, err := c.Cluster.Leader(t.Context()); return err == nil })
	client := connectTo(t, endpoints...)
	if slices.Contains(client.Endpoints(), leader.Endpoint) {
		t.Errorf("%q are used", client.Endpoints())
	}
	mustServe(t, client)
}

// A leader that stops keeps the connections that it has. Reads and watches of a client
// that are on it go on elsewhere, long before the connection is given up.
func TestLeaderStopsMeanwhile(t *testing.T) {
	t.Parallel()
	c := etcdtest.StartCluster(t, 3)
	cfg := etcd.Config{Endpoints: c.Endpoints(), DialTimeout: 10 * time.Second, KeepAliveTime: time.Hour}
	client := etcdtest.Connect(t, cfg)
	leader := c.Leader(t.Context())
	if leader == nil {
		t.Fatal("no leader")
	}
	id := memberID(t, client, leader.Endpoint)
	var watches []clientv3.WatchChan
	served := map[uint64]bool{} // by the members' IDs
	for !served[id] {           // each stream is on the next member
		watcher := clientv3.NewWatcher(client)
		defer func() { _ = watcher.Close() }()
		w := watcher.Watch(t.Context(), "k", clientv3.WithCreatedNotify())
		served[(<-w).Header.MemberId] = true
		watches = append(watches, w)
	}
	if err := leader.Stop(); errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	for range 6 { // on each member
		if _, err := client.Get(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.Put(t.Context(), "k", "v"); err != nil {
		t.Fatal(err)
	}
	for _, w := range watches {
		for resp := range w {
			if len(resp.Events) > 0 {
				break
			}
		}
	}
}

// memberID returns the ID of the member at an endpoint.
func memberID(t *testing.T, client *clientv3.Client, endpoint string) uint64 {
	t.Helper()
	resp, err := client.Status(t.Context(), endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.MemberId
}

// A learner refuses most requests, and nobody answers at another endpoint. A client that
// was given these first does without them.
func TestUselessEndpointsFirst(t *testing.T) {
	t.Parallel()
	nobody, voterPeer, learnerPeer := etcdtest.FreeAddr(t), "http://"+etcdtest.FreeAddr(t), "http://"+etcdtest.FreeAddr(t)
	voter := etcdtest.Start(t, func(c *etcd.EmbeddedConfig) { c.Name, c.Peer = "voter", voterPeer })
	if _, err := etcdtest.Client(t, voter).MemberAddAsLearner(t.Context(), []string{learnerPeer}); err != nil {
		t.Fatal(err)
	}
	learner := etcdtest.Start(t, func(c *etcd.EmbeddedConfig) {
		c.Name, c.Peer, c.Joins = "learner", learnerPeer, true
		c.Cluster = "voter=" + voterPeer + ",learner=" + learnerPeer
	})
	client := connectTo(t, nobody, learner, voter)
	if want := []string{voter}; !slices.Equal(client.Endpoints(), want) {
		t.Errorf("%q are used, want %q", client.Endpoints(), want)
	}
	mustServe(t, client)
}

// otherServers starts a server of web pages and a gRPC server, neither of which is etcd.
func otherServers(t *testing.T) []string {
	t.Helper()
	pages := httptest.NewUnstartedServer(http.NotFoundHandler())
	pages.Config.Protocols = new(http.Protocols)
	pages.Config.Protocols.SetUnencryptedHTTP2(true)
	pages.Start()
	t.Cleanup(pages.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	calls, done := grpc.NewServer(), make(chan struct{})
	go func() {
		defer close(done)
		_ = calls.Serve(listener)
	}()
	t.Cleanup(func() { calls.Stop(); <-done })
	return []string{pages.Listener.Addr().String(), listener.Addr().String()}
}

// A server that is no etcd is left out like a member that cannot serve, and alone, it is
// said what it is.
func TestOtherServersAmongTheEndpoints(t *testing.T) {
	t.Parallel()
	others, member := otherServers(t), etcdtest.Start(t)
	client := connectTo(t, etcdtest.FreeAddr(t), others[0], others[1], member)
	if want := []string{member}; !slices.Equal(client.Endpoints(), want) {
		t.Errorf("%q are used, want %q", client.Endpoints(), want)
	}
	mustServe(t, client)
	for _, endpoint := range others {
		client, err := etcd.Config{Endpoints: []string{endpoint}, DialTimeout: 10 * time.Second}.Connect(t.Context())
		if err == nil {
			_ = client.Close()
		}
		if want := "no etcd, but another server, answers at " + endpoint; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Endpoints of different clusters are refused: a lock would be taken in any of them.
func TestEndpointsOfTwoClusters(t *testing.T) {
	t.Parallel()
	// The ID of a cluster is made of the addresses between its members.
	start := func(c *etcd.EmbeddedConfig) {
		c.Peer = "http://" + etcdtest.FreeAddr(t)
		c.Name, c.Cluster = "m", "m="+c.Peer
	}
	first, second := etcdtest.Start(t, start), etcdtest.Start(t, start)
	client, err := etcd.Config{Endpoints: []string{first, second}, DialTimeout: 10 * time.Second}.Connect(t.Context())
	if err == nil {
		_ = client.Close()
	}
	if err == nil || !strings.HasPrefix(err.Error(), first+" is of cluster ") || !strings.Contains(err.Error(), ", and "+second+" of cluster ") {
		t.Errorf("endpoints of two clusters: %v", err)
	}
}
