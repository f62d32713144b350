package simulate_test

import (
	"errors"
	"flag"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/simulate"
	"etcd-lock/simulate/forecast"
	"etcd-lock/simulate/internal/simtest"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

var slowEtcd = flag.Bool("slow-etcd", false, "run all built-in scenarios on etcds with long election timeouts")

// withElections starts an etcd with that election timeout.
func withElections(t *testing.T, timeout time.Duration) simulate.Etcd {
	t.Helper()
	return simtest.At(etcdtest.Start(t, func(c *etcd.EmbeddedConfig) { c.ElectionTimeout = timeout }))
}

// TestRaisedTTL: a run on an etcd that raises TTLs says so before its clients begin,
// and when it fails.
func TestRaisedTTL(t *testing.T) {
	sc := simtest.Parse(t, strings.Replace(simtest.Small, "clients:", "ttl: 1s\nclients:", 1)+"expect:\n  log:\n  - got lock c\n")
	const want = "etcd granted TTLs of 3s where the scenario asks for 1s: it grants no less than 1.5 times its election timeout"
	noted, late := "", false
	result, err := simulate.Run(t.Context(), withElections(t, 2*time.Second), sc, simulate.Options{
		Note: func(text string) { noted = text },
		Log:  func(e outcome.Event) { late = late || e.Moment == scenario.Asked && noted == "" },
	})
	if err != nil || noted != want || late || result.Note != want {
		t.Errorf("%v, noted %q, too late: %t", err, noted, late)
	}
	if err := result.Err(); err == nil || !strings.HasSuffix(err.Error(), "; "+want) {
		t.Error(err)
	}
}

// pausedFor is a scenario of a holder with a TTL of 1s that is paused and loses its
// lock.
func pausedFor(pause string) string {
	return strings.Replace(simtest.Client(
		"  - write: /a", "    expect: [granted, lost]", "  - pause", "  - wait: "+pause, "  - resume", "  - unlock: /a",
	), "clients:", "ttl: 1s\nclients:", 1)
}

// TestRaisedTTLTooLong: nothing is run that cannot hold with the TTLs that etcd
// granted, and the error says where it can.
func TestRaisedTTLTooLong(t *testing.T) {
	sc := simtest.Parse(t, pausedFor("1500ms"))
	const want = `scenario n: expectation cannot hold: test.yaml:6:5: c: write "/a": want granted and lost, got granted; ` +
		"etcd granted TTLs of 3s where the scenario asks for 1s: it grants no less than 1.5 times its election timeout; " +
		"run it on an etcd with an election timeout of at most 600ms, or at a speed of at most 0.33"
	result, err := simulate.Run(t.Context(), withElections(t, 2*time.Second), sc, simulate.Options{
		Note: func(text string) { t.Errorf("noted %q, and in the error too", text) },
	})
	if !errors.Is(err, forecast.ErrImpossible) || err.Error() != want || !strings.HasSuffix(want, "; "+result.Note) {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
	if slices.ContainsFunc(result.Events, func(e outcome.Event) bool { return e.Moment == scenario.Asked }) {
		t.Errorf("its clients began: %v", texts(result))
	}
}

// TestLibraryOnASlowEtcd wants every built-in scenario to pass on an etcd that raises
// TTLs, or to say at which speed it does, and to pass at that. One that fails among others
// gets another chance alone, at half the speed: see TestLibrary. It takes minutes.
func TestLibraryOnASlowEtcd(t *testing.T) {
	if !*slowEtcd {
		t.Skip("only with -slow-etcd")
	}
	for _, election := range []time.Duration{5 * time.Second, 10 * time.Second} {
		t.Run(election.String(), func(t *testing.T) {
			t.Parallel()
			on := withElections(t, election)
			var again []*scenario.Scenario
			var mu sync.Mutex
			var running errgroup.Group
			for _, sc := range scenario.Builtin() {
				if sc.Cluster > 0 {
					continue // it runs on its own cluster
				}
				running.Go(func() error {
					if err := passesOn(t, on, sc, 1); err != nil {
						mu.Lock()
						defer mu.Unlock()
						again = append(again, sc)
						t.Logf("%s: %v", sc.Name, err)
					}
					return nil
				})
			}
			_ = running.Wait()
			for _, sc := range again {
				if err := passesOn(t, on, sc, 0.5); err != nil {
					t.Errorf("%s: %v", sc.Name, err)
				}
			}
		})
	}
}

// passesOn runs a scenario at a speed, or at a tenth of it where that is what the scenario
// needs, and returns what was wrong with it.
func passesOn(t *testing.T, on simulate.Etcd, sc *scenario.Scenario, speed float64) error {
	t.Helper()
	clock, err := simulate.NewClock(speed)
	if err != nil {
		return err
	}
	result, err := simulate.Run(t.Context(), on, sc, simulate.Options{Prefix: "/slow/" + sc.Name, Clock: clock})
	err = errors.Join(err, result.Err())
	if err != nil && strings.Contains(err.Error(), ", or at a speed of at most ") {
		return passesOn(t, on, sc, speed/10)
	}
	return err
}
