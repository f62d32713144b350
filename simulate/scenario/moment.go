package scenario

import "slices"

// Moment is something that happens to a client in a run. Some of them are
// outcomes of a step.
type Moment string

// The moments that a file can speak of, by its words.
const (
	Asked      Moment = "asked"      // it is about to ask for a lock
	Waiting    Moment = "waiting"    // outcome: others are ahead of it
	Granted    Moment = "granted"    // outcome: it has the lock
	Refused    Moment = "refused"    // outcome: a try or an upgrade would have had to wait
	Deadline   Moment = "deadline"   // outcome: it did not get the lock in time
	Cancelled  Moment = "cancelled"  // outcome: it changed its mind
	Lost       Moment = "lost"       // outcome: its session ended or its key was deleted, waiting or holding
	Downgraded Moment = "downgraded" // it holds for reading what it held for writing
	Released   Moment = "released"
	Paused     Moment = "paused"
	Resumed    Moment = "resumed"
	Crashed    Moment = "crashed"
	Closed     Moment = "closed"
)

// The moments that a file cannot speak of.
const (
	Preparing Moment = "preparing" // the run: sessions are about to be opened
	Ready     Moment = "ready"     // its session is open
	Failed    Moment = "failed"    // etcd refused what it asked for, or did not answer
	Fenced    Moment = "fenced"    // it believes in a lock that is another's, whose token is larger
	Faulty    Moment = "fault"     // the run: a fault is about to be made
)

// outcomes are the moments that can be expected of a step.
func outcomes() []Moment {
	return []Moment{Granted, Waiting, Deadline, Cancelled, Refused, Lost}
}

// moments are those that an order can speak of.
func moments() []Moment {
	return append([]Moment{Asked, Released, Downgraded, Paused, Resumed, Crashed, Closed}, outcomes()...)
}

// Ends reports whether m is how an acquisition can end.
func (m Moment) Ends() bool { return m != Waiting && slices.Contains(outcomes(), m) }

// Can reports whether m can come of the step.
func (s Step) Can(m Moment) bool {
	asks := s.Do.Takes() || s.Do == Upgrade
	switch m {
	case Asked, Granted, Deadline, Lost:
		return asks
	case Waiting:
		return s.Do.Takes() && !s.Try
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

// causes are the steps that always bring one moment about.
func causes() map[Moment]Action {
	return map[Moment]Action{
		Released: Unlock, Downgraded: Downgrade, Paused: Pause, Resumed: Resume, Closed: Close,
	}
}

// The words of the log. "waiting" is said before a lock is asked for.
const (
	LogPrepare  = "PREPARE MUTEXES"
	LogReady    = "LOCK"
	LogWaiting  = "waiting lock "
	LogGranted  = "got lock "
	LogReleased = "released rlock for "
)
