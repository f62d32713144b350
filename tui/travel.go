package tui

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
)

// trailWindow is how many revisions are read at a time to find out at which of
// them something changed.
const trailWindow = 1000

// travel is where in time the user is, or is going to.
type travel struct {
	target  int64 // 0: the present
	loading bool  // a picture
	reading bool  // the trail
}

// stepMsg goes to the next change, or to the one before. revisionMsg goes to a
// revision, grantMsg to when a request was granted, and readMsg reads the trail
// up to a revision, 0 being the one that is shown.
type (
	stepMsg     struct{ by int }
	revisionMsg struct{ revision int64 }
	grantMsg    struct{ request inspect.Request }
	readMsg     struct{ until int64 }
)

// trailMsg brings what changed, and the step that it was read for, if any, with
// the revision that it is from.
// pastMsg brings the picture of a revision.
type (
	trailMsg struct {
		changes Changes
		at      int64
		step    int
		err     error
	}
	pastMsg struct {
		picture
		revision, floor int64
		err             error
	}
)

func (m *model) travelled(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case stepMsg:
		return m.step(m.at(), msg.by, true)
	case revisionMsg:
		return m.goTo(msg.revision)
	case grantMsg:
		return m.findGrant(msg.request)
	case readMsg:
		until := msg.until
		if until == 0 {
			until = m.at()
		}
		return m.readTrail(until-trailWindow, until, 0)
	case trailMsg:
		return m.gotTrail(msg)
	case pastMsg:
		return m.gotPast(msg)
	}
	return nil
}

// at is the revision that is shown, or that one is going to.
func (m *model) at() int64 {
	if m.travel.target != 0 {
		return m.travel.target
	}
	return m.live.snapshot.Revision
}

// step goes one change back or on from a revision. When it is not known where that is, it may
// read first.
func (m *model) step(at int64, by int, mayRead bool) tea.Cmd {
	switch {
	case by > 0 && m.travel.target == 0:
		return m.say("this is the present: [ goes back")
	case by < 0 && m.trail != nil && at <= m.trail.Floor:
		return m.fail(m.trail.floorText())
	case m.trail != nil && m.trail.covers(at, by):
		return m.goTo(m.trail.next(at, by))
	case by > 0 && at >= m.live.snapshot.Revision || !mayRead:
		m.flashUp(flashInfo, "nothing has changed since: this is the present")
		return m.stand(nil)
	case by < 0:
		return m.readTrail(at-trailWindow, at, by)
	default:
		return m.readTrail(at, at+trailWindow, by)
	}
}

// floorText says why there is nothing older.
func (c *Changes) floorText() string {
	return "etcd remembers nothing from before revision " + strconv.FormatInt(c.Floor, 10)
}

// covers reports whether the changes tell where a step from a revision leads.
func (c *Changes) covers(at int64, by int) bool {
	if by < 0 {
		return c.Since < at && at <= c.Until
	}
	return c.Since <= at && at < c.Until
}

// next is the revision of the change before the one that made the picture of a
// revision, or of the change after it. Where there is none, it is the end of
// what is known.
func (c *Changes) next(at int64, by int) int64 {
	made, before, after := c.Since, c.Since, c.Until
	for _, e := range c.Events {
		switch {
		case e.Revision > at:
			after = min(after, e.Revision)
		case e.Revision > made:
			made, before = e.Revision, made
		}
	}
	if by < 0 {
		return before
	}
	return after
}

// readTrail reads what changed. It costs etcd something, so it is said.
func (m *model) readTrail(since, until int64, step int) tea.Cmd {
	if m.travel.reading {
		return nil
	}
	m.travel.reading = true
	since = max(since, 1)
	m.flashUp(flashInfo, "etcd is asked what changed from revision "+strconv.FormatInt(since, 10)+" to "+
		strconv.FormatInt(until, 10)+": it reads all that was written since …")
	ctx, past, prefix, at := m.tasks.ctx, m.opts.Past, m.opts.Prefix, m.at()
	return m.tasks.cmd(func() tea.Msg {
		c, err := past.Changes(ctx, prefix, since, until)
		return trailMsg{c, at, step, err}
	})
}

func (m *model) gotTrail(msg trailMsg) tea.Cmd {
	m.travel.reading = false
	if msg.err != nil {
		return m.fail("the past cannot be read: " + plainly(msg.err))
	}
	m.trail, m.flash = &msg.changes, flash{}
	told := m.tellAll(refreshMsg{})
	if msg.step == 0 {
		return told
	}
	return tea.Batch(told, m.step(msg.at, msg.step, false))
}

// goTo shows the picture of a revision. While one is on its way, only where one
// wants to be is noted.
func (m *model) goTo(revision int64) tea.Cmd {
	m.travel.target = revision
	if m.travel.loading {
		return nil
	}
	m.travel.loading = true
	ctx, past, prefix, now := m.tasks.ctx, m.opts.Past, m.opts.Prefix, m.now
	return m.tasks.cmd(func() tea.Msg {
		s, floor, err := past.At(ctx, prefix, revision)
		if err != nil {
			return pastMsg{revision: revision, err: err}
		}
		v := newVerdict(s, nil, time.Time{})
		v.at = now
		return pastMsg{picture: picture{s, v}, revision: revision, floor: floor}
	})
}

func (m *model) gotPast(msg pastMsg) tea.Cmd {
	m.travel.loading = false
	switch {
	case m.travel.target == 0:
		return nil // back in the present meanwhile
	case msg.err != nil && m.travel.target == msg.revision:
		m.travel.target = 0
		if m.inPast() {
			m.travel.target = m.still.snapshot.Revision
		}
		return m.fail(plainly(msg.err))
	}
	var stood tea.Cmd
	if msg.err == nil {
		m.flash = flash{} // what was said on the way
		stood = m.stand(&still{picture: msg.picture, mark: pastMark(msg.revision, msg.floor), about: "· b goes back to live", past: true})
	}
	if m.travel.target != msg.revision {
		return tea.Batch(stood, m.goTo(m.travel.target))
	}
	return stood
}

// pastMark is the loud word of the past, with how far back it goes.
func pastMark(revision, floor int64) string {
	return "PAST rev " + strconv.FormatInt(revision, 10) + ", oldest " + strconv.FormatInt(floor, 10)
}

// ahead says how far the present is from the past that is shown.
func (m *model) ahead() string {
	return "live is " + count(int(m.live.snapshot.Revision-m.still.snapshot.Revision), "revision", "revisions") + " ahead: b"
}

// findGrant goes to when a request was granted.
func (m *model) findGrant(r inspect.Request) tea.Cmd {
	m.flashUp(flashInfo, "etcd is asked when that was granted: it reads all that was written since it was asked for …")
	ctx, past := m.tasks.ctx, m.opts.Past
	return m.tasks.cmd(func() tea.Msg {
		switch revision, err := past.Granted(ctx, r); {
		case err != nil:
			return sayMsg{flashError, plainly(err)}
		case revision == 0:
			return sayMsg{flashInfo, "it has not been granted by now"}
		default:
			return revisionMsg{revision}
		}
	})
}

func (m *model) goLive() tea.Cmd {
	if !m.inPast() && m.travel.target == 0 {
		return m.say("this is live")
	}
	return m.stand(nil)
}

// timeCommands are those of time travel.
func (m *model) timeCommands() []command {
	if m.opts.Past == nil {
		return nil
	}
	return []command{
		{name: "rev", args: "N", about: "the locks as they were at revision N", run: func(arg string) tea.Cmd {
			n, err := strconv.ParseInt(strings.TrimSpace(arg), 10, 64)
			if err != nil || n <= 0 {
				return m.fail("rev: a revision such as " + strconv.FormatInt(m.live.snapshot.Revision, 10))
			}
			return m.goTo(n)
		}},
		{name: "live", about: "back to live", run: func(string) tea.Cmd { return m.goLive() }},
	}
}

// pastKeys look into the past of a lock, and of a request for it.
type pastKeys struct {
	*common
	granted, history key.Binding
}

func newPastKeys(c *common) pastKeys {
	k := pastKeys{
		common:  c,
		granted: bind("t", "time: go to when the request was granted", "t"),
		history: bind("H", "history: what became of the lock's requests, by revision", "H"),
	}
	k.granted.SetEnabled(c.opts.Past != nil)
	k.history.SetEnabled(c.opts.Past != nil)
	return k
}

func (k pastKeys) group() keyGroup { return keyGroup{"past", []key.Binding{k.granted, k.history}} }

func (k pastKeys) matches(msg tea.KeyPressMsg) bool { return key.Matches(msg, k.granted, k.history) }

func (k pastKeys) cmd(msg tea.KeyPressMsg, id inspect.LockID, r inspect.Request) tea.Cmd {
	switch {
	case key.Matches(msg, k.history):
		_ = k.request(readMsg{})
		return k.open(newHistoryScreen(k.common, id))
	case r.Key == "":
		return k.say("no request is selected")
	default:
		return k.request(grantMsg{r})
	}
}

// trailOf are the known changes of a lock up to the revision that is shown, in
// w×h, the last ones.
func (c *common) trailOf(id inspect.LockID, w, h int) string {
	if c.trail == nil {
		return c.theme.dim.Render(cut("not read yet: H reads it", w))
	}
	var lines []string
	for _, e := range c.trail.Events {
		if e.Request.Lock != id || e.Revision > c.shown().snapshot.Revision {
			continue
		}
		g := entrySign(c.theme, entryKind(e.Kind))
		head := c.theme.dim.Render(pad(strconv.FormatInt(e.Revision, 10), 8, true)) + " " + g.style.Render(pad(g.text, 10, false))
		lines = append(lines, cut(head+" "+pad(e.Request.Mode.String(), 5, false)+" "+whose(e.Request), w))
	}
	if len(lines) == 0 {
		return c.theme.dim.Render(cut("nothing, from revision "+strconv.FormatInt(c.trail.Since, 10)+" on", w))
	}
	return strings.Join(slices.Clone(lines[max(len(lines)-h, 0):]), "\n")
}
