package scenario

import "slices"

// Moment is a kind of event of a client in a run. Some moments are outcomes of a step.
type Moment string

// The moments that a file can name.
const (
	Asked      Moment = "asked"      // it is about to request a lock
	Waiting    Moment = "waiting"    // outcome: others are ahead of it
	Granted    Moment = "granted"    // outcome: it holds the lock
	Refused    Moment = "refused"    // outcome: a try or an upgrade would have had to wait
	Deadline   Moment = "deadline"   // outcome: it was not granted the lock in time
	Cancelled  Moment = "cancelled"  // outcome: it canceled its wait
	Lost       Moment = "lost"       // outcome: its session ended or its key was deleted, while it waited or held the lock
	Downgraded Moment = "downgraded" // it holds for reading what it held for writing
	Released   Moment = "released"
	Paused     Moment = "paused"
	Resumed    Moment = "resumed"
	Crashed    Moment = "crashed"
	Closed     Moment = "closed"
)

// The moments that a file cannot name.
const (
	Preparing Moment = "preparing" // of the run: sessions are about to be opened
	Ready     Moment = "ready"     // its session is open
	Failed    Moment = "failed"    // etcd refused a request, or did not answer it
	Fenced    Moment = "fenced"    // it believed to hold a lock that another client held, whose token is larger
	Faulty    Moment = "fault"     // of the run: a fault is about to be injected
)

// outcomes returns the moments that can be expected of a step.
func outcomes() []Moment {
	return []Moment{Granted, Waiting, Deadline, Cancelled, Refused, Lost}
}

// moments returns the moments that an order can name.
func moments() []Moment {
	return append([]Moment{Asked, Released, Downgraded, Paused, Resumed, Crashed, Closed}, outcomes()...)
}

// Ends reports whether m can be the end of an acquisition.
func (m Moment) Ends() bool { return m != Waiting && slices.Contains(outcomes(), m) }

// Can reports whether m can happen in the step.
func (s Step) Can(m Moment) bool {
	requests := s.Do.Acquires() || s.Do == Upgrade
	switch m {
	case Asked, Granted, Deadline, Lost:
		return requests
	case Waiting:
		return s.Do.Acquires() && !s.Try
	case Cancelled:
		return s.Cancel.To > 0
	case Crashed:
		return s.Do == Crash || s.Crash.To > 0
	case Refused:
		return s.Try || s.Do == Upgrade
	default:
		return s.Do == causes()[m]
	}
}

// causes returns the actions that always cause one moment.
func causes() map[Moment]Action {
	return map[Moment]Action{
		Released: Unlock, Downgraded: Downgrade, Paused: Pause, Resumed: Resume, Closed: Close,
	}
}
