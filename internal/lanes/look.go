// Package lanes works out how the lanes of a run are drawn: which look each column of a
// lane has. Terminals and pages only add colours.
package lanes

import (
	"etcd-lock/rwlock"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// Look is what one column of a lane shows.
type Look uint8

// The looks of states, the weakest first, and of marks.
const (
	Nothing Look = iota // before the client was ready, or after it has left
	Idle
	Waits
	WaitsHolding // waits for one lock and holds another
	Holds        // in an unknown mode
	Reads
	Slots // of a semaphore
	Writes
	Paused
	Failed // a lock was not granted, or not released
	Fenced
	Lost
	Crashed
	Fault
)

// Sign returns the character for the look, which tells looks apart without colours.
// Writes fills a lane, and Reads and Slots leave room for others.
func (l Look) Sign() string {
	return [...]string{
		Nothing: " ", Idle: "·", Waits: "░", WaitsHolding: "▒", Holds: "▇", Reads: "▄", Slots: "▆", Writes: "█", Paused: "╌",
		Failed: "!", Fenced: "⊘", Lost: "✗", Crashed: "†", Fault: "▼",
	}[l]
}

// Meaning returns the word of the legend for the look; "" if it needs none.
func (l Look) Meaning() string {
	return [...]string{
		Nothing: "", Idle: "", Waits: "waits", WaitsHolding: "waits, holds", Holds: "holds", Reads: "reads", Slots: "slots", Writes: "writes", Paused: "paused",
		Failed: "failed", Fenced: "fenced", Lost: "lost", Crashed: "crashed", Fault: "",
	}[l]
}

// OfState returns the look of a state.
func OfState(s outcome.State) Look {
	switch {
	case s.Gone:
		return Nothing
	case s.Paused:
		return Paused
	case s.Waits && s.Holds != 0:
		return WaitsHolding
	case s.Waits:
		return Waits
	case s.Holds == rwlock.Write:
		return Writes
	case s.Holds == rwlock.Slot:
		return Slots
	case s.Holds == rwlock.Read:
		return Reads
	default:
		return Idle
	}
}

// OfMark returns the look of a mark.
func OfMark(m scenario.Moment) Look {
	switch m {
	case scenario.Lost:
		return Lost
	case scenario.Crashed:
		return Crashed
	case scenario.Fenced:
		return Fenced
	case scenario.Faulty:
		return Fault
	default:
		return Failed
	}
}
