package simulate_test

import (
	"sync"
	"testing"
	"time"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/simulate"

	"etcd-lock/simulate/internal/simtest"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

func newClock(t *testing.T, speed float64) *simulate.Clock {
	t.Helper()
	c, err := simulate.NewClock(speed)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const patient = `name: patient
clients:
  - {name: a, steps: [{write: /a, expect: granted}, {wait: 1s}, {unlock: /a}]}
  - {name: b, after: 100ms, steps: [{write: /a, within: 300ms, waits: {at_least: 300ms, at_most: 900ms}, expect: [waiting, deadline]}, {unlock: /a}, {read: /a, within: 1s, waits: {at_least: 100ms, at_most: 900ms}, expect: [waiting, granted]}, {wait: 10ms}, {unlock: /a}]}
  - {name: c, after: 200ms, steps: [{read: /a, cancel: 300ms, expect: [waiting, cancelled]}]}
faults: [{at: 250ms, compact: true}]
expect:
  max_wait: 900ms
  order: [[granted a, waiting b, waiting c, deadline b, "asked b #2", cancelled c, released a, granted b, released b]]
`

// stepper steps through a run, from its log.
type stepper struct {
	t      *testing.T
	clock  *simulate.Clock
	mu     sync.Mutex
	causes int // events of what waits for the clock, and not for etcd
	over   bool
}

func (s *stepper) log(e outcome.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e.Moment {
	case scenario.Asked, scenario.Released, scenario.Deadline, scenario.Cancelled, scenario.Faulty:
		s.causes++
	}
}

func (s *stepper) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// seen are the causes so far, and whether the run is over.
func (s *stepper) seen() (causes int, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.causes, s.over
}

// work makes steps until the run is over, and returns how many that took.
func (s *stepper) work() (steps int) {
	for {
		etcdtest.Eventually(s.t, "there is something to come", func() bool {
			_, over := s.seen()
			return over || s.clock.State().Next != ""
		})
		causes, over := s.seen()
		if causes != steps {
			s.t.Errorf("%d things have happened in %d steps", causes, steps)
		}
		if over {
			return steps
		}
		if steps == 2 { // somebody waits
			<-time.After(1100 * time.Millisecond) // which is longer than anybody wants to
		}
		steps++
		s.clock.Step()
		etcdtest.Eventually(s.t, "the step has been made", func() bool {
			causes, over := s.seen()
			return over || causes >= steps && s.clock.State().Paused
		})
	}
}

// TestRunStepByStep wants each step to bring one thing and no more, and all that
// is expected to come true although the run stands still for longer than anybody
// waits.
func TestRunStepByStep(t *testing.T) {
	t.Parallel()
	for attempt := 1; ; attempt++ {
		clock := newClock(t, 1)
		clock.Pause()
		s := &stepper{t: t, clock: clock}
		var result outcome.Result
		var prefix string
		var run sync.WaitGroup
		run.Go(func() {
			defer s.end()
			result, prefix = play(t, simtest.Parse(t, patient), simulate.Options{Clock: clock, Log: s.log})
		})
		t.Cleanup(run.Wait)
		steps := s.work()
		run.Wait()
		wantNoKeys(t, prefix)
		if result.Err() == nil {
			if last := result.Events[len(result.Events)-1]; steps != 9 || last.At < time.Second || last.At > clock.Elapsed() {
				t.Errorf("%d steps, the last after %s of %s", steps, last.At, clock.Elapsed())
			}
			return
		}
		if attempt == attempts || len(result.Verdict.Violations) > 0 {
			t.Fatal(result.Err())
		}
		t.Logf("attempt %d: %v", attempt, result.Err())
	}
}

// TestRunFencedAfterAPause wants a late holder's event at the time at which it
// gave back what was another's: the pauses are no part of that.
func TestRunFencedAfterAPause(t *testing.T) {
	t.Parallel()
	sc := simtest.Parse(t, `name: late
clients:
  - {name: a, ttl: 1s, steps: [{write: /a}, pause, {wait: 3s}, resume, {unlock: /a}]}
  - {name: b, after: 200ms, steps: [{write: /a, expect: granted}, {wait: 2s}, {unlock: /a}]}
expect: {fenced: 1}
`)
	const pause = time.Second
	clock := newClock(t, 1)
	granted := make(chan struct{})
	var run sync.WaitGroup
	run.Go(func() {
		var resumed time.Duration
		result, _ := play(t, sc, simulate.Options{Clock: clock, Log: func(e outcome.Event) {
			switch {
			case e.Moment == scenario.Resumed:
				resumed = e.At
			case e.Client == "b" && e.Moment == scenario.Granted:
				clock.Pause()
				close(granted)
			}
		}})
		last := result.Events[len(result.Events)-1]
		if result.Err() != nil || last.Moment != scenario.Fenced || last.At > resumed+pause/2 {
			t.Errorf("%v; resumed after %s, and then %+v", result.Err(), resumed, last)
		}
	})
	<-granted
	<-time.After(pause)
	clock.Resume()
	run.Wait()
}
