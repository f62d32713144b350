package outcome

import (
	"context"
	"errors"
	"time"

	"etcd-lock/rwlock"

	"etcd-lock/simulate/scenario"
)

// Event is something that happened in a run.
type Event struct {
	At     time.Duration // since the run began, see Clock.Elapsed
	Client string        // "" when it is the run's own
	Moment scenario.Moment
	Do     scenario.Action      // of the step that it belongs to; "" when there is none
	Place  scenario.Place       // of that step, or of the fault, in the scenario's file
	Round  int                  // which of the repeats, from 1
	Locks  []rwlock.LockRequest // that it is about, by the names of the scenario
	Token  int64                // the fencing token, once a lock is held
	Waited time.Duration        // with the outcomes: since the lock was asked for
	Passed time.Duration        // likewise, in the scenario's time
	Err    error                // why, where something went wrong
	Line   string               // of the log; "" when that says nothing of it
}

// AskingLine is the line of a client that is about to do step s.
func AskingLine(client string, s scenario.Step) string {
	if s.Do == scenario.Upgrade {
		return "upgrading lock " + client
	}
	return scenario.LogWaiting + client
}

// GrantedLine is the line of a client that was granted what it asked for.
func GrantedLine(client string, s scenario.Step) string {
	if s.Do == scenario.Upgrade {
		return "upgraded lock " + client
	}
	return scenario.LogGranted + client
}

// FailedLine is the line of a client that could not do step s.
func FailedLine(client string, s scenario.Step, err error) string {
	done := "acquired"
	switch s.Do {
	case scenario.Upgrade:
		done = "upgraded"
	case scenario.Downgrade:
		done = "downgraded"
	case scenario.Unlock:
		done = "released"
	}
	return client + " not " + done + ": " + reason(err).Error()
}

// FencedLine is the line of a late holder.
func FencedLine(late, other string) string {
	return late + " fenced: the token of " + other + " is larger"
}

// Of is what an acquisition that returned err came to.
func Of(err error) scenario.Moment {
	switch {
	case err == nil:
		return scenario.Granted
	case errors.Is(err, context.DeadlineExceeded):
		return scenario.Deadline
	case errors.Is(err, context.Canceled):
		return scenario.Cancelled
	case errors.Is(err, rwlock.ErrLocked):
		return scenario.Refused
	case errors.Is(err, rwlock.ErrLost), errors.Is(err, rwlock.ErrSessionExpired):
		return scenario.Lost
	default:
		return scenario.Failed
	}
}

// reason leaves out what a reader of the log knows, where it came to pass as it
// was asked for.
func reason(err error) error {
	for _, known := range []error{context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, known) {
			return known
		}
	}
	return err
}
