package load

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/verify"

	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// Tally is what acquisitions in one mode came to, or all of them.
type Tally struct {
	Grants     int64
	Timeouts   int64         // not granted within the client's time
	Lost       int64         // the session ended or the key was deleted, waiting or holding
	Failed     int64         // anything else that etcd refused or did not answer
	Unfinished int64         // still waiting when time was up, and in no other number here
	Longest    time.Duration // how long the longest of these had waited
	PerClient  []int64       // grants of each client that asks for such
	waited     *hdrhistogram.Histogram
}

// Waits are recorded to three digits, from a microsecond to an hour.
const (
	waitUnit    = time.Microsecond
	longestWait = time.Hour
	waitDigits  = 3
)

func newTally() Tally {
	return Tally{waited: hdrhistogram.New(1, int64(longestWait/waitUnit), waitDigits)}
}

// Errors are all acquisitions and holds that something went wrong with.
func (t Tally) Errors() int64 { return t.Timeouts + t.Lost + t.Failed }

// Wait is how long the grants took at most that percent of them are, from 0 to
// 100.
func (t Tally) Wait(percent float64) time.Duration {
	return time.Duration(t.waited.ValueAtPercentile(percent)) * waitUnit
}

// MinWait and MaxWait are the shortest and the longest wait of a grant.
func (t Tally) MinWait() time.Duration { return time.Duration(t.waited.Min()) * waitUnit }

// MaxWait is the longest wait, or 0 when nothing was granted.
func (t Tally) MaxWait() time.Duration { return time.Duration(t.waited.Max()) * waitUnit }

// MeanWait is the mean wait of a grant.
func (t Tally) MeanWait() time.Duration {
	return time.Duration(t.waited.Mean() * float64(waitUnit))
}

// Fairness is Jain's index over the clients' grants: 1 when all have as many,
// 1/n when one of n has them all. There is none without a grant.
func (t Tally) Fairness() (float64, bool) {
	var sum, squares float64
	for _, n := range t.PerClient {
		sum += float64(n)
		squares += float64(n) * float64(n)
	}
	if sum == 0 {
		return 0, false
	}
	return sum * sum / (float64(len(t.PerClient)) * squares), true
}

// Worst and Best are the fewest and the most grants of a client.
func (t Tally) Worst() int64 { return slices.Min(append([]int64{t.Best()}, t.PerClient...)) }

// Best is the number of grants of the client that got most.
func (t Tally) Best() int64 { return slices.Max(append([]int64{0}, t.PerClient...)) }

// clone is a tally of its own.
func (t Tally) clone() Tally {
	t.waited = t.waited.Clone()
	t.PerClient = slices.Clone(t.PerClient)
	return t
}

// plus is both tallies, but for PerClient.
func (t Tally) plus(o Tally) Tally {
	t = t.clone()
	t.Grants += o.Grants
	t.Timeouts += o.Timeouts
	t.Lost += o.Lost
	t.Failed += o.Failed
	t.Unfinished += o.Unfinished
	t.Longest = max(t.Longest, o.Longest)
	t.waited.Merge(o.waited)
	return t
}

// meter measures a workload. Only what happens between start and stop counts.
type meter struct {
	workload Workload
	begin    time.Time // of the round

	mu       sync.Mutex
	running  bool
	end      time.Duration // of the round, once it has stopped
	before   time.Duration // the rounds before
	tallies  map[rwlock.Mode]*Tally
	clients  []ClientTally
	waiting  int
	fenced   int
	violated int
	told     []string
	first    error
}

// maxTold is how many violations are told of: one is enough to know.
const maxTold = 10

func newMeter(w Workload) *meter {
	read, write := newTally(), newTally()
	m := &meter{workload: w, tallies: map[rwlock.Mode]*Tally{rwlock.Read: &read, rwlock.Write: &write}}
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

// stop ends it.
func (m *meter) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running, m.end = false, m.now()
	m.before += m.end
}

// now is the time since the round began.
func (m *meter) now() time.Duration { return time.Since(m.begin) }

// at is when t is, by the same clock.
func (m *meter) at(t time.Time) time.Duration { return t.Sub(m.begin) }

// granted notes that a client was just given what it was due to ask for.
func (m *meter) granted(client int, mode rwlock.Mode, due time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.running {
		m.leftOver(mode, due)
		return
	}
	t := m.tallies[mode]
	t.Grants++
	_ = t.waited.RecordValue(int64(min(m.now()-due, longestWait) / waitUnit)) // which is within its bounds
	if mode == rwlock.Write {
		m.clients[client].Writes++
	} else {
		m.clients[client].Reads++
	}
}

// unserved notes what was not granted in a round that has ended, and reports
// whether it was due at all.
func (m *meter) unserved(mode rwlock.Mode, due time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.leftOver(mode, due)
}

// leftOver is unserved for one who holds m.mu.
func (m *meter) leftOver(mode rwlock.Mode, due time.Duration) bool {
	if due > m.end {
		return false
	}
	t := m.tallies[mode]
	t.Unfinished++
	t.Longest = max(t.Longest, m.end-due)
	return true
}

// failed notes what was not granted, or not held to the end.
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
	case outcome.Of(err) == scenario.Lost:
		t.Lost++
	default:
		t.Failed++
	}
	if m.first == nil {
		m.first = err
	}
}

// waits notes how many more clients wait now.
func (m *meter) waits(more int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting += more
}

// judged notes what a grant broke. That counts at any time.
func (m *meter) judged(v verify.Verdict) {
	if len(v.Violations)+len(v.Fenced) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fenced += len(v.Fenced)
	m.violated += len(v.Violations)
	for _, v := range v.Violations {
		if len(m.told) < maxTold {
			m.told = append(m.told, v.Text)
		}
	}
}

// measured is what it came to so far.
func (m *meter) measured() Measured {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := Measured{
		Name: m.workload.Name, Elapsed: m.before, Clients: slices.Clone(m.clients),
		Read: m.tallies[rwlock.Read].clone(), Write: m.tallies[rwlock.Write].clone(),
		Fenced: m.fenced, Violations: slices.Clone(m.told), Violated: m.violated, FirstError: m.first,
	}
	if m.running {
		r.Elapsed += m.now()
	}
	r.All = r.Read.plus(r.Write)
	i := 0
	for _, role := range m.workload.Roles {
		for range role.Count {
			r.share(role, r.Clients[i])
			i++
		}
	}
	return r
}

// share adds a client's grants to what they are to be compared with.
func (r *Measured) share(role Role, c ClientTally) {
	r.All.PerClient = append(r.All.PerClient, c.Reads+c.Writes)
	if role.Writes < 1 {
		r.Read.PerClient = append(r.Read.PerClient, c.Reads)
	}
	if role.Writes > 0 {
		r.Write.PerClient = append(r.Write.PerClient, c.Writes)
	}
}

func (m *meter) progress(round int) Progress {
	p := Progress{Measured: m.measured(), Round: round}
	m.mu.Lock()
	defer m.mu.Unlock()
	p.Waiting = m.waiting
	return p
}

// PerSecond is how many of that were in a second.
func (m Measured) PerSecond(n int64) float64 {
	if m.Elapsed <= 0 {
		return 0
	}
	return float64(n) / m.Elapsed.Seconds()
}
