package etcd

import (
	"context"
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

// endpointGuard keeps a client away from members that cannot serve it. etcd's
// client asks all members in turn, also one that is cut off from the others and
// hangs with every read until that times out, one that has stopped, and a learner, which
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
// the client is closed.
func (g *endpointGuard) start(ctx context.Context, client *clientv3.Client) {
	if len(g.all) < 2 {
		return
	}
	g.calls.follow(client.ActiveConnection())
	used, some := g.choose(ctx, client, client.Endpoints(), startPatience)
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
			used, some = g.choose(client.Ctx(), client, used, statusTimeout)
			select { // a second look tells no more than the first one
			case <-client.Ctx().Done():
				return
			case <-time.After(statusTimeout):
			}
		}
	}()
}

// choose has the client use the members that can serve it, and returns them. If
// none can, it uses all: then there is none to prefer, and some is false.
func (g *endpointGuard) choose(ctx context.Context, client *clientv3.Client, used []string, patience time.Duration) (serving []string, some bool) {
	serves := g.ask(ctx, client, patience)
	serving = slices.DeleteFunc(slices.Clone(g.all), func(endpoint string) bool { return !serves[endpoint] })
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

// ask asks all members at once how they are, and returns those that can serve: they
// answer, have a leader and are no learners. Once there is one, it waits for the answers
// of the others no longer than patience.
func (g *endpointGuard) ask(ctx context.Context, client *clientv3.Client, patience time.Duration) map[string]bool {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	var mu sync.Mutex
	serves := map[string]bool{}
	var asked sync.WaitGroup
	for _, endpoint := range g.all {
		asked.Go(func() {
			if !canServe(ctx, client, endpoint) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if len(serves) == 0 {
				time.AfterFunc(patience, cancel)
			}
			serves[endpoint] = true
		})
	}
	asked.Wait()
	return serves
}

// canServe reports whether a member serves reads that need a leader. Some versions tell
// only root how they are: then a read shows it. It does not log in for that, which the
// client would do at any of the endpoints, also at one that refuses logins.
func canServe(ctx context.Context, client *clientv3.Client, endpoint string) bool {
	conn, err := client.Dial(endpoint)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	resp, err := pb.NewMaintenanceClient(conn).Status(ctx, &pb.StatusRequest{})
	if err == nil {
		return resp.Leader != 0 && !resp.IsLearner
	}
	if answered(err) {
		_, err = pb.NewKVClient(conn).Range(ctx, &pb.RangeRequest{Key: []byte(probeKey), CountOnly: true})
	}
	return err == nil || answered(err)
}

// answered reports whether an error is an answer of a member that serves: what it
// refuses, another one refuses too.
func answered(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return false
	default:
		return !isLearner(err)
	}
}

// isLearner reports whether a member has refused something because it is a learner. The
// code of that error depends on the version.
func isLearner(err error) bool {
	return strings.Contains(err.Error(), rpctypes.ErrorDesc(rpctypes.ErrGRPCNotSupportedForLearner))
}
