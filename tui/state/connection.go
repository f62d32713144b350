package state

import (
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/tui/term"
)

// connection is whether etcd answers.
type connection struct {
	Begun    bool      // etcd has answered or failed
	Lost     bool      // it is not answering, or refuses
	Refused  bool      // it answers, and refuses
	NoLeader bool      // it answers, and cannot read or write
	Since    time.Time // since when
	Err      error     // that it was lost with
	Cause    string    // the same in few words
	Why      string    // it refuses, and what helps; empty: not known yet

	asking bool      // why it refuses
	asked  time.Time // when that was asked last
}

// Note follows an update, and says what changed if anything did. That etcd
// refuses is said later, when it is known why.
func (c *connection) Note(u inspect.Update, refused bool, now time.Time) string {
	was := *c
	if u.Err == nil {
		*c = connection{Begun: true, Since: was.Since, asking: was.asking}
		return c.regained(was, now)
	}
	c.Begun, c.Lost, c.Refused, c.Err, c.Cause = true, true, refused, u.Err, term.ShortReason(u.Err)
	c.NoLeader = inspect.SaysNoLeader(u.Err)
	if c.Cause != was.Cause {
		c.Why, c.asked = "", time.Time{}
	}
	if was.Lost && was.Refused == refused {
		return ""
	}
	c.Since = now
	if refused {
		return ""
	}
	if c.NoLeader {
		return "has no leader; showing the last snapshot"
	}
	return "not answering: " + c.Cause + "; showing the last snapshot"
}

func (c *connection) regained(was connection, now time.Time) string {
	switch {
	case was.Refused:
		return "allows access again after " + format.Age(now.Sub(was.Since))
	case was.NoLeader:
		return "has a leader again after " + format.Age(now.Sub(was.Since))
	case was.Lost:
		return "answers again after " + format.Age(now.Sub(was.Since))
	case !was.Begun:
		c.Since = now
	}
	return ""
}

// ExplainEvery is how often etcd is asked again why it refuses: rights may
// change.
const ExplainEvery = 5 * time.Second

// AskWhy reports whether it is time to ask why etcd refuses, and notes that it
// is asked.
func (c *connection) AskWhy(now time.Time) bool {
	if !c.Refused || c.asking || now.Sub(c.asked) < ExplainEvery {
		return false
	}
	c.asking, c.asked = true, now
	return true
}

// Explain notes why etcd refused with that cause, and reports whether that is
// news.
func (c *connection) Explain(cause, why string) bool {
	c.asking = false
	if !c.Refused || cause != c.Cause || why == c.Why {
		return false
	}
	c.Why = why
	return true
}

// Reason is why etcd is lost, as far as it is known.
func (c *connection) Reason() string {
	if c.Why != "" {
		return c.Why
	}
	return c.Cause
}

// Problem describes the problem of the connection in full.
func (c *connection) Problem() string {
	switch {
	case c.Refused:
		return "etcd refuses: " + c.Reason()
	case c.NoLeader:
		return "etcd has no leader: it cannot read or write until it has one"
	default:
		return "etcd is not answering: " + c.Reason()
	}
}
