package tui

import (
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/inspect"
)

// connection is whether etcd answers.
type connection struct {
	begun  bool      // etcd has answered or failed
	lost   bool      // it is not answering
	since  time.Time // since when
	reason string
}

// note follows an update and says what changed, if anything did.
func (c *connection) note(u inspect.Update, now time.Time) string {
	was := *c
	c.begun = true
	if u.Err != nil {
		c.lost, c.reason = true, shortReason(u.Err)
		if was.lost {
			return ""
		}
		c.since = now
		return "not answering: " + c.reason + "; the last picture stays"
	}
	*c = connection{begun: true, since: was.since}
	switch {
	case was.lost:
		return "answers again after " + span(now.Sub(was.since))
	case !was.begun:
		c.since = now
	}
	return ""
}

// text is the state with its sign, shorter where there is little room.
func (c connection) text(st styles, now time.Time, w int) sign {
	switch {
	case !c.begun:
		return sign{"○ connecting", st.waiting}
	case !c.lost:
		return sign{"● connected", st.holding}
	}
	s := "✗ not answering " + age(now, c.since)
	if long := "✗ etcd not answering for " + age(now, c.since); ansi.StringWidth(long) <= w {
		s = long
	}
	if room := w - ansi.StringWidth(s) - 2; room >= 12 {
		s += ": " + cut(c.reason, room)
	}
	return sign{s, st.lost}
}

// header is the line at the top. What does not fit goes in this order: the
// reason, the title, the ends of the prefix and the endpoint, the number of
// locks.
func (m *model) header(w int) string {
	title := "etcd-lock"
	prefix := m.opts.Prefix
	if prefix == "" {
		prefix = "all keys"
	}
	prefix, endpoint := safe(prefix), safe(m.opts.Endpoint)
	facts := func(most int) string {
		parts := []string{cut(endpoint, most), cut(prefix, most), "rev " + strconv.FormatInt(m.shown.Revision, 10)}
		return strings.Join(parts, "  ")
	}
	locks := count(len(m.shown.Locks), "lock", "locks")
	mark := ""
	if m.paused {
		mark = " PAUSED "
	}
	short := m.conn.text(m.styles, m.now, 0)
	fixed := ansi.StringWidth(short.text) + ansi.StringWidth(mark) + 2
	limit := 64
	for ; limit > 12 && fixed+ansi.StringWidth(title+facts(limit)+locks)+6 > w; limit -= 4 {
		continue
	}
	if fixed+ansi.StringWidth(title+facts(limit)+locks)+6 > w {
		title = ""
	}
	if fixed+ansi.StringWidth(title+facts(limit)+locks)+6 > w {
		locks = ""
	}
	return m.joinHeader(w, title, mark, facts(limit), locks)
}

func (m *model) joinHeader(w int, title, mark, facts, locks string) string {
	right := facts
	if locks != "" {
		right += "  " + locks
	}
	left := ""
	if title != "" {
		left = m.styles.title.Render(title) + "  "
	}
	if mark != "" {
		mark = m.styles.paused.Render(mark) + "  "
	}
	room := w - ansi.StringWidth(left+mark+right) - 2
	state := m.conn.text(m.styles, m.now, room)
	left += mark + state.style.Render(state.text)
	gap := max(w-ansi.StringWidth(left)-ansi.StringWidth(right), 2)
	return cut(left+strings.Repeat(" ", gap)+m.styles.dim.Render(right), w)
}
