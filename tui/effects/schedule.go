package effects

import "time"

// Diagnosing takes time with the number of requests. It is done beside the
// screens, so often that it costs a small part of a core: after a change no
// sooner than a second after the one before, and without one, as waits grow
// long by themselves, rarely.
const (
	diagnoseEvery = time.Second
	diagnoseIdle  = 5 * time.Second
	diagnoseRest  = 20 // times as long as it took
	diagnoseSleep = 200
)

// diagnosisSchedule decides when to diagnose.
type diagnosisSchedule struct {
	busy  bool
	stale bool // something has changed since
	began time.Time
	took  time.Duration
}

// due reports whether it is time for a diagnosis.
func (d *diagnosisSchedule) due(now time.Time) bool {
	if d.busy {
		return false
	}
	every, rest := diagnoseIdle, d.took*diagnoseSleep
	if d.stale {
		every, rest = diagnoseEvery, d.took*diagnoseRest
	}
	return now.Sub(d.began) >= max(every, rest)
}

func (d *diagnosisSchedule) start(now time.Time) { d.busy, d.stale, d.began = true, false, now }
