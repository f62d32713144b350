package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"etcd-lock/internal/cluster"
	"etcd-lock/internal/etcd"
	"etcd-lock/simulate"
	"etcd-lock/simulate/scenario"
)

// ground is what a scenario runs on.
type ground struct {
	etcd  simulate.Etcd
	close func()
}

// ground is the etcd that the flags name, or a cluster for a scenario that makes
// faults in it: they are never made in an etcd that others use.
func (g *globals) ground(ctx context.Context, sc *scenario.Scenario) (*ground, error) {
	switch {
	case sc.Cluster == 0:
		r, err := g.connect(ctx)
		if err != nil {
			return nil, err
		}
		return &ground{etcd: r.etcd, close: r.close}, nil
	case g.chosen && !g.embedded:
		return nil, usagef("%w: run %s with --embedded, and not on --endpoints or %s", simulate.ErrNoFaults, sc.Name, envName("endpoints"))
	case !g.embedded:
		g.warn(startsCluster(sc))
	}
	return g.apart(ctx, sc)
}

func startsCluster(sc *scenario.Scenario) string {
	return fmt.Sprintf("starting an etcd of %s, in which %s can make faults", plural(sc.Cluster, "member"), sc.Name)
}

// apart is a cluster for a scenario that makes faults in it.
func (g *globals) apart(ctx context.Context, sc *scenario.Scenario) (*ground, error) {
	s, err := startSandbox(ctx, sc.Cluster, g.etcd.DialTimeout)
	if err != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	return &ground{etcd: simulate.Etcd{Connect: s.connect, Faults: s}, close: s.cluster.Close}, nil
}

// sandbox is a cluster to make faults in, with a network for each client.
type sandbox struct {
	cluster     *cluster.Cluster
	dialTimeout time.Duration

	mu       sync.Mutex
	networks map[string]cluster.Network // by client
}

func startSandbox(ctx context.Context, members int, dialTimeout time.Duration) (*sandbox, error) {
	c, err := cluster.Start(ctx, members, cluster.Options{})
	if err != nil {
		return nil, err
	}
	return &sandbox{cluster: c, dialTimeout: dialTimeout, networks: map[string]cluster.Network{}}, nil
}

// connect opens a connection, for a client over a network of its own, and for the
// run itself over what is never cut.
func (s *sandbox) connect(ctx context.Context, client string, opts ...grpc.DialOption) (*clientv3.Client, error) {
	cfg := etcd.Config{Endpoints: s.cluster.Endpoints(), DialTimeout: s.dialTimeout}
	if client == "" {
		return cfg.Connect(ctx, opts...)
	}
	n, err := s.cluster.Network()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.networks[client] = n
	s.mu.Unlock()
	cfg.Endpoints = n.Endpoints()
	c, err := cfg.Connect(ctx, opts...)
	if err == nil { // one that is cut off would try to close its session for as long as its TTL
		context.AfterFunc(ctx, func() { _ = c.Close() })
	}
	return c, err
}

// Kill, Stop, Start, Cut and Heal make a sandbox a simulate.Faults.
func (s *sandbox) Kill(ctx context.Context, m scenario.Member) error {
	member, err := s.member(ctx, m)
	if err == nil {
		member.Kill()
	}
	return err
}

// Stop is documented with Kill.
func (s *sandbox) Stop(ctx context.Context, m scenario.Member) error {
	member, err := s.member(ctx, m)
	if err != nil {
		return err
	}
	return member.Stop()
}

// Start is documented with Kill. Members that were killed start at once: one may
// not serve without another.
func (s *sandbox) Start(ctx context.Context, m scenario.Member) error {
	if m != scenario.AllMembers {
		member, err := s.member(ctx, m)
		if err != nil {
			return err
		}
		return start(ctx, member)
	}
	all, ctx := errgroup.WithContext(ctx)
	for _, member := range s.cluster.Members() {
		all.Go(func() error { return start(ctx, member) })
	}
	return all.Wait()
}

// start has a member go on, whether it was stopped or killed. Where members
// cannot be stopped, one that is alive runs.
func start(ctx context.Context, m *cluster.Member) error {
	switch err := m.Continue(); {
	case errors.Is(err, cluster.ErrNotRunning):
		return m.Restart(ctx)
	case errors.Is(err, errors.ErrUnsupported):
		return nil
	default:
		return err
	}
}

// member is the one meant, which is one that leads by now if it is the leader.
func (s *sandbox) member(ctx context.Context, m scenario.Member) (*cluster.Member, error) {
	if m == scenario.Leader {
		return s.cluster.Leader(ctx)
	}
	return s.cluster.Members()[m-1], nil
}

// Cut is documented with Kill.
func (s *sandbox) Cut(_ context.Context, client string) error {
	s.network(client).Cut()
	return nil
}

// Heal is documented with Kill.
func (s *sandbox) Heal(_ context.Context, client string) error {
	s.network(client).Heal()
	return nil
}

func (s *sandbox) network(client string) cluster.Network {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.networks[client]
}
