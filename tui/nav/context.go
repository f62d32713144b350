package nav

import (
	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/state"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// Context is shared by all screens, which only read it: the state, what the user
// may do, and the theme.
type Context struct {
	*state.Data
	Prefixes keyspace.Prefixes // of the locks that are watched
	Can      Can
	Tour     backend.Tour
	Theme    *theme.Theme
	Etcd     backend.Context // that is shown
	Flags    cmdline.Flags   // that connect printed commands to it

	Together []*Context // the clusters that one table shows, with this one; nil: it is alone
	Absent   []Absent   // those that the table was to show too
	roams    bool       // see Roaming
}

// Can is what the user may do.
type Can struct {
	Take, Release, TimeTravel, Scenarios, Record bool
	ReadOnly                                     bool // no key writes to etcd
	Unlock                                       bool // the user may end that
	Clock                                        bool // the past has times: a recorder kept it
	Recording                                    bool // there is no etcd, only what was recorded
	Limited                                      bool // the user may read the prefixes that are shown, and not all keys
}

// Why keys are off.
const (
	whyReadOnly = "read-only mode"
	whyNever    = "not available here"
	whyPast     = "not while history is shown; "
	whyRecorded = "this is a recording"
	whyNoClock  = "etcd keeps no times: see --recording DIR --live"
	whyNotThere = "no moment of a recording is shown"
)

// KeyOn returns how the user calls a key on a screen.
func (c *Context) KeyOn(k Kind, name string) string { return c.Data.KeyOn(k.String(), name) }

// Needs returns why a key is off that needs something which the user may or may
// not do.
func (c *Context) Needs(can bool) widget.Off {
	switch {
	case can:
		return widget.Off{}
	case c.Can.Recording:
		return widget.Off{Why: whyRecorded}
	case c.Can.ReadOnly && c.Can.Unlock:
		return widget.Off{Why: whyReadOnly + "; :readonly off ends it"}
	case c.Can.ReadOnly:
		return widget.Off{Why: whyReadOnly}
	default:
		return widget.Off{Why: whyNever}
	}
}

// NeedsPresent is needs for a key that changes something, which is off in the
// past too.
func (c *Context) NeedsPresent(can bool) widget.Off {
	if off := c.Needs(can); off.Why != "" {
		return off
	}
	if c.InPast() {
		return widget.Off{Why: whyPast + c.Key("b") + " goes back to live"}
	}
	return widget.Off{}
}

// OffTake returns why the keys are off that take locks.
func (c *Context) OffTake() widget.Off { return c.NeedsPresent(c.Can.Take) }

// OffRelease returns why the keys are off that release the requests of others.
func (c *Context) OffRelease() widget.Off { return c.NeedsPresent(c.Can.Release) }

// OffTravel returns why the keys of time travel are off.
func (c *Context) OffTravel() widget.Off { return c.Needs(c.Can.TimeTravel) }

// OffClock returns why the keys are off that go to a time.
func (c *Context) OffClock() widget.Off {
	if off := c.OffTravel(); off.Why != "" || c.Can.Clock {
		return off
	}
	return widget.Off{Why: whyNoClock}
}

// OffPlay returns why the keys are off that have a recording pass.
func (c *Context) OffPlay() widget.Off {
	if off := c.OffClock(); off.Why != "" || c.InRecording() {
		return off
	}
	return widget.Off{Why: whyNotThere}
}

// EmptyText returns what a screen without rows says.
func (c *Context) EmptyText(known bool, empty string) string {
	switch {
	case known:
		return empty
	case c.Conn.Refused:
		return "✗ " + c.Conn.Problem()
	default:
		return "no data yet"
	}
}

// Unless returns why a key is off that needs something to be selected: why, unless
// there is.
func Unless(there func() bool, why string) func() widget.Off {
	return func() widget.Off {
		if there() {
			return widget.Off{}
		}
		return widget.Off{Why: why, Shown: true}
	}
}

// EitherOff returns the first reason for which a key is off.
func EitherOff(offs ...func() widget.Off) func() widget.Off {
	return func() widget.Off {
		for _, off := range offs {
			if o := off(); o.Why != "" {
				return o
			}
		}
		return widget.Off{}
	}
}
