package effects

import (
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
)

// timeTravel shows the locks as they were, and reads what changed.
type timeTravel struct {
	*env
	target  int64 // the revision that is shown or on its way; 0: the present
	loading bool  // a snapshot
	reading bool  // changes
}

// changesMsg brings what changed, and the step that it was read for, if any, with
// the revision that it is from.
type changesMsg struct {
	changes backend.Changes
	at      int64
	step    int
	err     error
}

// PastMsg brings the snapshot of a revision, and the oldest one that etcd
// remembers.
type PastMsg struct {
	state.Snapshot
	Revision, Floor int64
	err             error
}

// grantMsg brings the revision at which a request was granted, 0 if it was not.
type grantMsg struct {
	revision int64
	err      error
}

// at returns the revision that is shown or on its way.
func (t *timeTravel) at() int64 {
	if t.target != 0 {
		return t.target
	}
	return t.Live.Revision
}

// step goes one change back or on from a revision. If it is not known where that
// is, it may read first.
func (t *timeTravel) step(at int64, by int, mayRead bool) nav.Action {
	switch {
	case by > 0 && t.target == 0:
		return nav.Note("already at the latest revision: [ goes back")
	case by < 0 && t.Changes != nil && at <= t.Changes.Floor:
		return nav.Fail(state.FloorText(t.Changes))
	case t.Changes != nil && state.CoversStep(t.Changes, at, by):
		return t.goTo(state.StepFrom(t.Changes, at, by))
	case by > 0 && at >= t.Live.Revision || !mayRead:
		return nav.Batch{nav.Flash{Text: "no later changes: back to live"}, nav.Freeze{To: nil}}
	case by < 0:
		return t.read(at-state.ChangesWindow, at, by)
	default:
		return t.read(at, at+state.ChangesWindow, by)
	}
}

// readUntil reads what changed up to a revision, 0 being the one that is shown.
func (t *timeTravel) readUntil(until int64) nav.Action {
	if until == 0 {
		until = t.at()
	}
	return t.read(until-state.ChangesWindow, until, 0)
}

// read reads what changed. It costs etcd something, so it is said.
func (t *timeTravel) read(since, until int64, step int) nav.Action {
	if t.reading {
		return nil
	}
	t.reading = true
	since = max(since, 1)
	ctx, past, prefixes, at := t.Tasks.Ctx, t.ports.Past, t.ports.Prefixes, t.at()
	return nav.Batch{
		nav.Flash{Text: "reading changes from revision " + strconv.FormatInt(since, 10) + " to " +
			strconv.FormatInt(until, 10) + ": etcd scans all writes since …"},
		t.background(func() tea.Msg {
			c, err := past.Changes(ctx, prefixes, since, until)
			return changesMsg{c, at, step, err}
		}),
	}
}

func (msg changesMsg) Apply(e *Effects) nav.Action {
	e.travel.reading = false
	if msg.err != nil {
		return nav.Fail("cannot read history: " + term.Plainly(msg.err))
	}
	e.Changes = &msg.changes
	read := nav.Batch{nav.Quiet{}, nav.Refresh{All: true}}
	if msg.step == 0 {
		return read
	}
	return append(read, e.travel.step(msg.at, msg.step, false))
}

// goTo shows the snapshot of a revision. While one is on its way, it is only
// noted which one to show in the end.
func (t *timeTravel) goTo(revision int64) nav.Action {
	t.target = revision
	if t.loading {
		return nil
	}
	t.loading = true
	ctx, past, prefixes, now := t.Tasks.Ctx, t.ports.Past, t.ports.Prefixes, t.Now
	return t.background(func() tea.Msg {
		s, floor, err := past.At(ctx, prefixes, revision)
		if err != nil {
			return PastMsg{Revision: revision, err: err}
		}
		v := state.NewVerdict(s, nil, time.Time{})
		v.At = now
		return PastMsg{Snapshot: state.Snapshot{Snapshot: s, Verdict: v}, Revision: revision, Floor: floor}
	})
}

// Apply shows the snapshot, if the user still wants to see the past.
func (msg PastMsg) Apply(e *Effects) nav.Action {
	t := &e.travel
	t.loading = false
	switch {
	case t.target == 0:
		return nil // back in the present meanwhile
	case msg.err != nil && t.target == msg.Revision:
		t.target = 0
		if t.InPast() {
			t.target = t.Frozen.Revision
		}
		return nav.Fail(term.Plainly(msg.err))
	}
	var shown nav.Batch
	if msg.err == nil { // the messages on the way are obsolete
		shown = nav.Batch{nav.Quiet{}, nav.Freeze{To: &state.Frozen{Snapshot: msg.Snapshot, Mark: pastMark(msg.Revision, msg.Floor), About: "· b goes back to live", Past: true}}}
	}
	if t.target != msg.Revision {
		return append(shown, t.goTo(t.target))
	}
	return shown
}

// pastMark is the loud word of the past, with how far back it goes.
func pastMark(revision, floor int64) string {
	return "PAST rev " + strconv.FormatInt(revision, 10) + ", oldest " + strconv.FormatInt(floor, 10)
}

// goToGrant goes to when a request was granted.
func (t *timeTravel) goToGrant(r inspect.Request) nav.Action {
	ctx, past := t.Tasks.Ctx, t.ports.Past
	return nav.Batch{
		nav.Flash{Text: "looking for the grant: etcd scans all writes since the request …"},
		t.background(func() tea.Msg {
			revision, err := past.Granted(ctx, r)
			return grantMsg{revision, err}
		}),
	}
}

func (msg grantMsg) Apply(e *Effects) nav.Action {
	switch {
	case msg.err != nil:
		return nav.Fail(term.Plainly(msg.err))
	case msg.revision == 0:
		return nav.Note("not granted yet")
	default:
		return e.travel.goTo(msg.revision)
	}
}

// goLive goes back to the present.
func (t *timeTravel) goLive() nav.Action {
	if !t.InPast() && t.target == 0 {
		return nav.Note("already live")
	}
	return nav.Freeze{To: nil}
}

// freeze shows a frozen snapshot, or the live one if nil.
func (t *timeTravel) freeze(f *state.Frozen) {
	t.Frozen, t.Missed = f, 0
	if !t.InPast() {
		t.target = 0
	}
}
