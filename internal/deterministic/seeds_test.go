package deterministic

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

var (
	seeds = flag.Uint64("seeds", defaultSeeds, "how many seeds TestSeeds runs")
	first = flag.Uint64("first", 1, "the first seed of TestSeeds")
)

// TestMain runs everything on one processor: with several, the order of what happens at
// one instant would not be the same in every run.
func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(256 << 20)
	m.Run()
}

// TestSeeds runs one seed after the other, until one fails, or the run is interrupted.
// It shrinks the one that has failed, and says how to replay it.
func TestSeeds(t *testing.T) {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	defer signal.Stop(interrupted)
	var sum total
	began := time.Now()
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	defer func() { t.Log(sum.String(time.Since(began))) }()
	for seed := *first; seed < *first+*seeds; seed++ {
		p := newPlan(seed)
		o := run(t, p, false)
		sum.add(o)
		if len(o.Failures) > 0 {
			report(t, p, o)
			return
		}
		select {
		case <-interrupted:
			t.Log("interrupted")
			return
		case <-minute.C:
			fmt.Fprintln(os.Stderr, sum.String(time.Since(began)))
		default:
		}
	}
}

// TestSeedsThatFailed runs seeds on which long runs have stopped. In these, the judge took the
// key of a kept lock that still waited for the one that was granted, and deleted.
func TestSeedsThatFailed(t *testing.T) {
	for _, seed := range []uint64{100097235, 100180928, 100241293, 100285815, 100339115, 100346531, 100373852, 100441053} {
		p := newPlan(seed)
		if o := run(t, p, false); len(o.Failures) > 0 {
			report(t, p, o)
		}
	}
}

// total sums up runs.
type total struct {
	seeds, grants, relocks, permits, calls, writes, faults int
	virtual                                                time.Duration
}

func (s *total) add(o outcome) {
	s.seeds++
	s.grants += o.Grants
	s.relocks += o.Relocks
	s.permits += o.Permits
	s.calls += o.Stats.Calls
	s.writes += o.Stats.Writes
	s.faults += o.Stats.Faults
	s.virtual += o.Took
}

func (s *total) String(took time.Duration) string {
	return fmt.Sprintf("%d seeds in %s, %.0f a second: %d grants, %d relocks of kept locks, %d grants of permits, %d calls, %d revisions, %d faults, %s of virtual time",
		s.seeds, took.Round(time.Second), float64(s.seeds)/took.Seconds(), s.grants, s.relocks, s.permits, s.calls, s.writes, s.faults, s.virtual.Round(time.Minute))
}

// report shrinks a plan that fails, and prints the shortest one with its story.
func report(t *testing.T, p plan, o outcome) {
	t.Helper()
	small, so := shrink(t, p, o)
	t.Errorf("seed %d fails. Replay it with\n  go test ./internal/deterministic -run TestSeeds -first %d -seeds 1\n%s\nshrunk from %d parts to %d:\n%s\n%s",
		p.Seed, p.Seed, list(o.Failures), p.size(), small.size(), small, strings.Join(so.Story, "\n")+"\n"+list(so.Failures))
}

func list(failures []failure) string {
	var b strings.Builder
	for _, f := range failures {
		fmt.Fprintf(&b, "  %s: %s\n", f.Kind, f.Text)
	}
	return b.String()
}
