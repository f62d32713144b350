package effects

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
)

// timeTravel shows the locks as they were, and reads what changed.
type timeTravel struct {
	*env
	target  *journey // to what is shown or on its way; nil: to the present
	loading bool     // a moment
	reading bool     // changes
	played  time.Time
	ticking bool // a tick of playing is on its way
}

// journey is on the way to a place of the past.
type journey struct {
	backend.Place
	says    string // on arrival; empty: nothing
	playing bool   // nobody asked for just this place
	asked   bool   // the user did, by its name or by what is there
}

// changesMsg brings what changed, and the step that it was read for, if any, with
// the place that it is from.
type changesMsg struct {
	changes backend.Changes
	at      backend.Place
	step    int
	quiet   bool // nobody asked for it
	err     error
}

// PastMsg brings the moment of a place.
type PastMsg struct {
	Moment backend.Moment
	frozen *state.Frozen
	target *journey
	err    error
}

// grantMsg brings the place at which a request was granted, the zero Place if it was not.
type grantMsg struct {
	place backend.Place
	err   error
}

// do begins what an action on time asks for.
func (t *timeTravel) do(a nav.Action) nav.Action {
	switch a := a.(type) {
	case nav.GoTo:
		return t.travel(journey{Place: a.Place, asked: true})
	case nav.GoToGrant:
		return t.goToGrant(a.Request)
	case nav.GoLive:
		return t.goLive()
	case nav.Step:
		return t.step(t.at(), a.By, true)
	case nav.ReadHistory:
		return t.readUntil(a.Until)
	case nav.ToMark:
		return t.toMark(a.By)
	case nav.Scrub:
		return t.scrub(a.By)
	case nav.Play:
		return t.play()
	case nav.PlaySpeed:
		return t.speed(a.Speed)
	default:
		return nil
	}
}

// offline reports whether there is no present.
func (t *timeTravel) offline() bool { return t.ports.Source == nil }

// at returns the place that is shown or on its way.
func (t *timeTravel) at() backend.Place {
	if t.target != nil {
		return t.target.Place
	}
	return backend.Place{Revision: t.Live.Revision}
}

// cursor returns the time in the recording that is shown or on its way, zero if it has none.
func (t *timeTravel) cursor() time.Time {
	if t.InRecording() && t.target != nil && t.target.Place == t.Frozen.Place {
		return t.Frozen.Cursor()
	}
	return t.at().Time
}

// step goes one change back or on from a place. If it is not known where that is, it
// may read first.
func (t *timeTravel) step(at backend.Place, by int, mayRead bool) nav.Action {
	t.Play.On = false
	switch {
	case at.End:
		return nil // where that is is on its way
	case by > 0 && t.target == nil:
		return nav.Note("already at the latest revision: [ goes back")
	case by < 0 && t.Changes != nil && at.Compare(t.Changes.Floor) <= 0:
		return nav.Fail(state.FloorText(t.Changes))
	case t.Changes != nil && state.CoversStep(t.Changes, at, by):
		return t.goTo(state.StepFrom(t.Changes, at, by))
	case by < 0 && !mayRead:
		return nav.Note("no earlier changes")
	case mayRead && (by < 0 || t.offline() || at.Revision < t.Live.Revision):
		return t.read(at, by, by)
	case t.offline():
		return nav.Note("no later changes: the recording ends at " + state.PlaceText(backend.Place{Time: t.LastRecorded()}))
	default:
		return nav.Batch{nav.Flash{Text: "no later changes: back to live"}, nav.Freeze{To: nil}}
	}
}

// readUntil reads what changed up to a place, the zero Place being the one that is shown.
func (t *timeTravel) readUntil(until backend.Place) nav.Action {
	if until == (backend.Place{}) {
		until = t.at()
	}
	return t.read(until, -1, 0)
}

// read reads what changed. It costs etcd something, so it is said.
func (t *timeTravel) read(at backend.Place, by, step int) nav.Action {
	if t.reading {
		return nil
	}
	read := t.fetch(at, by, changesMsg{at: t.at(), step: step})
	if cost := t.ports.Past.Cost(at, by); cost != "" {
		return nav.Batch{nav.Flash{Text: "reading changes " + cost + " …"}, read}
	}
	return read
}

// fetch reads what changed, and answers with msg.
func (t *timeTravel) fetch(at backend.Place, by int, msg changesMsg) nav.Action {
	t.reading = true
	ctx, past, prefixes := t.Tasks.Ctx, t.ports.Past, t.ports.Prefixes
	return t.background(func() tea.Msg {
		msg.changes, msg.err = past.Changes(ctx, prefixes, at, by)
		return msg
	})
}

// follow reads what was recorded before a moment, unless it is known.
func (t *timeTravel) follow(f *state.Frozen) nav.Action {
	if f == nil || !f.Recorded || t.reading || state.Covers(t.Changes, f.Place) {
		return nil
	}
	return t.fetch(f.Place, -1, changesMsg{at: f.Place, quiet: true})
}

func (msg changesMsg) Apply(e *Effects) nav.Action {
	t := &e.travel
	t.reading = false
	switch {
	case msg.err != nil && msg.quiet: // the moment is shown all the same
		e.Log.Add(state.EntryError, e.Now, "cannot read what was recorded before: "+format.Plainly(msg.err))
		return nil
	case msg.err != nil:
		return nav.Fail("cannot read history: " + format.Plainly(msg.err))
	}
	e.Changes = &msg.changes
	t.relate()
	if msg.quiet {
		return nav.Batch{nav.Refresh{All: true}, t.follow(t.Frozen)}
	}
	read := nav.Batch{nav.Quiet{}, nav.Refresh{All: true}}
	if msg.step == 0 {
		return read
	}
	return append(read, t.step(msg.at, msg.step, false))
}

// goTo shows the moment of a place. While one is on its way, it is only noted which one to
// show in the end.
func (t *timeTravel) goTo(place backend.Place) nav.Action { return t.travel(journey{Place: place}) }

func (t *timeTravel) travel(to journey) nav.Action {
	t.target = &to
	t.Play.On = t.Play.On && to.playing
	if t.loading {
		return nil
	}
	t.loading = true
	ctx, past, prefixes, now, target := t.Tasks.Ctx, t.ports.Past, t.ports.Prefixes, t.Now, t.target
	return t.background(func() tea.Msg {
		m, err := past.At(ctx, prefixes, target.Place)
		if err != nil {
			return PastMsg{target: target, err: err}
		}
		return PastMsg{Moment: m, frozen: state.FromPast(&m, now), target: target}
	})
}

// Apply shows the moment, if the user still wants to see the past.
func (msg PastMsg) Apply(e *Effects) nav.Action {
	t := &e.travel
	t.loading = false
	arrived := t.target == msg.target
	switch {
	case t.target == nil:
		return nil // back in the present meanwhile
	case msg.err != nil && arrived:
		t.target, t.Play.On = nil, false
		if t.InPast() {
			t.target = &journey{Place: t.Frozen.Place}
		}
		return nav.Batch{nav.Fail(format.Plainly(msg.err)), e.commands.went(msg)}
	case msg.err != nil:
		return t.travel(*t.target)
	}
	if msg.frozen.Recorded {
		msg.frozen.Follow(t.Frozen)
		msg.frozen.Wanted = earlier(msg.target.Time, msg.frozen.Last)
	}
	shown := nav.Batch{nav.Freeze{To: msg.frozen}, t.follow(msg.frozen)}
	if !arrived {
		return append(shown, nav.Quiet{}, t.travel(*t.target))
	}
	shown = append(shown, e.commands.went(msg))
	switch {
	case msg.target.says != "":
		shown = append(shown, nav.Flash{Text: msg.target.says})
	case !msg.target.playing: // the messages on the way are obsolete
		shown = append(shown, nav.Quiet{})
	}
	t.target = &journey{Place: msg.frozen.Place}
	return shown
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// goToGrant goes to when a request was granted.
func (t *timeTravel) goToGrant(r inspect.Request) nav.Action {
	ctx, past := t.Tasks.Ctx, t.ports.Past
	look := t.background(func() tea.Msg {
		place, err := past.Granted(ctx, r)
		return grantMsg{place, err}
	})
	if past.Cost(t.at(), -1) == "" {
		return look
	}
	return nav.Batch{nav.Flash{Text: "looking for the grant: etcd scans all writes since the request …"}, look}
}

func (msg grantMsg) Apply(e *Effects) nav.Action {
	switch {
	case msg.err != nil:
		return nav.Fail(format.Plainly(msg.err))
	case msg.place == backend.Place{}:
		return nav.Note("not granted yet")
	default:
		return e.travel.travel(journey{Place: msg.place, asked: true})
	}
}

// goLive goes back to the present. Without one, it goes to the end of the recording.
func (t *timeTravel) goLive() nav.Action {
	switch {
	case t.offline():
		return t.goTo(backend.Place{End: true})
	case !t.InPast() && t.target == nil:
		return nav.Note("already live")
	default:
		return nav.Freeze{To: nil}
	}
}

// freeze shows a frozen snapshot, or the live one if nil.
func (t *timeTravel) freeze(f *state.Frozen) {
	t.Frozen, t.Missed = f, 0
	if !t.InPast() {
		t.target, t.Play.On = nil, false
	}
	t.relate()
}

// relate has the moment that is shown know what was before.
func (t *timeTravel) relate() {
	if t.InRecording() {
		t.Frozen.Relate(t.Changes)
	}
}
