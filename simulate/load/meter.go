package load

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/scenario"
	"etcd-lock/simulate/verify"
)

// meter measures a workload. Only what happens between start and stop counts.
type meter struct {
	workload Workload
	begin    time.Time // of the round

	mu         sync.Mutex
	running    bool
	end        time.Duration // of the round, once it has stopped
	before     time.Duration // of the rounds before
	tallies    map[rwlock.Mode]*Tally
	clients    []ClientTally
	waiting    int
	fenced     int
	violated   int
	violations []string // the first of them
	firstError error
}

// maxViolations is how many violations are kept: one is enough to know.
const maxViolations = 10

func newMeter(w Workload) *meter {
	m := &meter{workload: w, tallies: map[rwlock.Mode]*Tally{}}
	for _, mode := range []rwlock.Mode{rwlock.Read, rwlock.Write, rwlock.Slot} {
		t := newTally()
		m.tallies[mode] = &t
	}
	for _, name := range w.names() {
		m.clients = append(m.clients, ClientTally{Name: name})
	}
	return m
}

// start begins a round.
func (m *meter) start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begin, m.running, m.end = time.Now(), true, 0
}

// stop ends the round.
func (m *meter) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running, m.end = false, m.now()
	m.before += m.end
}

// now returns the time since the round began.
func (m *meter) now() time.Duration { return time.Since(m.begin) }

// at returns t by the same clock.
func (m *meter) at(t time.Time) time.Duration { return t.Sub(m.begin) }

// granted counts a grant of a request that arrived at due.
func (m *meter) granted(client int, mode rwlock.Mode, due time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.running {
		m.addUnserved(mode, due)
		return
	}
	m.tallies[mode].record(m.now() - due)
	switch c := &m.clients[client]; mode {
	case rwlock.Write:
		c.Writes++
	case rwlock.Slot:
		c.Slots++
	default:
		c.Reads++
	}
}

// unserved counts a request that was not granted before the end of the round, and reports
// whether it had arrived by then.
func (m *meter) unserved(mode rwlock.Mode, due time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.addUnserved(mode, due)
}

// addUnserved is unserved for callers that hold m.mu.
func (m *meter) addUnserved(mode rwlock.Mode, due time.Duration) bool {
	if due > m.end {
		return false
	}
	t := m.tallies[mode]
	t.Unfinished++
	t.Longest = max(t.Longest, m.end-due)
	return true
}

// failed counts an acquisition or a hold that failed.
func (m *meter) failed(mode rwlock.Mode, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.running {
		return
	}
	switch t := m.tallies[mode]; {
	case errors.Is(err, context.DeadlineExceeded):
		t.Timeouts++
		return
	case plan.MomentOf(err) == scenario.Lost:
		t.Lost++
	default:
		t.Failed++
	}
	if m.firstError == nil {
		m.firstError = err
	}
}

// addWaiting changes how many clients wait now.
func (m *meter) addWaiting(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting += n
}

// addVerdict counts the violations of a grant, also when the meter has stopped.
func (m *meter) addVerdict(v verify.Verdict) {
	if len(v.Violations)+len(v.Fenced) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fenced += len(v.Fenced)
	m.violated += len(v.Violations)
	for _, v := range v.Violations {
		if len(m.violations) < maxViolations {
			m.violations = append(m.violations, v.Text)
		}
	}
}

// measured returns what was measured so far.
func (m *meter) measured() Measured {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := Measured{
		Name: m.workload.Name, Elapsed: m.before, Clients: slices.Clone(m.clients),
		Read: m.tallies[rwlock.Read].clone(), Write: m.tallies[rwlock.Write].clone(), Slot: m.tallies[rwlock.Slot].clone(),
		Fenced: m.fenced, Violations: slices.Clone(m.violations), Violated: m.violated, FirstError: m.firstError,
	}
	if m.running {
		r.Elapsed += m.now()
	}
	r.All = r.Read.plus(r.Write).plus(r.Slot)
	i := 0
	for _, role := range m.workload.Roles {
		for range role.Count {
			r.addClient(role, r.Clients[i])
			i++
		}
	}
	return r
}

// addClient adds a client's grants to PerClient of the tallies of its modes.
func (m *Measured) addClient(role Role, c ClientTally) {
	m.All.PerClient = append(m.All.PerClient, c.Reads+c.Writes+c.Slots)
	if role.Permits > 0 {
		m.Slot.PerClient = append(m.Slot.PerClient, c.Slots)
		return
	}
	if role.Writes < 1 {
		m.Read.PerClient = append(m.Read.PerClient, c.Reads)
	}
	if role.Writes > 0 {
		m.Write.PerClient = append(m.Write.PerClient, c.Writes)
	}
}

func (m *meter) progress(round int) Progress {
	p := Progress{Measured: m.measured(), Round: round}
	m.mu.Lock()
	defer m.mu.Unlock()
	p.Waiting = m.waiting
	return p
}
