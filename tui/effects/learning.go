package effects

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/profile"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
)

// learning learns from the live watch what waiting costs and which deadlocks could happen,
// and reads the costs from a recording. Both take time in proportion to what has happened, so they run in the background.
type learning struct {
	*env
	lessons  *state.Lessons // of the command that is running, if one is
	backlog  state.Backlog
	schedule diagnosisSchedule
	reading  *costsReading // nil: none is running
	read     time.Time     // when the last one began
	took     time.Duration
}

// note keeps an update to be learnt from.
func (l *learning) note(u inspect.Update) {
	l.backlog.Note(&u, l.Now)
	l.schedule.stale = true
}

// lookUp starts what is due.
func (l *learning) lookUp(see Sight) nav.Action {
	return nav.Batch{l.learn(see.Costs && l.Frozen == nil), l.readCosts(see)}
}

// learn learns from what the watch has said, and adds up the costs if they are looked at.
func (l *learning) learn(costs bool) nav.Action {
	l.schedule.stale = costs || !l.backlog.Empty()
	first := costs && l.Costs.Edition == 0 && !l.schedule.busy && !l.backlog.Empty()
	if !l.schedule.stale || !first && !l.schedule.due(l.Now) {
		return nil
	}
	l.schedule.start(l.Now)
	seen, lessons, now, locks := l.backlog.Take(), l.lessons, l.Now, l.Live.Snapshot
	var until time.Time // of what is not known any more
	if l.Connected() {
		until = l.Now
	}
	return l.computeAfter(l.untilDrawn(), func() tea.Msg {
		began := time.Now()
		lessons.Learn(seen)
		msg := learntMsg{}
		if costs {
			lessons.Count(now, locks)
			msg.costs, msg.known = lessons.Profile(until)
		}
		msg.potential, msg.others = lessons.Potential()
		msg.took = time.Since(began)
		return msg
	})
}

// learntMsg brings what was learnt.
type learntMsg struct {
	costs profile.Profile
	known bool // costs were asked for, and there are some

	potential state.Potential
	others    bool // it is not as before

	took time.Duration
}

// Apply takes it.
func (msg learntMsg) Apply(e *Effects) nav.Action {
	l := &e.learning
	l.schedule.busy, l.schedule.took = false, msg.took
	if msg.others {
		l.Potential = msg.potential
	}
	if msg.known {
		l.Costs.Profile = msg.costs
		l.Costs.Edition++
	}
	if !msg.known && !msg.others {
		return nil
	}
	return nav.Refresh{}
}

// costsReading is on the way to the costs of a part of a recording.
type costsReading struct {
	from, to time.Time
	cancel   context.CancelFunc
	canceled bool
}

func (r *costsReading) stop() {
	r.canceled = true
	r.cancel()
}

// costsRest is how many times as long as it took to read costs there are no others read, if
// they are of nearly the same time: of a recording that plays, or is recorded.
const costsRest = 5

// readCosts reads the costs of the part of the recording that is shown, when it is time to.
func (l *learning) readCosts(see Sight) nav.Action {
	wanted := see.Costs && l.InRecording() && see.From.Before(see.To)
	switch {
	case l.reading != nil:
		if !wanted || !alike(l.reading.from, l.reading.to, see.From, see.To) {
			l.reading.stop()
		}
		return nil
	case !wanted || l.Recorded.AskedFrom.Equal(see.From) && l.Recorded.AskedTo.Equal(see.To):
		return nil
	case alike(l.Recorded.AskedFrom, l.Recorded.AskedTo, see.From, see.To) && l.Now.Sub(l.read) < max(diagnoseEvery, costsRest*l.took):
		return nil
	}
	l.read = l.Now
	ctx, cancel := context.WithCancel(l.Tasks.Ctx)
	l.reading = &costsReading{from: see.From, to: see.To, cancel: cancel}
	archive, prefixes, of := l.ports.Archive, l.ports.Prefixes, l.reading
	return l.background(func() tea.Msg {
		began := time.Now()
		p, err := archive.Profile(ctx, prefixes, of.from, of.to)
		return costsMsg{costs: p, err: err, took: time.Since(began)}
	})
}

// alike reports whether two times are mostly the same.
func alike(from, to, from2, to2 time.Time) bool {
	shared := min(to.Sub(from2), to2.Sub(from), to.Sub(from), to2.Sub(from2))
	return 2*shared > max(to.Sub(from), to2.Sub(from2))
}

// costsMsg brings the costs of a part of a recording.
type costsMsg struct {
	costs profile.Profile
	err   error
	took  time.Duration
}

// Apply shows them, if they are still wanted.
func (msg costsMsg) Apply(e *Effects) nav.Action {
	l := &e.learning
	of := l.reading
	l.reading = nil
	of.cancel()
	if of.canceled {
		return nil
	}
	l.took = msg.took
	l.Recorded = state.Costs{Profile: msg.costs, Edition: l.Recorded.Edition + 1, AskedFrom: of.from, AskedTo: of.to}
	if msg.err != nil {
		l.Recorded.Failure = "cannot be read: " + format.Plainly(msg.err)
	}
	return nav.Refresh{All: true}
}
