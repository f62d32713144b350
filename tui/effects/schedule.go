package effects

import "time"

// A diagnosis takes time in proportion to the number of requests. It runs in the
// background, often enough to be fresh and rarely enough to cost a small part of
// a core: after a change at most once a second, and without one rarely, since
// waits grow long by themselves.
const (
	diagnoseEvery = time.Second
	diagnoseIdle  = 5 * time.Second
	diagnoseRest  = 40 // times as long as it took
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
