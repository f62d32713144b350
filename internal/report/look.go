package report

import (
	"etcd-lock/rwlock"
	"etcd-lock/simulate"

	"etcd-lock/simulate/scenario"
)

// Look is what a place in a lane looks like.
type Look uint8

// The looks of states and of marks.
const (
	Nothing Look = iota
	Idle
	Waits
	WaitsHolding
	Reads
	Writes
	Paused
	Vain
	Fenced
	Lost
	Crashed
	Fault
)

// sign tells looks apart without colours. Writing fills a lane, and reading
// leaves room for others.
func (l Look) sign() string {
	return [...]string{
		Nothing: " ", Idle: "·", Waits: "░", WaitsHolding: "▒", Reads: "▄", Writes: "█", Paused: "╌",
		Vain: "!", Fenced: "⊘", Lost: "✗", Crashed: "†", Fault: "▼",
	}[l]
}

// meaning is what the legend says; nothing for what needs no words there.
func (l Look) meaning() string {
	return [...]string{
		Nothing: "", Idle: "", Waits: "waits", WaitsHolding: "waits, holds", Reads: "reads", Writes: "writes", Paused: "paused",
		Vain: "in vain", Fenced: "fenced", Lost: "lost", Crashed: "crashed", Fault: "",
	}[l]
}

func lookOf(s simulate.State) Look {
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
	case s.Holds == rwlock.Read:
		return Reads
	default:
		return Idle
	}
}

func lookOfMark(m scenario.Moment) Look {
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
		return Vain
	}
}
