// Package outcome is the outcome of a run: its events, the result of each step, the
// checks that passed or failed, and a picture.
package outcome

import (
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/scenario"
)

// Event is something that happened in a run.
type Event struct {
	At     time.Duration // since the run began, without pauses; see simulate.Clock.Elapsed
	Client string        // "" for an event of the run itself
	Moment scenario.Moment
	Do     scenario.Action      // of the client's step; "" if the event belongs to none
	Place  scenario.Place       // in the scenario's file, of the step or the fault
	Round  int                  // which repeat of the client's steps, from 1
	Locks  []rwlock.LockRequest // named as in the scenario
	Token  int64                // the fencing token, once the lock is held
	Waited time.Duration        // of an outcome: the real time since the lock was requested
	Passed time.Duration        // of an outcome: the same in the scenario's time
	Err    error                // what went wrong, or nil
	Line   string               // the line of the log, or "" if the log has none for it
}
