package simulate

import (
	"time"

	"etcd-lock/rwlock"

	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// Picture is a run as a lane for each client.
type Picture struct {
	Until  time.Duration // where the lanes end, from the start of the run
	Lanes  []Lane        // in the order in which the clients became ready
	Faults []Mark        // made to etcd or to the way to it
}

// Lane is what a client did. Its stretches follow each other without a gap, from
// when it was ready to the end of the picture.
type Lane struct {
	Client    string
	Stretches []Stretch
	Marks     []Mark
}

// Stretch is a time in which a client's state stayed the same.
type Stretch struct {
	From, To time.Duration
	State
}

// State is what a client is doing. It can hold a lock and wait for another.
type State struct {
	Waits  bool        // for a lock
	Holds  rwlock.Mode // the most that it believes to hold of any lock; 0 for nothing
	Paused bool
	Gone   bool // it crashed, or closed its session
}

// Mark is a moment that has no length.
type Mark struct {
	At     time.Duration
	Moment scenario.Moment
	Text   string // what the log says of it
}

// Draw makes the picture of events up to a time. It ends there also when no
// event says so, so that lanes grow while nothing happens.
func Draw(events []outcome.Event, until time.Duration) Picture {
	p := Picture{Until: until}
	d := drawing{byName: map[string]*pen{}}
	for _, e := range events {
		switch {
		case e.At > until:
		case e.Moment == scenario.Faulty:
			p.Faults = append(p.Faults, Mark{At: e.At, Moment: e.Moment, Text: e.Line})
		case e.Client != "":
			d.pen(e).follow(e)
		}
	}
	for _, pen := range d.pens {
		pen.change(until, State{})
		p.Lanes = append(p.Lanes, pen.lane)
	}
	return p
}

// drawing is a picture that is not done.
type drawing struct {
	pens   []*pen
	byName map[string]*pen
}

// pen is where the lane of a client is being drawn.
type pen struct {
	lane  Lane
	since time.Duration
	state State
	asks  scenario.Place         // of the step that waits
	holds map[string]rwlock.Mode // by lock name
}

// pen is that of the event's client.
func (d *drawing) pen(e outcome.Event) *pen {
	p := d.byName[e.Client]
	if p == nil {
		p = &pen{lane: Lane{Client: e.Client}, since: e.At, holds: map[string]rwlock.Mode{}}
		d.pens, d.byName[e.Client] = append(d.pens, p), p
	}
	return p
}

// follow draws on to an event.
func (p *pen) follow(e outcome.Event) {
	if marked(e) {
		p.lane.Marks = append(p.lane.Marks, Mark{At: e.At, Moment: e.Moment, Text: e.Line})
	}
	if e.Moment == scenario.Fenced { // which is said when all is over, of a time in between
		return
	}
	p.change(e.At, p.next(e))
}

// marked reports whether a lane without a mark would hide what happened.
func marked(e outcome.Event) bool {
	switch e.Moment {
	case scenario.Refused, scenario.Deadline, scenario.Cancelled, scenario.Lost, scenario.Crashed, scenario.Failed, scenario.Fenced:
		return true
	default:
		return false
	}
}

// next is the client's state from an event on.
func (p *pen) next(e outcome.Event) State {
	s := p.state
	switch e.Moment {
	case scenario.Asked:
		s.Waits, p.asks = true, e.Place
	case scenario.Granted, scenario.Refused, scenario.Deadline, scenario.Cancelled, scenario.Lost, scenario.Failed:
		s.Waits = s.Waits && e.Place != p.asks // it may be about what an earlier step took
	case scenario.Paused, scenario.Resumed:
		s.Paused = e.Moment == scenario.Paused
	case scenario.Crashed, scenario.Closed:
		return State{Gone: true}
	}
	p.take(e)
	s.Holds = 0
	for _, mode := range p.holds {
		s.Holds = max(s.Holds, mode)
	}
	return s
}

// take notes what an event has the client hold.
func (p *pen) take(e outcome.Event) {
	for _, l := range e.Locks {
		switch {
		case e.Moment == scenario.Granted, e.Moment == scenario.Downgraded:
			p.holds[l.Name] = l.Mode
		case e.Moment == scenario.Released, e.Moment == scenario.Lost, e.Moment == scenario.Failed && e.Do == scenario.Unlock:
			delete(p.holds, l.Name)
		}
	}
}

// change ends the stretch at a time, and goes on in another state.
func (p *pen) change(at time.Duration, s State) {
	last := len(p.lane.Stretches) - 1
	switch {
	case at <= p.since: // too short to be one
	case last >= 0 && p.lane.Stretches[last].State == p.state:
		p.lane.Stretches[last].To = at
	default:
		p.lane.Stretches = append(p.lane.Stretches, Stretch{From: p.since, To: at, State: p.state})
	}
	p.since, p.state = max(p.since, at), s
}
