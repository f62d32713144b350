// Package sandbox provides the etcd that scenarios run on: a cluster of its own for
// a scenario with faults, which are never injected into an etcd that others use, or
// connections to an etcd that is already there.
package sandbox

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
	"etcd-lock/internal/connect"
	"etcd-lock/internal/etcd"
	"etcd-lock/simulate"
	"etcd-lock/simulate/scenario"
)

// Shared returns an etcd without faults for a scenario: the one that c is connected
// to. Each client of the scenario gets a connection of its own.
func Shared(c *connect.Conn) simulate.Etcd {
	return simulate.Etcd{Connect: func(ctx context.Context, _ string, opts ...grpc.DialOption) (*clientv3.Client, error) {
		return c.Dial(ctx, opts...)
	}}
}

// Notice tells the user that a cluster is started for a scenario.
func Notice(sc *scenario.Scenario) string {
	return fmt.Sprintf("starting a %d-member etcd cluster for the faults of scenario %s", sc.Cluster, sc.Name)
}

// Sandbox is a cluster of member processes on this machine. Each client of a
// scenario reaches it over a network of its own, which can be cut. It implements
// simulate.Faults.
type Sandbox struct {
	cluster     *cluster.Cluster
	dialTimeout time.Duration

	mu       sync.Mutex
	networks map[string]cluster.Network // by client
}

// Start starts a cluster and returns once all its members serve. The caller closes
// it.
func Start(ctx context.Context, members int, dialTimeout time.Duration) (*Sandbox, error) {
	c, err := cluster.Start(ctx, members, cluster.Options{})
	if err != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	return &Sandbox{cluster: c, dialTimeout: dialTimeout, networks: map[string]cluster.Network{}}, nil
}

// Close ends the cluster and removes its files.
func (s *Sandbox) Close() { s.cluster.Close() }

// Etcd returns the cluster with its faults for a scenario.
func (s *Sandbox) Etcd() simulate.Etcd { return simulate.Etcd{Connect: s.connect, Faults: s} }

// connect opens a connection: for a client over a network of its own, and for the
// run itself, which has no name, over one that is never cut.
func (s *Sandbox) connect(ctx context.Context, client string, opts ...grpc.DialOption) (*clientv3.Client, error) {
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
	if err == nil { // a client that is cut off would take its TTL to close its session
		context.AfterFunc(ctx, func() { _ = c.Close() })
	}
	return c, err
}

// Kill kills a member.
func (s *Sandbox) Kill(ctx context.Context, m scenario.Member) error {
	member, err := s.member(ctx, m)
	if err == nil {
		member.Kill()
	}
	return err
}

// Stop suspends a member, as SIGSTOP does.
func (s *Sandbox) Stop(ctx context.Context, m scenario.Member) error {
	member, err := s.member(ctx, m)
	if err != nil {
		return err
	}
	return member.Stop()
}

// Start continues a member that was stopped, and restarts one that was killed.
// Several members start concurrently, because one may not serve without another.
func (s *Sandbox) Start(ctx context.Context, m scenario.Member) error {
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

// start continues a member that was stopped, and restarts one that was killed.
// Systems that cannot stop a process cannot continue it either.
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

// member returns a member, which for scenario.Leader is the one that leads now.
func (s *Sandbox) member(ctx context.Context, m scenario.Member) (*cluster.Member, error) {
	if m == scenario.Leader {
		return s.cluster.Leader(ctx)
	}
	return s.cluster.Members()[m-1], nil
}

// Cut cuts the network between a client and the cluster.
func (s *Sandbox) Cut(_ context.Context, client string) error {
	s.network(client).Cut()
	return nil
}

// Heal restores the network of a client.
func (s *Sandbox) Heal(_ context.Context, client string) error {
	s.network(client).Heal()
	return nil
}

func (s *Sandbox) network(client string) cluster.Network {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.networks[client]
}
