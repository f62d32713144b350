package tui

import (
	"time"

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

// note follows an update, and says what changed if anything did. That etcd
// refuses is said later, when it is known why.
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

// explainEvery is how often etcd is asked again why it refuses: rights may
// change.
const explainEvery = 5 * time.Second

// askWhy reports whether it is time to ask why etcd refuses, and notes that it
// is asked.
func (c *connection) askWhy(now time.Time) bool {
	if !c.refused || c.asking || now.Sub(c.asked) < explainEvery {
		return false
	}
	c.asking, c.asked = true, now
	return true
}

// explain notes why etcd refused with that cause, and reports whether that is
// news.
func (c *connection) explain(cause, why string) bool {
	c.asking = false
	if !c.refused || cause != c.cause || why == c.why {
		return false
	}
	c.why = why
	return true
}

// reason is why etcd is lost, as far as it is known.
func (c *connection) reason() string {
	if c.why != "" {
		return c.why
	}
	return c.cause
}

// trouble is what is wrong with the connection, in full.
func (c *connection) trouble() string {
	if c.refused {
		return "etcd refuses: " + c.reason()
	}
	return "etcd is not answering: " + c.reason()
}
