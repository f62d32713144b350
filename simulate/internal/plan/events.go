package plan

import (
	"context"
	"errors"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/internal/logline"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// Result returns the result of the step before it has had any outcome.
func (s Step) Result(client string) *outcome.StepResult {
	return &outcome.StepResult{Client: client, Step: s.Step, Round: s.Round}
}

func (s Step) event(client string, m scenario.Moment, line string) outcome.Event {
	return outcome.Event{Client: client, Moment: m, Do: s.Do, Place: s.Place, Round: s.Round, Locks: s.Locks, Line: line}
}

// Asked is the event of a client that is about to request locks or an upgrade.
func (s Step) Asked(client string) outcome.Event {
	line := logline.Asking(client)
	if s.Do == scenario.Upgrade {
		line = logline.Upgrading(client)
	}
	return s.event(client, scenario.Asked, line)
}

// Waiting is the event of a client that has to wait: others are ahead of it.
func (s Step) Waiting(client string) outcome.Event {
	return s.event(client, scenario.Waiting, "")
}

// Granted is the event of a client that was granted what it requested.
func (s Step) Granted(client string, token int64) outcome.Event {
	line := logline.Granted(client)
	if s.Do == scenario.Upgrade {
		line = logline.Upgraded(client)
	}
	e := s.event(client, scenario.Granted, line)
	e.Token = token
	return e
}

// NotDone is the event of a client whose step failed with err. Its moment is the
// outcome that err stands for.
func (s Step) NotDone(client string, err error) outcome.Event {
	e := s.event(client, MomentOf(err), logline.NotDone(client, s.participle(), err))
	e.Err = err
	return e
}

// Failed is NotDone with the moment Failed, whatever err is.
func (s Step) Failed(client string, err error) outcome.Event {
	e := s.NotDone(client, err)
	e.Moment = scenario.Failed
	return e
}

// participle is what the step is when it is done.
func (s Step) participle() string {
	switch s.Do {
	case scenario.Upgrade:
		return "upgraded"
	case scenario.Downgrade:
		return "downgraded"
	case scenario.Unlock:
		return "released"
	case scenario.Close:
		return "closed"
	default:
		return "acquired"
	}
}

// Downgraded is the event of a client that holds for reading what it held for
// writing.
func (s Step) Downgraded(client string) outcome.Event {
	return s.event(client, scenario.Downgraded, logline.Downgraded(client))
}

// Released is the event of a client that released what it held.
func (s Step) Released(client string) outcome.Event {
	return s.event(client, scenario.Released, logline.Released(client))
}

// Paused is the event of a client that was paused.
func (s Step) Paused(client string) outcome.Event {
	return s.event(client, scenario.Paused, logline.Paused(client))
}

// Resumed is the event of a client that was resumed.
func (s Step) Resumed(client string) outcome.Event {
	return s.event(client, scenario.Resumed, logline.Resumed(client))
}

// Crashed is the event of a client that crashed.
func (s Step) Crashed(client string) outcome.Event {
	return s.event(client, scenario.Crashed, logline.Crashed(client))
}

// Closed is the event of a client that closed its session.
func (s Step) Closed(client string) outcome.Event {
	return s.event(client, scenario.Closed, logline.Closed(client))
}

// MomentOf returns the outcome of an acquisition that returned err.
func MomentOf(err error) scenario.Moment {
	switch {
	case err == nil:
		return scenario.Granted
	case errors.Is(err, context.DeadlineExceeded):
		return scenario.Deadline
	case errors.Is(err, context.Canceled):
		return scenario.Cancelled
	case errors.Is(err, rwlock.ErrLocked):
		return scenario.Refused
	case errors.Is(err, rwlock.ErrLost), errors.Is(err, rwlock.ErrSessionExpired), errors.Is(err, rwlock.ErrSessionClosed):
		return scenario.Lost
	default:
		return scenario.Failed
	}
}

// LostEvent is the event of a client that lost what the step of a result acquired.
func LostEvent(s *outcome.StepResult, token int64, err error) outcome.Event {
	return outcome.Event{
		Client: s.Client, Moment: scenario.Lost, Do: s.Step.Do, Place: s.Step.Place, Round: s.Round,
		Locks: s.Step.Locks, Token: token, Err: err, Line: logline.Lost(s.Client, err),
	}
}
