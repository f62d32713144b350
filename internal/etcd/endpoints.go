package etcd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"etcd-lock/internal/hint"
)

const (
	// statusTimeout bounds the question to one member. A member that is there
	// answers it by itself, without the others.
	statusTimeout = time.Second
	// startPatience bounds it when a client is made, once a member has answered that
	// can serve: a member that is down must not delay every command by a second.
	startPatience = 200 * time.Millisecond
	// recheckPause is how long after a look at the members the next one is, while
	// some are left out.
	recheckPause = 5 * time.Second
	// slowCall is how long a call may take before the members are looked at: one that
	// has stopped takes calls and never answers. Together with statusTimeout, it is less
	// than the time that a watch gives a read.
	slowCall = 500 * time.Millisecond
)

// CheckEndpoints returns an error for an endpoint that says of no place where etcd can be.
func (c Config) CheckEndpoints() error {
	for _, e := range c.Endpoints {
		if err := checkEndpoint(e); err != nil {
			return hint.Add(fmt.Errorf("%q: %w", e, err),
				"an endpoint is HOST:PORT, http://HOST:PORT, https://HOST:PORT or unix:///SOCKET; the port is 2379 unless etcd was told otherwise")
		}
	}
	return nil
}

// WithoutLogin returns an endpoint without the user and the password in it, which are not for
// errors and screens. etcd's client reads neither from there.
func WithoutLogin(endpoint string) string {
	if isSocket(endpoint) {
		return endpoint
	}
	scheme, rest, ok := strings.Cut(endpoint, "://")
	if !ok {
		return endpoint[strings.LastIndexByte(endpoint, '@')+1:]
	}
	return scheme + "://" + rest[strings.LastIndexByte(rest, '@')+1:]
}

func checkEndpoint(endpoint string) error {
	if scheme, _, found := strings.Cut(endpoint, "://"); found && !slices.Contains([]string{"http", "https", "unix", "unixs"}, strings.ToLower(scheme)) {
		return fmt.Errorf("unknown scheme %q", scheme)
	}
	t, ok := targetOf(endpoint)
	if !ok {
		return errors.New("not a URL")
	}
	if t.network == "unix" {
		return nil
	}
	_, port, err := net.SplitHostPort(t.addr)
	if wrong := new(net.AddrError); errors.As(err, &wrong) {
		return errors.New(wrong.Err)
	}
	if port == "" {
		return errors.New("missing port in address")
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return fmt.Errorf("invalid port %q", port)
	}
	return nil
}

// endpointGuard keeps a client away from members that cannot serve it. etcd's
// client asks all members in turn, also one that is cut off from the others, or that none of
// them hears, and hangs with every read until that times out, one that has stopped, and a learner, which
// refuses most. Calls that such a member has not answered end as if its connection was
// lost, so that reads and watches go on elsewhere.
type endpointGuard struct {
	all     []string
	trouble chan struct{} // holds one when a call has failed as it does on such a member, or takes long
	calls   *calls
}

func newEndpointGuard(endpoints []string) *endpointGuard {
	return &endpointGuard{all: endpoints, trouble: make(chan struct{}, 1), calls: newCalls()}
}

// options are what the client's connection is dialled with.
func (g *endpointGuard) options() []grpc.DialOption {
	if len(g.all) < 2 {
		return nil
	}
	return []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(g.unary, g.calls.unary), grpc.WithChainStreamInterceptor(g.calls.stream), grpc.WithStatsHandler(g.calls),
	}
}

func (g *endpointGuard) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if !g.calls.follows(cc) {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	slow := time.AfterFunc(slowCall, g.suspect)
	defer slow.Stop()
	err := invoke(ctx, method, req, reply, cc, opts...)
	if err != nil && !answered(err) && status.Code(err) != codes.Canceled {
		g.suspect()
	}
	return err
}

// suspect has the members looked at.
func (g *endpointGuard) suspect() {
	select {
	case g.trouble <- struct{}{}:
	default:
	}
}

// start chooses the members to use, before it returns, and goes on to do so until
// the client is closed. It returns an error, and does nothing, if members of different
// clusters answer: a lock would be taken in any of them.
func (g *endpointGuard) start(ctx context.Context, client *clientv3.Client) error {
	if len(g.all) < 2 {
		return nil
	}
	clusters := g.ask(ctx, client, startPatience)
	if err := g.oneCluster(clusters); err != nil {
		return err
	}
	g.calls.follow(client.ActiveConnection())
	used, some := g.use(ctx, client, client.Endpoints(), clusters)
	go func() {
		for {
			var recheck <-chan time.Time
			switch {
			case !some: // as during an election
				recheck = time.After(statusTimeout)
			case len(used) < len(g.all):
				recheck = time.After(recheckPause)
			}
			select {
			case <-client.Ctx().Done():
				return
			case <-g.trouble:
			case <-recheck:
			}
			used, some = g.use(client.Ctx(), client, used, g.ask(client.Ctx(), client, statusTimeout))
			select { // a second look tells no more than the first one
			case <-client.Ctx().Done():
				return
			case <-time.After(statusTimeout):
			}
		}
	}()
	return nil
}

// oneCluster returns an error if endpoints are of different clusters.
func (g *endpointGuard) oneCluster(clusters map[string]uint64) error {
	first := ""
	for _, endpoint := range g.all {
		switch id := clusters[endpoint]; {
		case id == 0: // it does not serve, or does not say
		case first == "":
			first = endpoint
		case id != clusters[first]:
			return hint.Add(
				fmt.Errorf("%s is of cluster %x, and %s of cluster %x", first, clusters[first], endpoint, id),
				"name members of one cluster with --endpoints",
			)
		}
	}
	return nil
}

// use has the client use the members that can serve it, whose clusters are given, and
// returns them. If none can, it uses all: then there is none to prefer, and some is false.
func (g *endpointGuard) use(ctx context.Context, client *clientv3.Client, used []string, clusters map[string]uint64) (serving []string, some bool) {
	serving = slices.DeleteFunc(slices.Clone(g.all), func(endpoint string) bool { _, serves := clusters[endpoint]; return !serves })
	some = len(serving) > 0
	if !some {
		serving = g.all
	}
	if !slices.Equal(serving, used) && ctx.Err() == nil {
		g.calls.leave(nil) // members that are back
		client.SetEndpoints(serving...)
		g.calls.leave(addresses(ctx, g.all, serving))
	}
	return serving, some
}

// ask asks all members at once how they are, and returns those that can serve, with the ID
// of their cluster if they say it: they answer, reach a leader and are no learners. Once
// there is one, it waits for the answers of the others no longer than patience.
func (g *endpointGuard) ask(ctx context.Context, client *clientv3.Client, patience time.Duration) map[string]uint64 {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	var mu sync.Mutex
	clusters := map[string]uint64{}
	var asked sync.WaitGroup
	for _, endpoint := range g.all {
		asked.Go(func() {
			cluster, serves := canServe(ctx, client, endpoint)
			if !serves {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if len(clusters) == 0 {
				time.AfterFunc(patience, cancel)
			}
			clusters[endpoint] = cluster
		})
	}
	asked.Wait()
	return clusters
}

// canServe reports whether a member serves reads that need a leader, and of which cluster
// it is, 0 if it does not say. Only a read shows it: a member that nobody hears says that it
// has a leader. It does not log in for that, which the client would do at any of the
// endpoints, also at one that refuses logins.
func canServe(ctx context.Context, client *clientv3.Client, endpoint string) (cluster uint64, serves bool) {
	conn, err := client.Dial(endpoint)
	if err != nil {
		return 0, false
	}
	defer func() { _ = conn.Close() }()
	resp, err := pb.NewMaintenanceClient(conn).Status(ctx, &pb.StatusRequest{})
	switch {
	case err == nil && (resp.Leader == 0 || resp.IsLearner):
		return resp.Header.GetClusterId(), false // at once, and not after it hung
	case err != nil && !answered(err): // some versions tell only root how they are
		return 0, false
	}
	_, err = pb.NewKVClient(conn).Range(ctx, &pb.RangeRequest{Key: []byte(probeKey), CountOnly: true})
	return resp.GetHeader().GetClusterId(), err == nil || answered(err)
}

// answered reports whether an error is an answer of a member that serves: what it
// refuses, another one refuses too.
func answered(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return false
	default:
		return !isLearner(err) && !isOther(err)
	}
}

// isOther reports whether what has answered is no etcd, but another server of HTTP or gRPC.
func isOther(err error) bool {
	text := status.Convert(err).Message()
	return strings.Contains(text, "unexpected HTTP status code received from server") || strings.HasPrefix(text, "unknown service ")
}

// isLearner reports whether a member has refused something because it is a learner. The
// code of that error depends on the version.
func isLearner(err error) bool {
	return strings.Contains(err.Error(), rpctypes.ErrorDesc(rpctypes.ErrGRPCNotSupportedForLearner))
}
