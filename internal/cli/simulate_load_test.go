package cli

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/format"
	"etcd-lock/simulate/load"
	"etcd-lock/simulate/scenario"
)

func TestSimulateLoadOptions(t *testing.T) {
	const ms = time.Millisecond
	var got *simulateLoadOptions
	a := &app{System: System{Getenv: env()}}
	a.output = output.Text
	run := func(args ...string) error {
		cmd := newSimulateLoadCmd(a, func(_ context.Context, opts *simulateLoadOptions) error { got = opts; return nil })
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetArgs(args)
		return cmd.Execute()
	}
	if err := run("--impl", "rwlock,mutex", "--readers", "3", "--writers", "1", "--names", "2", "--zipf", "1.5", "--hold", "1ms..2ms",
		"--rate", "50", "--arrivals", "fixed", "--duration", "1m", "--seed", "9", "--prefix", "/p/", "--expect", "mutex.errors==0"); err != nil {
		t.Fatal(err)
	}
	workload := func(impl scenario.Impl) load.Workload {
		names := []string{"/p/" + string(impl) + "/1", "/p/" + string(impl) + "/2"}
		return load.Workload{
			Name: string(impl), TTL: 10 * time.Second, Within: 30 * time.Second, Rate: 50, Spread: load.Constant,
			Hold: load.Dist{Span: scenario.Span{From: ms, To: 2 * ms}}, Think: load.Dist{Mean: 10 * ms},
			Roles: []load.Role{
				{Label: "reader", Count: 3, Names: names, Zipf: 1.5, Impl: impl},
				{Label: "writer", Count: 1, Names: names, Zipf: 1.5, Writes: 1, Impl: impl},
			},
		}
	}
	want := load.Load{
		Workloads: []load.Workload{workload(scenario.ImplRWLock), workload(scenario.ImplMutex)},
		Rounds:    comparedRounds, For: time.Minute, Seed: 9,
	}
	if diff := cmp.Diff(want, got.load, cmpopts.IgnoreFields(load.Load{}, "Progress")); diff != "" {
		t.Errorf("load (-want +got):\n%s", diff)
	}
	if len(got.thresholds) != 1 || got.thresholds[0].Workload != "mutex" || got.progress.every() != 0 {
		t.Errorf("options %+v", got)
	}
	if err := run("--progress"); err != nil || got.load.Rounds != 1 || got.progress.every() != time.Second || got.prefix == "" {
		t.Errorf("options %+v, %v", got, err)
	}
	prefix := got.prefix
	if err := run("--progress=3s"); err != nil || got.progress.every() != 3*time.Second || got.prefix == prefix {
		t.Errorf("options %+v, %v", got, err)
	}
}

func TestProgressLine(t *testing.T) {
	job := load.Load{Rounds: 2, For: 10 * time.Second}
	now := load.Progress{Round: 1, Waiting: 3, Measured: load.Measured{
		Name: "rwlock", Elapsed: 4 * time.Second, All: load.Tally{Timeouts: 2}, Violated: 1,
	}}
	want := "rwlock  4s of 10s  round 1 of 2  0 grants  0/s  3 waiting  2 errors  1 violation"
	if got := progressLine(job, nil, now); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestBrief(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 999: "999ns", 1234 * time.Microsecond: "1.23ms", 98765 * time.Microsecond: "98.8ms", 1999 * time.Millisecond: "2s", 83 * time.Second: "1m23s",
	} {
		if got := format.Latency(d); got != want {
			t.Errorf("format.Latency(%d) = %s, want %s", d, got, want)
		}
	}
}
