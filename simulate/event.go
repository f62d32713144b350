package simulate

import (
	"context"
	"errors"
	"time"

	"etcd-lock/rwlock"
)

// Event is something that happened in a run.
type Event struct {
	At     time.Duration // since the run began, see Clock.Elapsed
	Client string        // "" when it is the run's own
	Moment Moment
	Do     Action        // of the step that it belongs to; "" when there is none
	Place  Place         // of that step, or of the fault, in the scenario's file
	Round  int           // which of the repeats, from 1
	Locks  []rwlock.Want // that it is about, by the names of the scenario
	Token  int64         // the fencing token, once a lock is held
	Waited time.Duration // with the outcomes: since the lock was asked for
	Passed time.Duration // likewise, in the scenario's time
	Err    error         // why, where something went wrong
	Line   string        // of the log; "" when that says nothing of it
}

// asking is the line of a client that is about to do step s.
func asking(client string, s Step) string {
	if s.Do == Upgrade {
		return "upgrading lock " + client
	}
	return logWaiting + client
}

// got is the line of a client that was granted what it asked for.
func got(client string, s Step) string {
	if s.Do == Upgrade {
		return "upgraded lock " + client
	}
	return logGot + client
}

// not is the line of a client that could not do step s.
func not(client string, s Step, err error) string {
	done := "acquired"
	switch s.Do {
	case Upgrade:
		done = "upgraded"
	case Downgrade:
		done = "downgraded"
	case Unlock:
		done = "released"
	}
	return client + " not " + done + ": " + reason(err).Error()
}

// fencedLine is the line of a late holder.
func fencedLine(late, other string) string {
	return late + " fenced: the token of " + other + " is larger"
}

// outcome is what an acquisition that returned err came to.
func outcome(err error) Moment {
	switch {
	case err == nil:
		return Granted
	case errors.Is(err, context.DeadlineExceeded):
		return Deadline
	case errors.Is(err, context.Canceled):
		return Cancelled
	case errors.Is(err, rwlock.ErrLocked):
		return Refused
	case errors.Is(err, rwlock.ErrLost), errors.Is(err, rwlock.ErrSessionExpired):
		return Lost
	default:
		return Failed
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
