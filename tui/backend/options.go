// Package backend is what the UI needs from outside: the options that it is
// started with, and the interfaces through which it reads etcd, takes and
// releases locks, and runs scenarios.
package backend

import (
	"errors"
	"time"

	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/lockclass"
)

// Options are what the UI is started with.
type Options struct {
	Prefixes keyspace.Prefixes // locks below them are watched
	Notice   string            // is shown and logged at the start; empty: nothing
	Tour     Tour              // what the bottom line points at; the zero Tour: nothing
	Endpoint string            // or the recording that is shown without an etcd

	Source      Source       // nil: there is no present, only the Past
	Health      Health       // nil: leader and lag are not shown
	Rights      Rights       // nil: a refusal is not explained
	Locker      Locker       // nil: no locks can be taken
	Scenarios   Scenarios    // nil: there are none
	Releaser    Releaser     // nil: requests of others cannot be released
	Past        Past         // nil: only the present is shown
	Archive     Archive      // that the Past reads; nil: none, and the past has no times
	Start       Place        // where to begin; the zero Place: in the present, which there must be
	Recorder    Recorder     // nil: nothing can be recorded
	Preferences *Preferences // nil: preferences are not stored
	Commands    CommandLog   // nil: commands are listed, and not kept
	Notifier    Notifier     // nil: no program is told of anything
	Signals     []string     // that the terminal is sent to notify the user; none: none

	Flags cmdline.Flags // that connect printed commands to the same etcd

	Suspend func() error // stops the process until its shell continues it; nil: it cannot be

	Classes lockclass.Rules // which locks are counted together

	Context  Context  // that is shown; its zero value: etcd has no name
	Contexts Contexts // that the user can go to; nil: none

	Keys        []Key    // other names of keys
	RowCommands Commands // nil: none

	ReadOnly bool             // disables the keys that write to etcd
	Locked   bool             // the user cannot change that
	NoColor  bool             // NO_COLOR is set to anything: only bold and reverse are left
	ASCII    bool             // the terminal shows no other characters
	Now      func() time.Time // nil: time.Now
}

// Tour leads a newcomer from one thing that is wrong to the next, in a line.
type Tour struct {
	Steps []TourStep
	After string // what is said once nothing is wrong with any of the locks
}

// TourStep is said while something is wrong with a lock. Keys are in backquotes.
type TourStep struct{ Lock, Text string }

// ErrNotReleased is returned by Run if locks of the user could not be released in
// time. They are released when their sessions expire.
var ErrNotReleased = errors.New("tui: some locks could not be released in time; they are released when their session expires")
