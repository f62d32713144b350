package simulate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"etcd-lock/simulate/internal/plan"
)

// Clock is the time in which the durations of a scenario pass: at any speed, and not
// at all while it is paused. The steps of clients, their deadlines and the faults
// wait for it. Leases, their renewals and etcd itself go on in real time, also during
// a pause.
//
// A clock is for one run. It starts with the run, or stays paused if it was paused
// before, and stops with it. Its methods can be called at any time and do not block.
// The zero Clock is as fast as real time.
type Clock struct {
	mu       sync.Mutex
	speed    float64
	paused   bool
	stepping bool // it pauses as soon as something has happened
	over     bool // the run has ended
	timer    *time.Timer
	counted  time.Time     // up to when real time has been counted
	run      time.Duration // real time that has passed, without pauses
	now      time.Duration // the scenario's time
	agenda   plan.Agenda   // in the scenario's time
	order    uint64
}

// ClockState is the state of a Clock.
type ClockState struct {
	Elapsed  time.Duration // see Clock.Elapsed
	Speed    float64
	Paused   bool
	Stepping bool          // it pauses as soon as something has happened
	Next     string        // what happens next because its time comes; "" when nothing is due
	In       time.Duration // until then, in the scenario's time
}

// NewClock returns a clock that is speed times as fast as real time. speed must be
// more than 0.
func NewClock(speed float64) (*Clock, error) {
	c := &Clock{}
	return c, c.SetSpeed(speed)
}

// SetSpeed changes how fast the clock is from now on. speed must be more than 0.
func (c *Clock) SetSpeed(speed float64) error {
	if !(speed > 0) || math.IsInf(speed, 0) {
		return fmt.Errorf("simulate: speed %v: want more than 0", speed)
	}
	c.change(func() { c.speed = speed })
	return nil
}

// Pause pauses the clock: no client begins a step, no fault is injected, and nothing
// times out. Requests that were sent to etcd before go on, so a lock may still be
// granted.
func (c *Clock) Pause() { c.change(func() { c.paused, c.stepping = true, false }) }

// Resume continues after a pause.
func (c *Clock) Resume() { c.change(func() { c.paused, c.stepping = false, false }) }

// Step lets time pass until one thing has happened that can be seen, and pauses again:
// a client begins a step, a fault is injected, or a wait times out. Time does not jump
// there, because leases do not.
func (c *Clock) Step() { c.change(func() { c.paused, c.stepping = false, true }) }

// change changes how time passes from now on.
func (c *Clock) change(how func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.count()
		how()
		c.setTimer()
	}
}

// Elapsed returns for how long the run has run, in real time without pauses.
func (c *Clock) Elapsed() time.Duration {
	run, _ := c.read()
	return run
}

// State returns the state of the clock.
func (c *Clock) State() ClockState {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count()
	s := ClockState{Elapsed: c.run, Speed: c.speed, Paused: c.paused && !c.over, Stepping: c.stepping}
	if next := c.agenda.FirstSeen(); next != nil {
		s.Next, s.In = next.What, max(next.At-c.now, 0)
	}
	return s
}

// read returns for how long the run has run, and the scenario's time.
func (c *Clock) read() (run, now time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count()
	return c.run, c.now
}

// begin starts the clock.
func (c *Clock) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		return errors.New("simulate: a clock is for one run")
	}
	if c.speed == 0 {
		c.speed = 1
	}
	c.counted, c.timer = time.Now(), time.AfterFunc(plan.Forever, c.fire)
	return nil
}

// end stops the clock.
func (c *Clock) end() {
	c.change(func() { c.paused, c.stepping, c.over = true, false, true })
}

// count counts the time that has passed. The caller holds c.mu.
func (c *Clock) count() {
	now := time.Now()
	if passed := now.Sub(c.counted); c.timer != nil && !c.paused {
		c.run += passed
		c.now = plan.Later(c.now, plan.Bounded(float64(passed)*c.speed))
	}
	c.counted = now
}

// setTimer sets the timer to what is due next. The caller holds c.mu.
func (c *Clock) setTimer() {
	switch {
	case c.timer == nil:
	case c.paused || c.agenda.Len() == 0:
		c.timer.Stop()
	default:
		c.timer.Reset(plan.Bounded(math.Ceil(float64(max(c.agenda.First().At-c.now, 0)) / c.speed)))
	}
}

// fire does what is due.
func (c *Clock) fire() {
	for _, d := range c.take() {
		d.Do()
	}
}

// take removes and returns what is due now; of a step, up to the first thing that can
// be seen.
func (c *Clock) take() (all []*plan.Due) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count()
	for !c.paused && c.agenda.Len() > 0 && c.agenda.First().At <= c.now {
		if d := c.agenda.First(); d.MinRun > c.run { // the speed has grown
			d.At = plan.Later(c.now, max(plan.Bounded(float64(d.MinRun-c.run)*c.speed), 1))
			c.agenda.Moved(d)
			continue
		}
		d := c.agenda.Next()
		all = append(all, d)
		if c.stepping && d.What != "" {
			c.paused, c.stepping = true, false
		}
	}
	c.setTimer()
	return all
}

// add schedules d. If its time has passed, it happens as soon as the clock is not
// paused.
func (c *Clock) add(d *plan.Due) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count()
	c.order++
	d.Order = c.order
	c.agenda.Add(d)
	c.setTimer()
}

// after schedules do after d, but not before the run has run for least from now.
func (c *Clock) after(d, least time.Duration, what string, do func()) (stop func()) {
	run, now := c.read()
	next := &plan.Due{At: plan.Later(now, d), MinRun: run + least, What: what, Do: do}
	c.add(next)
	return func() { c.remove(next) }
}

func (c *Clock) remove(d *plan.Due) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count()
	c.agenda.Remove(d)
	c.setTimer()
}

// wait waits for a time or the end of ctx, and reports whether ctx is still alive.
func (c *Clock) wait(ctx context.Context, at time.Duration, what string) bool {
	reached := make(chan struct{})
	d := &plan.Due{At: at, What: what, Do: func() { close(reached) }}
	c.add(d)
	defer c.remove(d)
	select {
	case <-reached:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
