// Package simtest has what the tests of scenarios share.
package simtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"etcd-lock/rwlock"
	"etcd-lock/simulate"
	"etcd-lock/simulate/scenario"
)

// Small is the shortest file of a scenario that takes a lock.
const Small = `name: small
clients:
  - name: c
    steps:
      - write: /a
      - wait: 10ms
      - unlock: /a
`

// Client is a file with one client of the given steps, whose first line is 5.
func Client(steps ...string) string {
	return "name: n\nclients:\n- name: c\n  steps:\n" + strings.Join(steps, "\n") + "\n"
}

// Parse reads a scenario that must be right.
func Parse(t *testing.T, data string) *scenario.Scenario {
	t.Helper()
	sc, err := scenario.Parse("test.yaml", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// At is the etcd that serves endpoint.
func At(endpoint string) simulate.Etcd {
	return simulate.Etcd{Connect: func(_ context.Context, _ string, opts ...grpc.DialOption) (*clientv3.Client, error) {
		return clientv3.New(clientv3.Config{
			Endpoints:   []string{endpoint},
			DialTimeout: 10 * time.Second,
			Logger:      zap.NewNop(),
			DialOptions: opts,
		})
	}}
}

// WantNothingLeft fails when a key or a lease is left in etcd.
func WantNothingLeft(t *testing.T, client *clientv3.Client) {
	t.Helper()
	keys, err := client.Get(context.Background(), "", clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil || len(keys.Kvs) != 0 {
		t.Errorf("keys left: %v, %v", keys, err)
	}
	leases, err := client.Leases(context.Background())
	if err != nil || len(leases.Leases) != 0 {
		t.Errorf("leases left: %v, %v", leases, err)
	}
}

// WantEncodes fails unless sc is what Parse reads of its encoding, and returns
// that.
func WantEncodes(t *testing.T, sc *scenario.Scenario, notes scenario.Notes) []byte {
	t.Helper()
	data, err := scenario.Encode(sc, notes)
	if err != nil {
		t.Fatal(err)
	}
	got, err := scenario.Parse("test.yaml", data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	if diff := cmp.Diff(sc, got, cmpopts.IgnoreTypes(scenario.Place{}), cmpopts.IgnoreFields(scenario.Scenario{}, "File")); diff != "" {
		t.Fatalf("scenario.Parse(Encode) (-want +got):\n%s\n%s", diff, data)
	}
	return data
}

// Contention makes up clients that contend for two locks and a semaphore, with times on a grid.
func Contention(seed uint64, name string) *scenario.Scenario {
	a := rand.New(rand.NewPCG(seed, 1))
	const grid = 70 * time.Millisecond
	times := func(most int) scenario.Span {
		d := time.Duration(1+a.IntN(most)) * grid
		return scenario.Span{From: d, To: d}
	}
	sc := &scenario.Scenario{Name: name, TTL: scenario.DefaultTTL, Seed: scenario.DefaultSeed}
	for i := range 2 + a.IntN(3) {
		c := scenario.Client{Name: fmt.Sprint("c", i), Count: 1, TTL: sc.TTL, After: times(6), Repeat: 1 + a.IntN(2)}
		for range 1 + a.IntN(2) {
			take := scenario.Step{Do: one(a, scenario.Read, scenario.Write, scenario.Write, scenario.Slot, scenario.Slot, scenario.Together), Within: times(8), Try: a.IntN(5) == 0}
			switch take.Do {
			case scenario.Together:
				take.Locks = []rwlock.LockRequest{{Name: "/a", Mode: rwlock.Read}, {Name: "/b", Mode: rwlock.Write}}
				if a.IntN(3) == 0 {
					take.Locks = append(take.Locks, slot(a))
				}
			case scenario.Slot:
				take.Locks = []rwlock.LockRequest{slot(a)}
			case scenario.Read:
				take.Locks = []rwlock.LockRequest{{Name: one(a, "/a", "/b"), Mode: rwlock.Read}}
			default:
				take.Locks = []rwlock.LockRequest{{Name: one(a, "/a", "/b"), Mode: rwlock.Write}}
			}
			var unlock scenario.Step
			unlock.Do = scenario.Unlock
			for _, l := range take.Locks {
				unlock.Locks = append(unlock.Locks, rwlock.LockRequest{Name: l.Name})
			}
			c.Steps = append(c.Steps, take, scenario.Step{Do: scenario.Wait, For: times(3)})
			change := scenario.Step{Do: scenario.Upgrade, Locks: []rwlock.LockRequest{{Name: take.Locks[0].Name, Mode: rwlock.Write}}}
			if take.Do == scenario.Write {
				change = scenario.Step{Do: scenario.Downgrade, Locks: []rwlock.LockRequest{{Name: take.Locks[0].Name, Mode: rwlock.Read}}}
			}
			if (take.Do == scenario.Read || take.Do == scenario.Write) && a.IntN(3) == 0 {
				c.Steps = append(c.Steps, change, scenario.Step{Do: scenario.Wait, For: times(2)})
			}
			c.Steps = append(c.Steps, unlock, scenario.Step{Do: scenario.Wait, For: times(3)})
		}
		if c.Repeat == 1 && a.IntN(3) == 0 {
			c.Steps = append(c.Steps, scenario.Step{Do: scenario.Close})
		}
		sc.Clients = append(sc.Clients, c)
	}
	if slices.Contains(sc.Locks(), pool.Name) {
		sc.Semaphores = []scenario.Semaphore{pool}
	}
	return sc
}

// pool is the semaphore of Contention.
var pool = scenario.Semaphore{Name: "/pool", Permits: 3}

// slot takes some of the permits.
func slot(a *rand.Rand) rwlock.LockRequest {
	return rwlock.LockRequest{Name: pool.Name, Mode: rwlock.Slot, Weight: 1 + a.IntN(pool.Permits), Permits: pool.Permits}
}

// one is one of several.
func one[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }
