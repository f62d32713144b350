package tui

// Context is what all screens read: what is known of etcd, what the user may do,
// and how things look.
type Context struct {
	*data
	Prefix string // of the locks that are watched
	Can    Can
	theme  *theme
}

// Can is what the user may do.
type Can struct {
	Take, Release, TimeTravel, Scenarios, Record bool
	ReadOnly                                     bool // no key writes to etcd
}

// Why keys are off.
const (
	whyReadOnly = "read-only: nothing is written to etcd from here"
	whyNever    = "not available here"
	whyPast     = "not in the past: b goes back to live"
)

// needs returns why a key is off that needs something which the user may or may
// not do.
func (c *Context) needs(can bool) Off {
	switch {
	case can:
		return Off{}
	case c.Can.ReadOnly:
		return Off{Why: whyReadOnly}
	default:
		return Off{Why: whyNever}
	}
}

// needsPresent is needs for a key that changes something, which is off in the
// past too.
func (c *Context) needsPresent(can bool) Off {
	if off := c.needs(can); off.Why != "" {
		return off
	}
	if c.inPast() {
		return Off{Why: whyPast}
	}
	return Off{}
}

// offTake is why the keys that take locks are off, offRelease why those are that
// release the locks of others.
func (c *Context) offTake() Off    { return c.needsPresent(c.Can.Take) }
func (c *Context) offRelease() Off { return c.needsPresent(c.Can.Release) }

// offTravel is why the keys of time travel are off.
func (c *Context) offTravel() Off { return c.needs(c.Can.TimeTravel) }

// ifKnown returns what a screen without rows says.
func (c *Context) ifKnown(known bool, empty string) string {
	switch {
	case known:
		return empty
	case c.conn.refused:
		return "✗ " + c.conn.trouble()
	default:
		return "nothing is known yet"
	}
}

// unless returns why a key is off that needs something to be selected: why, unless
// there is.
func unless(there func() bool, why string) func() Off {
	return func() Off {
		if there() {
			return Off{}
		}
		return Off{Why: why, Shown: true}
	}
}

// eitherOff returns the first reason for which a key is off.
func eitherOff(offs ...func() Off) func() Off {
	return func() Off {
		for _, off := range offs {
			if o := off(); o.Why != "" {
				return o
			}
		}
		return Off{}
	}
}
