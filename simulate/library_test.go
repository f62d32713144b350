package simulate_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"etcd-lock/internal/cluster"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/simulate"
	"etcd-lock/simulate/internal/simtest"
	"etcd-lock/simulate/scenario"
)

// TestLibrary wants every scenario that comes along to pass. They mostly sleep,
// and so several run at once, those without faults on one etcd. What a scenario
// expects can hang on a tenth of a second, which a busy machine may not have: one
// that fails among others gets two more chances, alone.
func TestLibrary(t *testing.T) {
	var again []*scenario.Scenario
	var mu sync.Mutex
	var running errgroup.Group
	running.SetLimit(4 * runtime.GOMAXPROCS(0))
	for _, sc := range scenario.Builtin() {
		etcd := home(t, sc)
		running.Go(func() error {
			if err := failureOf(t, etcd, sc, "/library/"+sc.Name); err != nil {
				mu.Lock()
				defer mu.Unlock()
				again = append(again, sc)
			}
			return nil
		})
	}
	_ = running.Wait()
	for _, sc := range again {
		t.Run(sc.Name, func(t *testing.T) {
			first := failureOf(t, home(t, sc), sc, "/again/"+sc.Name)
			if first == nil {
				return
			}
			if err := failureOf(t, home(t, sc), sc, "/last/"+sc.Name); err != nil {
				t.Errorf("%v\nand before: %v", err, first)
			}
		})
	}
}

// failureOf runs a scenario and returns what was wrong with it, and its log.
func failureOf(t *testing.T, etcd simulate.Etcd, sc *scenario.Scenario, prefix string) error {
	t.Helper()
	result, err := simulate.Run(t.Context(), etcd, sc, simulate.Options{Prefix: prefix})
	if err := errors.Join(err, result.Err()); err != nil {
		return fmt.Errorf("%w\n%s", err, strings.Join(texts(result), "\n"))
	}
	return nil
}

// home is an etcd that a scenario can run on.
func home(t *testing.T, sc *scenario.Scenario) simulate.Etcd {
	t.Helper()
	if sc.Cluster > 0 {
		return newSabotage(t, sc.Cluster).etcd()
	}
	return simtest.At(etcdtest.Shared(t))
}

// sabotage makes faults in a cluster, and is the way to it.
type sabotage struct {
	*cluster.Cluster
	networks map[string]cluster.Network // by client
	down     []*cluster.Member
}

func newSabotage(t *testing.T, members int) *sabotage {
	t.Helper()
	c, err := cluster.Start(t.Context(), members, cluster.Options{Stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &sabotage{Cluster: c, networks: map[string]cluster.Network{}}
}

func (s *sabotage) etcd() simulate.Etcd { return simulate.Etcd{Connect: s.connect, Faults: s} }

// connect opens a connection along a network of the client's own. Run connects
// one client after the other.
func (s *sabotage) connect(_ context.Context, client string, opts ...grpc.DialOption) (*clientv3.Client, error) {
	network, err := s.Network()
	if err != nil {
		return nil, err
	}
	s.networks[client] = network
	return clientv3.New(clientv3.Config{
		Endpoints: network.Endpoints(), DialTimeout: 10 * time.Second, Logger: zap.NewNop(), DialOptions: opts,
	})
}

func (s *sabotage) Kill(ctx context.Context, m scenario.Member) error {
	return s.takeDown(ctx, m, func(member *cluster.Member) error { member.Kill(); return nil })
}

func (s *sabotage) Stop(ctx context.Context, m scenario.Member) error {
	return s.takeDown(ctx, m, (*cluster.Member).Stop)
}

func (s *sabotage) takeDown(ctx context.Context, m scenario.Member, how func(*cluster.Member) error) error {
	member, err := s.Leader(ctx)
	if m != scenario.Leader {
		member, err = s.Members()[m-1], nil
	}
	if err != nil {
		return err
	}
	s.down = append(s.down, member)
	return how(member)
}

func (s *sabotage) Start(ctx context.Context, m scenario.Member) error {
	var errs []error
	for _, member := range s.down {
		if m == scenario.AllMembers || int(m) == member.Number() {
			errs = append(errs, member.Restart(ctx))
		}
	}
	return errors.Join(errs...)
}

func (s *sabotage) Cut(_ context.Context, client string) error {
	s.networks[client].Cut()
	return nil
}

func (s *sabotage) Heal(_ context.Context, client string) error {
	s.networks[client].Heal()
	return nil
}
