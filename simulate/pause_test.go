package simulate_test

import (
	"slices"
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
  - {name: b, after: 100ms, steps: [{write: /a, within: 300ms, waits: {at_least: 300ms}, expect: [waiting, deadline]}, {unlock: /a}, {read: /a, within: 1s, waits: {at_least: 100ms}, expect: [waiting, granted]}, {wait: 10ms}, {unlock: /a}]}
  - {name: c, after: 200ms, steps: [{read: /a, cancel: 300ms, expect: [waiting, cancelled]}]}
faults: [{at: 250ms, compact: true}]
expect:
  order: [[granted a, waiting b, waiting c, deadline b, "asked b #2", cancelled c, released a, granted b, released b]]
`

// stepper steps through a run, by its log.
type stepper struct {
	t      *testing.T
	clock  *simulate.Clock
	mu     sync.Mutex
	causes int                  // how many events had to wait for the clock, and not for etcd
	real   map[string]time.Time // when each kind of event of a client happened first
	over   bool
}

func (s *stepper) log(e outcome.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kind := string(e.Moment) + " " + e.Client; s.real[kind].IsZero() {
		s.real[kind] = time.Now()
	}
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

// seen returns the number of causes so far, and whether the run is over.
func (s *stepper) seen() (causes int, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.causes, s.over
}

// longPause is longer than any client of the scenario waits.
const longPause = 1100 * time.Millisecond

// work makes steps until the run is over, and returns how many that took. It pauses for
// longPause while a client waits.
func (s *stepper) work() (steps int) {
	for {
		etcdtest.Eventually(s.t, "something is due", func() bool {
			_, over := s.seen()
			return over || s.clock.State().Next != ""
		})
		causes, over := s.seen()
		if causes != steps {
			s.t.Errorf("%d events in %d steps", causes, steps)
		}
		if over {
			return steps
		}
		if steps == 2 { // b waits
			<-time.After(longPause)
		}
		steps++
		s.clock.Step()
		etcdtest.Eventually(s.t, "the step has been made", func() bool {
			causes, over := s.seen()
			return over || causes >= steps && s.clock.State().Paused
		})
	}
}

// TestRunStepByStep wants each step to bring one event and no more, and the pauses in
// between to delay deadlines and to be no part of what is measured.
func TestRunStepByStep(t *testing.T) {
	t.Parallel()
	for attempt := 1; ; attempt++ {
		clock := newClock(t, 1)
		clock.Pause()
		s := &stepper{t: t, clock: clock, real: map[string]time.Time{}}
		var result outcome.Result
		var run sync.WaitGroup
		run.Go(func() {
			defer s.end()
			result = play(t, simtest.Parse(t, patient), simulate.Options{Clock: clock, Log: s.log})
		})
		t.Cleanup(run.Wait)
		steps := s.work()
		run.Wait()
		if result.Err() == nil {
			if last := result.Events[len(result.Events)-1]; steps != 9 || last.At < time.Second || last.At > clock.Elapsed() {
				t.Errorf("%d steps, the last after %s of %s", steps, last.At, clock.Elapsed())
			}
			waited := result.Steps[slices.IndexFunc(result.Steps, func(r outcome.StepResult) bool { return r.Client == "b" })].Waited
			if passed := s.real["deadline b"].Sub(s.real["asked b"]); passed-waited < longPause {
				t.Errorf("b waited %s of %s in which the run was paused for %s", waited, passed, longPause)
			}
			return
		}
		if attempt == attempts || len(result.Verdict.Violations) > 0 {
			t.Fatal(result.Err())
		}
		t.Logf("attempt %d: %v", attempt, result.Err())
	}
}

// TestRunFencedAfterAPause wants the event of a late holder to be dated to when it
// learned of its loss: after it was resumed, and before it was logged. A pause of the
// clock is no part of that time.
func TestRunFencedAfterAPause(t *testing.T) {
	t.Parallel()
	sc := simtest.Parse(t, `name: late
clients:
  - {name: a, ttl: 1s, steps: [{write: /a}, pause, {wait: 3s}, resume, {unlock: /a}]}
  - {name: b, after: 200ms, steps: [{write: /a, expect: granted}, {wait: 2s}, {unlock: /a}]}
expect: {fenced: 1}
`)
	clock := newClock(t, 1)
	granted := make(chan struct{})
	var result outcome.Result
	var run sync.WaitGroup
	run.Go(func() {
		result = play(t, sc, simulate.Options{Clock: clock, Log: func(e outcome.Event) {
			if e.Client == "b" && e.Moment == scenario.Granted {
				clock.Pause()
				close(granted)
			}
		}})
	})
	<-granted
	<-time.After(longPause)
	clock.Resume()
	run.Wait()
	var resumed, lost time.Duration
	for _, e := range result.Events {
		switch {
		case e.Client == "a" && e.Moment == scenario.Resumed:
			resumed = e.At
		case e.Client == "a" && e.Moment == scenario.Lost:
			lost = e.At
		}
	}
	last := result.Events[len(result.Events)-1]
	if result.Err() != nil || last.Moment != scenario.Fenced || last.At < resumed || last.At > lost {
		t.Errorf("%v; resumed after %s, lost after %s, and then %+v", result.Err(), resumed, lost, last)
	}
}
