package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
)

// connection is whether etcd answers.
type connection struct {
	begun   bool      // etcd has answered or failed
	lost    bool      // it is not answering, or refuses
	refused bool      // it answers, and refuses
	since   time.Time // since when
	err     error     // that it was lost with
	cause   string    // the same in few words
	why     string    // it refuses, and what helps; empty: not known yet

	asking bool      // why it refuses
	asked  time.Time // when that was asked last
}

// explainEvery is how often it is asked why etcd refuses: rights may change.
const explainEvery = 5 * time.Second

// explainedMsg brings why etcd refused, when that was the cause.
type explainedMsg struct {
	cause   string
	refusal Refusal
}

// note follows an update and says what changed, if anything did. Of a refusal
// that is said when it is known why.
func (c *connection) note(u inspect.Update, refused bool, now time.Time) string {
	was := *c
	if u.Err == nil {
		*c = connection{begun: true, since: was.since, asking: was.asking}
		return c.regained(was, now)
	}
	c.begun, c.lost, c.refused, c.err, c.cause = true, true, refused, u.Err, shortReason(u.Err)
	if c.cause != was.cause {
		c.why, c.asked = "", time.Time{}
	}
	if was.lost && was.refused == refused {
		return ""
	}
	c.since = now
	if refused {
		return ""
	}
	return "not answering: " + c.cause + "; the last picture stays"
}

func (c *connection) regained(was connection, now time.Time) string {
	switch {
	case was.refused:
		return "refuses no more, after " + span(now.Sub(was.since))
	case was.lost:
		return "answers again after " + span(now.Sub(was.since))
	case !was.begun:
		c.since = now
	}
	return ""
}

// reason is why etcd is lost, as far as it is known.
func (c connection) reason() string {
	if c.why != "" {
		return c.why
	}
	return c.cause
}

// text is the state with its sign, shorter where there is little room.
func (c connection) text(st theme, now time.Time, w int) sign {
	switch {
	case !c.begun:
		return sign{"○ connecting", st.waiting}
	case !c.lost:
		return sign{"● connected", st.holding}
	}
	s := "✗ refused"
	if !c.refused {
		s = "✗ not answering " + age(now, c.since)
		if long := "✗ etcd not answering for " + age(now, c.since); width(long) <= w {
			s = long
		}
	}
	if room := w - width(s) - 2; room >= 12 {
		s += ": " + cut(c.reason(), room)
	}
	return sign{s, st.lost}
}

// trouble is what is wrong with the connection, in full.
func (c connection) trouble() string {
	if c.refused {
		return "etcd refuses: " + c.reason()
	}
	return "etcd is not answering: " + c.reason()
}

// ifKnown is what a screen without rows says, if it is known.
func (c *common) ifKnown(known bool, empty string) string {
	switch {
	case known:
		return empty
	case c.conn.refused:
		return "✗ " + c.conn.trouble()
	default:
		return "nothing is known yet"
	}
}

// noteConnection takes in whether etcd answers, and tells what changed.
func (m *model) noteConnection(u inspect.Update) {
	refused := u.Err != nil && m.opts.Rights != nil && m.opts.Rights.Refused(u.Err)
	if what := m.conn.note(u, refused, m.now); what != "" {
		m.tell(entryEtcd, what)
	}
}

// explain asks why etcd refuses, when it is time to.
func (m *model) explain() tea.Cmd {
	c := &m.conn
	if !c.refused || c.asking || m.now.Sub(c.asked) < explainEvery {
		return nil
	}
	c.asking, c.asked = true, m.now
	ctx, rights, prefix, err, cause := m.tasks.ctx, m.opts.Rights, m.opts.Prefix, c.err, c.cause
	return m.tasks.cmd(func() tea.Msg { return explainedMsg{cause, rights.Explain(ctx, prefix, err)} })
}

// explained tells why etcd refuses, if that is news.
func (m *model) explained(msg explainedMsg) {
	c := &m.conn
	c.asking = false
	if why := safe(msg.refusal.String()); c.refused && msg.cause == c.cause && why != c.why {
		c.why = why
		m.tell(entryEtcd, "refuses: "+why)
	}
}
