package flight

import "time"

// maxDrift is by how much the clock may drift from the time that has passed before it
// counts as set.
const maxDrift = time.Second

// clock is the recorder's clock, and notices when it is set.
type clock struct {
	now func() (wall time.Time, uptime time.Duration)

	wall   time.Time
	uptime time.Duration
}

// systemClock returns the clock of the machine.
func systemClock() func() (time.Time, time.Duration) {
	start := time.Now()
	return func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0), now.Sub(start)
	}
}

// read returns the time, and by how much the clock was set forward since the last time:
// 0 if it was not.
func (c *clock) read() (now time.Time, jump time.Duration) {
	wall, uptime := c.now()
	if !c.wall.IsZero() {
		jump = wall.Sub(c.wall) - (uptime - c.uptime)
	}
	if jump > -maxDrift && jump < maxDrift {
		jump = 0
	}
	if jump == 0 && wall.Before(c.wall) { // slowed down, and not set
		wall = c.wall
	}
	c.wall, c.uptime = wall, uptime
	return wall, jump
}

// readClock reads the clock, and records it if the clock was set. Within a segment, time does not go
// back.
func (r *Recorder) readClock() {
	now, jump := r.clock.read()
	r.now = now
	if r.setBack {
		r.now = later(newTime(now), r.latest()).Time
	}
	switch {
	case jump == 0 || !r.begun:
		return
	case jump < 0:
		r.addBatch()
		r.now = r.latest().Time
		r.add(Line{Kind: KindClock, Jump: jump.Milliseconds()})
		r.setBack = true
		r.turn()
	default:
		r.folder.ahead += jump
		r.add(Line{Kind: KindClock, Jump: jump.Milliseconds()})
	}
}

// latest returns the time of the last line, by the clock as it was set then.
func (r *Recorder) latest() Time { return later(r.recorded.Time, r.frame.end.Time) }
