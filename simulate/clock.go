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

// Clock is the time in which the durations of a scenario pass: as fast as it is
// told, and not at all while it is paused. What a scenario does waits for it: the
// turns of clients, deadlines, faults. Leases, their renewals and etcd itself
// know nothing of it and go on in real time, also in a pause.
//
// A clock is for one run and goes from its beginning to its end, unless it was
// paused before. Its methods can be called at any time, and do not block. The
// zero Clock is as fast as real time.
type Clock struct {
	mu       sync.Mutex
	speed    float64
	still    bool          // time stands still
	stepping bool          // it will, as soon as something has happened
	over     bool          // the run is
	timer    *time.Timer   // for what is due next; nil before the run
	counted  time.Time     // up to when time has been counted
	run      time.Duration // of real time, but for pauses
	now      time.Duration // of the scenario's time
	agenda   plan.Agenda   // in the scenario's time
	order    uint64
}

// ClockState is how a clock stands.
type ClockState struct {
	Elapsed  time.Duration // see Clock.Elapsed
	Speed    float64
	Paused   bool
	Stepping bool          // it pauses as soon as something has happened
	Next     string        // what happens next, as far as that is a matter of time; "" when nothing is due
	In       time.Duration // until then, in the scenario's time
}

// NewClock returns a clock whose time passes speed times as fast as real time.
func NewClock(speed float64) (*Clock, error) {
	c := &Clock{}
	return c, c.SetSpeed(speed)
}

// SetSpeed has time pass so many times as fast as real time from now on.
func (c *Clock) SetSpeed(speed float64) error {
	if !(speed > 0) || math.IsInf(speed, 0) {
		return fmt.Errorf("simulate: speed %v: want more than 0", speed)
	}
	c.change(func() { c.speed = speed })
	return nil
}

// Pause has time stand still: no client begins a turn, no fault is made, nothing
// times out. What etcd was asked before goes on, so that a lock may still come to
// be held.
func (c *Clock) Pause() { c.change(func() { c.still, c.stepping = true, false }) }

// Resume has time go on.
func (c *Clock) Resume() { c.change(func() { c.still, c.stepping = false, false }) }

// Step has time go on until one thing has happened that can be seen, and stand
// still again: a client begins a turn, a fault is made, or somebody's time to
// wait is over. Time does not jump there, since leases do not.
func (c *Clock) Step() { c.change(func() { c.still, c.stepping = false, true }) }

// change changes how time passes from now on.
func (c *Clock) change(how func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.count()
		how()
		c.arm()
	}
}

// Elapsed is how long the run has run: real time, but for pauses.
func (c *Clock) Elapsed() time.Duration {
	run, _ := c.read()
	return run
}

// State is how the clock stands.
func (c *Clock) State() ClockState {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count()
	s := ClockState{Elapsed: c.run, Speed: c.speed, Paused: c.still && !c.over, Stepping: c.stepping}
	var next *plan.Due
	for _, d := range c.agenda {
		if d.What != "" && (next == nil || d.Before(next)) {
			next = d
		}
	}
	if next != nil {
		s.Next, s.In = next.What, max(next.At-c.now, 0)
	}
	return s
}

// read is how long the run has run, and the scenario's time.
func (c *Clock) read() (run, now time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count()
	return c.run, c.now
}

// begin begins the run.
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

// end ends the run.
func (c *Clock) end() {
	c.change(func() { c.still, c.stepping, c.over = true, false, true })
}

// count takes in the time that has passed.
func (c *Clock) count() {
	now := time.Now()
	if passed := now.Sub(c.counted); c.timer != nil && !c.still {
		c.run += passed
		c.now = plan.Later(c.now, plan.Bounded(float64(passed)*c.speed))
	}
	c.counted = now
}

// arm has the timer wait for what is due next.
func (c *Clock) arm() {
	switch {
	case c.timer == nil:
	case c.still || len(c.agenda) == 0:
		c.timer.Stop()
	default:
		c.timer.Reset(plan.Bounded(math.Ceil(float64(max(c.agenda[0].At-c.now, 0)) / c.speed)))
	}
}

// fire does what is due.
func (c *Clock) fire() {
	for _, d := range c.take() {
		d.Do()
	}
}

// take takes off what is due by now, of a step up to the first that can be seen.
func (c *Clock) take() (all []*plan.Due) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count()
	for !c.still && len(c.agenda) > 0 && c.agenda[0].At <= c.now {
		if d := c.agenda[0]; d.Run > c.run { // the speed has grown
			d.At = plan.Later(c.now, max(plan.Bounded(float64(d.Run-c.run)*c.speed), 1))
			c.agenda.Moved(d)
			continue
		}
		d := c.agenda.Next()
		all = append(all, d)
		if c.stepping && d.What != "" {
			c.still, c.stepping = true, false
		}
	}
	c.arm()
	return all
}

// add has something happen at its time, which may be over, or when the clock is
// told to go on.
func (c *Clock) add(d *plan.Due) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count()
	c.order++
	d.Order = c.order
	c.agenda.Add(d)
	c.arm()
}

// after has something happen so much later, but not before the run has run for
// least from now.
func (c *Clock) after(d, least time.Duration, what string, do func()) (stop func()) {
	run, now := c.read()
	next := &plan.Due{At: plan.Later(now, d), Run: run + least, What: what, Do: do}
	c.add(next)
	return func() { c.remove(next) }
}

func (c *Clock) remove(d *plan.Due) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count()
	c.agenda.Remove(d)
	c.arm()
}

// wait waits for a time or the end of ctx, and reports whether ctx still lives.
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
