package load_test

import (
	"context"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/simulate/internal/simtest"
	"etcd-lock/simulate/load"
	"etcd-lock/simulate/scenario"
)

const ms = time.Millisecond

// lasting is a duration that is not random.
func lasting(d time.Duration) load.Dist {
	return load.Dist{Span: scenario.Span{From: d, To: d}}
}

// busy is a short load on one lock of that implementation.
func busy(impl scenario.Impl) load.Workload {
	names := []string{"/load/" + string(impl)}
	return load.Workload{
		Name: string(impl), TTL: 10 * time.Second, Within: time.Minute, Hold: lasting(ms), Think: lasting(ms),
		Roles: []load.Role{
			{Label: "reader", Count: 2, Names: names, Impl: impl},
			{Label: "writer", Count: 2, Names: names, Writes: 1, Impl: impl},
		},
	}
}

// runLoad runs a load that ends when it has made progress enough, and requires
// that it leaves nothing in etcd.
func runLoad(t *testing.T, job load.Load, enough func(load.Progress) bool) load.Result {
	t.Helper()
	endpoint := etcdtest.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	job.Every = ms
	job.Progress = func(p load.Progress) {
		if enough != nil && enough(p) {
			cancel()
		}
	}
	result, err := load.Run(ctx, simtest.At(endpoint), job)
	if err != nil {
		t.Fatal(err)
	}
	simtest.WantNothingLeft(t, etcdtest.Client(t, endpoint))
	return result
}

// TestLoadInRounds runs all implementations side by side.
func TestLoadInRounds(t *testing.T) {
	t.Parallel()
	job := load.Load{Rounds: 2, For: time.Second, Seed: 1}
	for _, impl := range scenario.Impls() {
		job.Workloads = append(job.Workloads, busy(impl))
	}
	rounds := map[string]int{}
	result := runLoad(t, job, func(p load.Progress) bool {
		rounds[p.Name] = max(rounds[p.Name], p.Round)
		return false
	})
	if !result.Whole || len(result.Measured) != 3 {
		t.Fatalf("result %+v", result)
	}
	for i, m := range result.Measured {
		if m.Name != string(scenario.Impls()[i]) || rounds[m.Name] != 2 {
			t.Errorf("workload %d is %s with %d rounds", i, m.Name, rounds[m.Name])
		}
		if m.Elapsed < time.Second || m.Violated > 0 || m.All.Errors() > 0 {
			t.Errorf("%s: %s, %v, errors %d, first %v", m.Name, m.Elapsed, m.Violations, m.All.Errors(), m.FirstError)
		}
		if m.All.Grants != m.Read.Grants+m.Write.Grants {
			t.Errorf("%s: grants %d, %d, %d", m.Name, m.All.Grants, m.Read.Grants, m.Write.Grants)
		}
		if len(m.All.PerClient) != 4 || len(m.Read.PerClient) != 2 || len(m.Clients) != 4 || m.Clients[3].Name != "writer-2" {
			t.Errorf("%s: clients %v", m.Name, m.Clients)
		}
	}
}

// TestLoadGrants wants every client to be served.
func TestLoadGrants(t *testing.T) {
	t.Parallel()
	for _, impl := range scenario.Impls() {
		t.Run(string(impl), func(t *testing.T) {
			job := load.Load{Workloads: []load.Workload{busy(impl)}, Rounds: 1, Seed: 1}
			m := runLoad(t, job, func(p load.Progress) bool { return p.All.Worst() > 1 }).Measured[0]
			if m.Violated > 0 || m.All.Errors() > 0 || m.All.Worst() < 2 {
				t.Errorf("%v, errors %d, first %v, fewest grants %d", m.Violations, m.All.Errors(), m.FirstError, m.All.Worst())
			}
			if f, ok := m.All.Fairness(); !ok || f <= 0 || f > 1 || m.All.MaxWait() < m.All.Wait(50) {
				t.Errorf("fairness %v, waits %s, %s", f, m.All.Wait(50), m.All.MaxWait())
			}
		})
	}
}

// TestLoadSlots wants clients that take few permits and those that take many to be served
// alike.
func TestLoadSlots(t *testing.T) {
	t.Parallel()
	roles, err := load.SlotRoles(5, 3, "1..3")
	if err != nil {
		t.Fatal(err)
	}
	for i := range roles {
		roles[i].Names, roles[i].Impl = []string{"/load/pool"}, scenario.ImplRWLock
	}
	w := load.Workload{Name: "pool", TTL: 10 * time.Second, Within: time.Minute, Hold: lasting(ms), Think: lasting(0), Roles: roles}
	m := runLoad(t, load.Load{Workloads: []load.Workload{w}, Rounds: 1, Seed: 1}, func(p load.Progress) bool { return p.All.Worst() > 9 }).Measured[0]
	var names []string
	for _, c := range m.Clients {
		names = append(names, c.Name)
	}
	if got, want := strings.Join(names, " "), "weight-1-1 weight-1-2 weight-2-1 weight-2-2 weight-3-1"; got != want {
		t.Errorf("clients %s, want %s", got, want)
	}
	if m.Violated > 0 || m.All.Errors() > 0 || m.Slot.Grants != m.All.Grants || len(m.Slot.PerClient) != 5 || m.Slot.Worst() < 10 {
		t.Errorf("%v, errors %d, first %v, grants %d of %d, fewest %d", m.Violations, m.All.Errors(), m.FirstError, m.Slot.Grants, m.All.Grants, m.Slot.Worst())
	}
}

// TestLoadOpen wants waits to count from the arrival: the only client holds for
// longer than it is until the next request arrives.
func TestLoadOpen(t *testing.T) {
	t.Parallel()
	w := busy(scenario.ImplRWLock)
	w.Roles = w.Roles[1:]
	w.Roles[0].Count = 1
	w.Hold, w.Rate, w.Spread = lasting(50*ms), 100, load.Constant
	result := runLoad(t, load.Load{Workloads: []load.Workload{w}, Rounds: 1, Seed: 1},
		func(p load.Progress) bool { return p.All.Grants >= 5 })
	m := result.Measured[0]
	// When the 5th came to ask, it was due 4 times 50 ms less 10 ms ago.
	if m.All.MaxWait() < 150*ms {
		t.Errorf("longest wait %s", m.All.MaxWait())
	}
	// What has arrived is granted or left over, and 4 in 5 are left over.
	arrived := int64(m.Elapsed / (10 * ms))
	if got := m.All.Grants + m.All.Unfinished; got < arrived-1 || got > arrived || m.All.Unfinished < 4*(m.All.Grants-1) {
		t.Errorf("%d grants, %d unfinished, %d arrived", m.All.Grants, m.All.Unfinished, arrived)
	}
}

// TestLoadTimeouts has every client but one give up, also of the recipe, which
// knows no such thing.
func TestLoadTimeouts(t *testing.T) {
	t.Parallel()
	for _, impl := range scenario.Impls() {
		t.Run(string(impl), func(t *testing.T) {
			w := busy(impl)
			w.Hold, w.Within = lasting(time.Minute), 500*ms
			w.Roles = w.Roles[1:]
			result := runLoad(t, load.Load{Workloads: []load.Workload{w}, Rounds: 1, Seed: 1},
				func(p load.Progress) bool { return p.All.Grants > 0 && p.All.Timeouts > 1 })
			if m := result.Measured[0]; m.All.Grants != 1 || m.All.Lost+m.All.Failed > 0 {
				t.Errorf("%d granted, %d lost, %d failed: %v", m.All.Grants, m.All.Lost, m.All.Failed, m.FirstError)
			}
		})
	}
}

// TestLoadGoesOn takes the sessions from under a job.
func TestLoadGoesOn(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	client := etcdtest.Client(t, endpoint)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	revoked, after := false, int64(0)
	job := load.Load{Workloads: []load.Workload{busy(scenario.ImplRWLock)}, Rounds: 1, Every: ms, Progress: func(p load.Progress) {
		switch {
		case !revoked && p.All.Grants > 0:
			revoked = true
			revokeAll(t, client)
		case p.All.Lost+p.All.Failed > 0 && after == 0:
			after = p.All.Grants
		case after > 0 && p.All.Grants > after+10:
			cancel()
		}
	}}
	result, err := load.Run(ctx, simtest.At(endpoint), job)
	if err != nil || result.Measured[0].FirstError == nil || t.Context().Err() != nil {
		t.Errorf("load: %+v, %v", result.Measured[0], err)
	}
	simtest.WantNothingLeft(t, client)
}

func revokeAll(t *testing.T, client *clientv3.Client) {
	t.Helper()
	leases, err := client.Leases(t.Context())
	if err != nil {
		t.Error(err)
		return
	}
	for _, l := range leases.Leases {
		if _, err := client.Revoke(t.Context(), l.ID); err != nil {
			t.Error(err)
		}
	}
}

func TestLoadCheck(t *testing.T) {
	tests := map[string]func(*load.Load){
		"rounds":         func(l *load.Load) { l.Rounds = 0 },
		"duration":       func(l *load.Load) { l.For = -1 },
		"without an end": func(l *load.Load) { l.For, l.Rounds = 0, 2 },
		"clients":        func(l *load.Load) { l.Workloads[0].Roles = nil },
		"names":          func(l *load.Load) { l.Workloads[0].Roles[0].Names = nil },
		"rate":           func(l *load.Load) { l.Workloads[0].Rate = -1 },
		"ttl":            func(l *load.Load) { l.Workloads[0].TTL = 1500 * ms },
		"negative wait":  func(l *load.Load) { l.Workloads[0].Within = -1 },
		"zipf":           func(l *load.Load) { l.Workloads[0].Roles[0].Zipf = -1 },
	}
	for want, spoil := range tests {
		t.Run(want, func(t *testing.T) {
			job := load.Load{Workloads: []load.Workload{busy(scenario.ImplRWLock)}, Rounds: 1, For: time.Second}
			if err := job.Check(); err != nil {
				t.Fatal(err)
			}
			spoil(&job)
			if err := job.Check(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Check = %v", err)
			}
		})
	}
}

// TestDemo wants movement on every lock of the demo.
func TestDemo(t *testing.T) {
	t.Parallel()
	job := load.Demo(1)
	job.Workloads[0].Hold, job.Workloads[0].Think = lasting(ms), lasting(ms)
	result := runLoad(t, job, func(p load.Progress) bool {
		return len(p.All.PerClient) == 10 && p.All.Worst() >= 3
	})
	if m := result.Measured[0]; m.Violated > 0 || m.All.Worst() < 3 || !result.Whole {
		t.Errorf("the demo came to %+v", m)
	}
}
