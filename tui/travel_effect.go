package tui

import (
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
)

// timeTravel shows the locks as they were, and reads what changed.
type timeTravel struct {
	*env
	target  int64 // the revision that is shown or on its way; 0: the present
	loading bool  // a snapshot
	reading bool  // changes
}

// changesMsg brings what changed, and the step that it was read for, if any, with
// the revision that it is from. pastMsg brings the snapshot of a revision.
type (
	changesMsg struct {
		changes Changes
		at      int64
		step    int
		err     error
	}
	pastMsg struct {
		snapshot
		revision, floor int64
		err             error
	}
)

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
	return t.live.Revision
}

// step goes one change back or on from a revision. If it is not known where that
// is, it may read first.
func (t *timeTravel) step(at int64, by int, mayRead bool) Action {
	switch {
	case by > 0 && t.target == 0:
		return note("this is the present: [ goes back")
	case by < 0 && t.changes != nil && at <= t.changes.Floor:
		return fail(floorText(t.changes))
	case t.changes != nil && coversStep(t.changes, at, by):
		return t.goTo(stepFrom(t.changes, at, by))
	case by > 0 && at >= t.live.Revision || !mayRead:
		return Batch{Flash{Text: "nothing has changed since: this is the present"}, Freeze{nil}}
	case by < 0:
		return t.read(at-changesWindow, at, by)
	default:
		return t.read(at, at+changesWindow, by)
	}
}

// readUntil reads what changed up to a revision, 0 being the one that is shown.
func (t *timeTravel) readUntil(until int64) Action {
	if until == 0 {
		until = t.at()
	}
	return t.read(until-changesWindow, until, 0)
}

// read reads what changed. It costs etcd something, so it is said.
func (t *timeTravel) read(since, until int64, step int) Action {
	if t.reading {
		return nil
	}
	t.reading = true
	since = max(since, 1)
	ctx, past, prefix, at := t.tasks.ctx, t.ports.Past, t.ports.Prefix, t.at()
	return Batch{
		Flash{Text: "etcd is asked what changed from revision " + strconv.FormatInt(since, 10) + " to " +
			strconv.FormatInt(until, 10) + ": it reads all that was written since …"},
		t.background(func() tea.Msg {
			c, err := past.Changes(ctx, prefix, since, until)
			return changesMsg{c, at, step, err}
		}),
	}
}

func (msg changesMsg) apply(e *Effects) Action {
	e.travel.reading = false
	if msg.err != nil {
		return fail("the past cannot be read: " + plainly(msg.err))
	}
	e.changes = &msg.changes
	read := Batch{Quiet{}, Refresh{All: true}}
	if msg.step == 0 {
		return read
	}
	return append(read, e.travel.step(msg.at, msg.step, false))
}

// goTo shows the snapshot of a revision. While one is on its way, it is only
// noted which one is to be shown in the end.
func (t *timeTravel) goTo(revision int64) Action {
	t.target = revision
	if t.loading {
		return nil
	}
	t.loading = true
	ctx, past, prefix, now := t.tasks.ctx, t.ports.Past, t.ports.Prefix, t.now
	return t.background(func() tea.Msg {
		s, floor, err := past.At(ctx, prefix, revision)
		if err != nil {
			return pastMsg{revision: revision, err: err}
		}
		v := newVerdict(s, nil, time.Time{})
		v.at = now
		return pastMsg{snapshot: snapshot{s, v}, revision: revision, floor: floor}
	})
}

func (msg pastMsg) apply(e *Effects) Action {
	t := &e.travel
	t.loading = false
	switch {
	case t.target == 0:
		return nil // back in the present meanwhile
	case msg.err != nil && t.target == msg.revision:
		t.target = 0
		if t.inPast() {
			t.target = t.frozen.Revision
		}
		return fail(plainly(msg.err))
	}
	var shown Batch
	if msg.err == nil { // what was said on the way is over
		shown = Batch{Quiet{}, Freeze{&frozen{snapshot: msg.snapshot, mark: pastMark(msg.revision, msg.floor), about: "· b goes back to live", past: true}}}
	}
	if t.target != msg.revision {
		return append(shown, t.goTo(t.target))
	}
	return shown
}

// pastMark is the loud word of the past, with how far back it goes.
func pastMark(revision, floor int64) string {
	return "PAST rev " + strconv.FormatInt(revision, 10) + ", oldest " + strconv.FormatInt(floor, 10)
}

// goToGrant goes to when a request was granted.
func (t *timeTravel) goToGrant(r inspect.Request) Action {
	ctx, past := t.tasks.ctx, t.ports.Past
	return Batch{
		Flash{Text: "etcd is asked when that was granted: it reads all that was written since it was asked for …"},
		t.background(func() tea.Msg {
			revision, err := past.Granted(ctx, r)
			return grantMsg{revision, err}
		}),
	}
}

func (msg grantMsg) apply(e *Effects) Action {
	switch {
	case msg.err != nil:
		return fail(plainly(msg.err))
	case msg.revision == 0:
		return note("it has not been granted by now")
	default:
		return e.travel.goTo(msg.revision)
	}
}

// goLive goes back to the present.
func (t *timeTravel) goLive() Action {
	if !t.inPast() && t.target == 0 {
		return note("this is live")
	}
	return Freeze{nil}
}

// freeze shows a frozen snapshot, or the live one if nil.
func (t *timeTravel) freeze(f *frozen) {
	t.frozen, t.missed = f, 0
	if !t.inPast() {
		t.target = 0
	}
}
