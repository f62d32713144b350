package rwlock_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	soakRound   = flag.Duration("round", 2*time.Minute, "how long a round of TestSoak takes with -soak; each has a cluster and a seed of its own")
	soakFigures = flag.String("figures", "", "a file to which TestSoak writes its figures, as JSON")
)

// figures are what a soak has come to.
type figures struct {
	Rounds     int
	Seconds    float64
	Grants     int      // that etcd has
	Relocks    int      // of locks that were kept or passed on in a client
	Faults     int      // that were injected
	Fenced     int      // holders that learned late that their hold was over
	Violations int      // of what is promised
	Failed     []uint64 // the seeds of rounds that failed
}

func (f figures) String() string {
	s := fmt.Sprintf("%d rounds, %d grants and %d relocks, %.0f a second, %d faults, %d late holders fenced, %d violations",
		f.Rounds, f.Grants, f.Relocks, float64(f.Grants+f.Relocks)/max(f.Seconds, 1), f.Faults, f.Fenced, f.Violations)
	if len(f.Failed) > 0 {
		s += fmt.Sprintf("; failed with the seeds %d", f.Failed)
	}
	return s
}

// add counts what a round has come to until now.
func (f figures) add(s *soak) figures {
	t := s.tally
	t.mu.Lock()
	f.Violations += len(t.violations)
	t.mu.Unlock()
	f.Grants += t.sum("operations")
	f.Relocks += t.sum("relocks")
	f.Faults += t.sum("faults")
	f.Fenced += t.sum("late holders")
	return f
}

// rounds are a soak in rounds.
type rounds struct {
	began time.Time

	mu      sync.Mutex
	done    figures // of the rounds that are over
	current *soak   // or nil
	kinds   map[string]int
}

// soakInRounds runs rounds one after the other until -soak is over, or ctrl-C. It prints a line
// a minute, and in the end what all have come to. A round that fails does not end the others.
func soakInRounds(t *testing.T) {
	t.Helper()
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt)
	defer stop()
	r := &rounds{began: time.Now(), kinds: map[string]int{}}
	var progress sync.WaitGroup
	over, end := context.WithCancel(t.Context())
	progress.Go(func() {
		for wait(over, time.Minute) {
			fmt.Fprintln(os.Stderr, r.sofar())
		}
	})
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64N(1 << 40)
	}
	for ; ctx.Err() == nil && time.Since(r.began) < *soakFor; seed++ {
		r.round(ctx, t, seed)
	}
	end()
	progress.Wait()
	if ctx.Err() != nil {
		t.Log("interrupted")
	}
	t.Log(r.sofar() + r.faults())
	if r.done.Grants == 0 {
		t.Error("nothing was run")
	}
}

// round runs one round.
func (r *rounds) round(ctx context.Context, t *testing.T, seed uint64) {
	t.Helper()
	left := *soakFor - time.Since(r.began)
	s := &soak{seed: seed, long: true, tally: newTally()}
	passed := t.Run(fmt.Sprintf("Seed%d", seed), func(t *testing.T) {
		t.Cleanup(func() { r.set(nil) })
		r.set(s)
		s.round(ctx, t, max(min(*soakRound, left), 2*lastFaults))
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = r.done.add(s)
	r.done.Rounds++
	r.done.Seconds = time.Since(r.began).Seconds()
	if !passed {
		r.done.Failed = append(r.done.Failed, seed)
	}
	r.write(t)
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	for what, n := range s.tally.counts {
		if kind, ok := strings.CutPrefix(what, "faults: "); ok {
			r.kinds[kind] += n
		}
	}
}

// write writes the figures of the rounds that are over, if they are to be written. The caller
// holds r.mu.
func (r *rounds) write(t *testing.T) {
	t.Helper()
	if *soakFigures == "" {
		return
	}
	text, err := json.Marshal(r.done)
	if err == nil {
		err = os.WriteFile(*soakFigures, text, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

func (r *rounds) set(s *soak) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = s
}

// sofar says what all rounds have come to.
func (r *rounds) sofar() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.done
	if r.current != nil {
		f = f.add(r.current)
	}
	f.Seconds = time.Since(r.began).Seconds()
	return fmt.Sprintf("soak, %s: %s", time.Since(r.began).Round(time.Second), f)
}

// faults lists how many there were of each kind.
func (r *rounds) faults() string {
	var b strings.Builder
	var kinds []string
	for kind := range r.kinds {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		fmt.Fprintf(&b, "\n  %s: %d", kind, r.kinds[kind])
	}
	return b.String()
}
