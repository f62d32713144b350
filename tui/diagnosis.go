package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
)

// verdict is what is wrong with the locks of a snapshot, indexed for screens.
type verdict struct {
	diagnose.Diagnosis
	known   bool
	byLock  map[inspect.LockID][]int // findings of each lock, worst first
	weighty []int64                  // leases, those of whoever is waited for first
	at      time.Time
	took    time.Duration
}

// edition tells verdicts apart: what was seen, and when. Nobody knows when the
// past was.
type edition struct {
	revision int64
	at       time.Time
}

func (v *verdict) edition() edition { return edition{v.Snapshot.Revision, v.at} }

// diagnosedMsg brings a verdict.
type diagnosedMsg struct{ verdict verdict }

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

// doctor decides when to diagnose.
type doctor struct {
	busy  bool
	stale bool // something has changed since
	began time.Time
	took  time.Duration
}

func (d *doctor) due(now time.Time) bool {
	if d.busy {
		return false
	}
	every, rest := diagnoseIdle, d.took*diagnoseSleep
	if d.stale {
		every, rest = diagnoseEvery, d.took*diagnoseRest
	}
	return now.Sub(d.began) >= max(every, rest)
}

// diagnose starts a diagnosis of the live snapshot when it is time to.
func (m *model) diagnose() tea.Cmd {
	if !m.connected() || !m.doctor.due(m.now) {
		return nil
	}
	m.doctor.busy, m.doctor.stale, m.doctor.began = true, false, m.now
	s, leases, now := m.live.snapshot, m.book.facts(), m.now
	return m.tasks.cmd(func() tea.Msg { return diagnosedMsg{newVerdict(s, leases, now)} })
}

func (m *model) diagnosed(msg diagnosedMsg) tea.Cmd {
	m.doctor.busy, m.doctor.took = false, msg.verdict.took
	m.live.verdict = msg.verdict
	m.book.want(msg.verdict.weighty)
	if m.still != nil {
		return nil
	}
	return m.tellAll(refreshMsg{})
}

// newVerdict diagnoses. It is pure but for measuring how long it takes.
func newVerdict(s inspect.Snapshot, leases map[int64]inspect.Lease, now time.Time) verdict {
	began := time.Now()
	v := verdict{
		Diagnosis: diagnose.Locks(s, leases, diagnose.Thresholds{}, now),
		known:     true, byLock: map[inspect.LockID][]int{}, weighty: weighty(s), at: now,
	}
	for i, f := range v.Findings {
		for _, id := range f.Locks {
			v.byLock[id] = append(v.byLock[id], i)
		}
	}
	v.took = time.Since(began)
	return v
}

// worst is the worst finding of a lock, its zero value when there is none.
func (v *verdict) worst(id inspect.LockID) diagnose.Finding {
	found := v.byLock[id]
	if len(found) == 0 {
		return diagnose.Finding{}
	}
	return v.Findings[found[0]]
}

// weighty are the leases of a snapshot: those that others wait for, then those
// of other holders, then those of waiters.
func weighty(s inspect.Snapshot) []int64 {
	var groups [3][]int64
	seen := map[int64]bool{0: true}
	for group := range groups {
		for _, l := range s.Locks {
			contended := len(l.Queue) > 0 && !l.Queue[len(l.Queue)-1].Holding
			for _, r := range l.Queue {
				if !seen[r.Lease] && (group == 2 || r.Holding && (group == 1 || contended)) {
					seen[r.Lease] = true
					groups[group] = append(groups[group], r.Lease)
				}
			}
		}
	}
	return append(append(groups[0], groups[1]...), groups[2]...)
}
