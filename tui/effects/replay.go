package effects

import (
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
)

// playEvery is how often another moment is shown while a recording plays, if it is read that fast.
const playEvery = time.Second / 4

// overviewMsg brings what is known of the whole recording.
type overviewMsg struct {
	overview backend.Overview
	from     <-chan backend.Overview
	ok       bool
}

// survey follows the overview of the recording.
func (t *timeTravel) survey() nav.Action {
	if t.ports.Archive == nil {
		return nil
	}
	return t.waitOverview(t.ports.Archive.Overview(t.Tasks.Ctx))
}

func (t *timeTravel) waitOverview(from <-chan backend.Overview) nav.Action {
	return t.background(func() tea.Msg {
		o, ok := <-from
		return overviewMsg{o, from, ok}
	})
}

// Apply takes it.
func (msg overviewMsg) Apply(e *Effects) nav.Action {
	if !msg.ok {
		return nil
	}
	e.Overview = msg.overview
	return e.travel.waitOverview(msg.from)
}

// toMark goes to when the next problem was found (by 1), or the one before (-1).
func (t *timeTravel) toMark(by int) nav.Action {
	o := &t.Overview
	from := t.cursor()
	switch {
	case t.at().End:
		from = o.End
	case from.IsZero() && t.InPast():
		return nav.Fail("this revision has no time: " + t.Key("b") + " goes back to live")
	case from.IsZero():
		from = t.Now
	}
	m, ok := state.NextMark(o, from, by)
	unread := o.Read.After(o.Begin) && (by > 0 && from.Before(o.Read) || by < 0 && !ok)
	switch {
	case o.End.IsZero() || unread:
		return nav.Note("the recording is still being read: try again in a moment")
	case ok:
		return t.travel(journey{Place: backend.Place{Time: m.Time}, says: m.Severity + ": " + term.Safe(m.Text)})
	case by > 0:
		return nav.Note("no later problem was found")
	default:
		return nav.Note("no earlier problem was found")
	}
}

// scrub goes to a time that is so much earlier or later.
func (t *timeTravel) scrub(by time.Duration) nav.Action {
	from := t.cursor()
	if from.IsZero() {
		from = t.LastRecorded()
	}
	to := from.Add(by)
	switch last := t.LastRecorded(); {
	case last.IsZero():
		return nav.Note("the recording is still being read: try again in a moment")
	case !to.Before(last):
		return t.goTo(backend.Place{End: true})
	case to.Before(t.Overview.Begin):
		to = t.Overview.Begin
	}
	return t.goTo(backend.Place{Time: to})
}

// play has the recording pass by itself from the moment that is shown, or stops that.
func (t *timeTravel) play() nav.Action {
	t.Play.On = !t.Play.On
	if !t.Play.On {
		return nil
	}
	t.played = t.Now
	return t.tick()
}

// speed has the recording pass faster or slower, also when it plays the next time.
func (t *timeTravel) speed(to int) nav.Action {
	t.Play.Speed = to
	return nav.Flash{Text: "plays at " + strconv.Itoa(to) + "×"}
}

// playMsg says that it is time for another moment.
type playMsg struct{}

func (t *timeTravel) tick() nav.Action {
	if t.ticking {
		return nil
	}
	t.ticking = true
	done := t.Tasks.Ctx.Done()
	return t.background(func() tea.Msg {
		if !Sleep(done, playEvery) {
			return nil
		}
		return playMsg{}
	})
}

// Apply shows another moment, unless the last one is still on its way.
func (playMsg) Apply(e *Effects) nav.Action {
	t := &e.travel
	t.ticking = false
	if !t.Play.On || !t.InRecording() {
		return nil
	}
	passed := t.Now.Sub(t.played) * time.Duration(max(t.Play.Speed, 1))
	if t.loading || passed <= 0 {
		return t.tick()
	}
	t.played = t.Now
	to := t.cursor().Add(passed)
	switch last := t.LastRecorded(); {
	case to.Before(last):
		return nav.Batch{t.travel(journey{Place: backend.Place{Time: to}, playing: true}), t.tick()}
	case t.offline():
		return nav.Batch{nav.Note("the recording ends here"), t.goTo(backend.Place{End: true})}
	default:
		return nav.Batch{nav.Note("the recording ends here: back to live"), nav.Freeze{To: nil}}
	}
}
