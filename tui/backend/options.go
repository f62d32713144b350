// Package backend is what the UI needs from outside: the options that it is
// started with, and the interfaces through which it reads etcd, takes and
// releases locks, and runs scenarios.
package backend

import (
	"errors"
	"time"
)

// Options are what the screens show and may do.
type Options struct {
	Prefix   string // locks below it are watched; empty is all keys
	Endpoint string // shown

	Source      Source
	Health      Health      // nil: nothing is known of leader and lag
	Rights      Rights      // nil: nothing is known of what may be read
	Locker      Locker      // nil: no locks can be taken
	Scenarios   Scenarios   // nil: there are none
	Releaser    Releaser    // nil: nothing of others can be released
	Past        Past        // nil: only the present is shown
	Recorder    Recorder    // nil: nothing can be recorded
	Preferences Preferences // nil: nothing is kept

	ReadOnly bool             // takes the keys that write to etcd away, out of the help too
	NoColor  bool             // NO_COLOR is set to anything: only bold and reverse are left
	ASCII    bool             // the terminal shows no other characters
	Now      func() time.Time // nil: time.Now
}

// ErrNotReleased is returned by Run when etcd did not take back all of our
// requests in time. They go when their session ends.
var ErrNotReleased = errors.New("tui: some locks could not be released in time; they are released when their session expires")
