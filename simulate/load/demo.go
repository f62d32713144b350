package load

import (
	"time"

	"etcd-lock/simulate/scenario"
)

// Demo returns a load to look at in the terminal UI: readers and writers on a few locks,
// so that there are always holders, waiters and grants, until its context ends.
func Demo(seed uint64) Load {
	shop := []string{"/orders/42", "/inventory/7"}
	back := []string{"/reports/daily", "/inventory/7"}
	return Load{
		Seed:   seed,
		Rounds: 1,
		Workloads: []Workload{{
			Name:  "demo",
			TTL:   5 * time.Second,
			Hold:  Dist{Span: scenario.Span{From: 300 * time.Millisecond, To: 3 * time.Second}},
			Think: Dist{Span: scenario.Span{From: 100 * time.Millisecond, To: 1500 * time.Millisecond}},
			Roles: []Role{
				{Label: "checkout", Count: 4, Names: shop, Writes: 0.4, Impl: scenario.ImplRWLock},
				{Label: "report", Count: 3, Names: back, Writes: 0.1, Impl: scenario.ImplRWLock},
				{Label: "restock", Count: 1, Names: back, Writes: 1, Impl: scenario.ImplRWLock},
				{Label: "scheduler", Count: 2, Names: []string{"/leader/scheduler"}, Writes: 1, Impl: scenario.ImplMutex},
			},
		}},
	}
}
