package outcome

import (
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/scenario"
)

// Picture shows a run as one lane for each client.
type Picture struct {
	Until  time.Duration // where the lanes end, since the run began
	Lanes  []Lane        // in the order in which the clients became ready
	Faults []Mark        // made in the cluster or in the network
}

// Lane is what one client did. Its stretches follow each other without gaps, from
// when the client was ready to the end of the picture.
type Lane struct {
	Client    string
	Stretches []Stretch
	Marks     []Mark
}

// Stretch is a time during which a client's state stayed the same.
type Stretch struct {
	From, To time.Duration
	State
}

// State is what a client is doing. It can hold one lock and wait for another.
type State struct {
	Waits  bool        // for a lock
	Holds  rwlock.Mode // the strongest mode in which it believes to hold any lock, see stronger; 0 for none
	Paused bool
	Gone   bool // it crashed, or closed its session
}

// Mark is an event without a duration.
type Mark struct {
	At     time.Duration
	Moment scenario.Moment
	Text   string // the line of the log
}

// Draw returns the picture of a run up to a time. The lanes always reach until, so
// that they grow while nothing happens; later events are left out.
func Draw(events []Event, until time.Duration) Picture {
	p := Picture{Until: until}
	d := drawing{byName: map[string]*pen{}}
	for _, e := range events {
		switch {
		case e.At > until:
		case e.Moment == scenario.Faulty:
			p.Faults = append(p.Faults, Mark{At: e.At, Moment: e.Moment, Text: e.Line})
		case e.Client != "":
			d.pen(e).draw(e)
		}
	}
	for _, pen := range d.pens {
		pen.setState(until, State{})
		p.Lanes = append(p.Lanes, pen.lane)
	}
	return p
}

// drawing is a picture that is being drawn.
type drawing struct {
	pens   []*pen
	byName map[string]*pen
}

// pen draws the lane of one client.
type pen struct {
	lane  Lane
	since time.Duration // when the client's state began
	state State
	asks  scenario.Place         // the step that waits
	holds map[string]rwlock.Mode // by lock name
}

// pen returns the pen of the event's client.
func (d *drawing) pen(e Event) *pen {
	p := d.byName[e.Client]
	if p == nil {
		p = &pen{lane: Lane{Client: e.Client}, since: e.At, holds: map[string]rwlock.Mode{}}
		d.pens, d.byName[e.Client] = append(d.pens, p), p
	}
	return p
}

// draw continues the lane up to an event.
func (p *pen) draw(e Event) {
	if marked(e) {
		p.lane.Marks = append(p.lane.Marks, Mark{At: e.At, Moment: e.Moment, Text: e.Line})
	}
	if e.Moment == scenario.Fenced { // it is reported after the run, about an earlier time
		return
	}
	p.setState(e.At, p.next(e))
}

// marked reports whether the event needs a mark, because the stretches alone would
// not show it.
func marked(e Event) bool {
	switch e.Moment {
	case scenario.Refused, scenario.Deadline, scenario.Cancelled, scenario.Lost, scenario.Crashed, scenario.Failed, scenario.Fenced:
		return true
	default:
		return false
	}
}

// next returns the client's state after an event.
func (p *pen) next(e Event) State {
	s := p.state
	switch e.Moment {
	case scenario.Asked:
		s.Waits, p.asks = true, e.Place
	case scenario.Granted, scenario.Refused, scenario.Deadline, scenario.Cancelled, scenario.Lost, scenario.Failed:
		s.Waits = s.Waits && e.Place != p.asks // it may be about what an earlier step acquired
	case scenario.Paused, scenario.Resumed:
		s.Paused = e.Moment == scenario.Paused
	case scenario.Crashed, scenario.Closed:
		return State{Gone: true}
	}
	p.updateHolds(e)
	s.Holds = 0
	for _, mode := range p.holds {
		s.Holds = stronger(s.Holds, mode)
	}
	return s
}

// stronger returns the mode of two that lets fewer others hold a lock: slots come between
// reading and writing.
func stronger(a, b rwlock.Mode) rwlock.Mode {
	if a == rwlock.Write || b == rwlock.Write {
		return rwlock.Write
	}
	return max(a, b)
}

// updateHolds updates which locks the client holds.
func (p *pen) updateHolds(e Event) {
	for _, l := range e.Locks {
		switch {
		case e.Moment == scenario.Granted, e.Moment == scenario.Downgraded:
			p.holds[l.Name] = l.Mode
		case e.Moment == scenario.Released, e.Moment == scenario.Lost, e.Moment == scenario.Failed && e.Do == scenario.Unlock:
			delete(p.holds, l.Name)
		}
	}
}

// setState ends the current stretch and begins one in another state.
func (p *pen) setState(at time.Duration, s State) {
	last := len(p.lane.Stretches) - 1
	switch {
	case at <= p.since: // too short for a stretch
	case last >= 0 && p.lane.Stretches[last].State == p.state:
		p.lane.Stretches[last].To = at
	default:
		p.lane.Stretches = append(p.lane.Stretches, Stretch{From: p.since, To: at, State: p.state})
	}
	p.since, p.state = max(p.since, at), s
}
