package export

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/patrol"
)

// Describe implements prometheus.Collector.
func (s *state) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range constant() {
		ch <- m.desc
	}
	s.wait.Describe(ch)
	s.hold.Describe(ch)
}

// Collect implements prometheus.Collector.
func (s *state) Collect(ch chan<- prometheus.Metric) {
	s.wait.Collect(ch)
	s.hold.Collect(ch)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.collectHealth(ch, now)
	if _, err := s.silence(); err == nil && s.last.Revision > 0 {
		mRevision.send(ch, float64(s.last.Revision))
		s.collectLocks(ch, now)
		s.collectFindings(ch)
	}
	known, folded := s.classes.counts()
	mClasses.send(ch, float64(known))
	mFoldedClass.send(ch, float64(folded))
}

// collectHealth sends how this program is.
func (s *state) collectHealth(ch chan<- prometheus.Metric, now time.Time) {
	contact := s.contact
	if s.err == nil {
		contact = now
	}
	mUp.send(ch, one(s.err == nil))
	if !contact.IsZero() {
		mContact.send(ch, timestamp(contact))
	}
	switch {
	case s.target > 0:
		mLag.send(ch, seconds(now.Sub(s.since)))
	case s.err == nil:
		mLag.send(ch, 0)
	}
	for _, c := range []inspect.ResyncCause{inspect.ResyncCompacted, inspect.ResyncOtherCluster, inspect.ResyncWentBack, inspect.ResyncReplaced, inspect.ResyncSilent} {
		mResyncs.send(ch, float64(s.resyncs[c]), string(c))
	}
	mMissed.send(ch, float64(s.missed))
}

// collectFindings sends what the last round has found.
func (s *state) collectFindings(ch chan<- prometheus.Metric) {
	if s.round.Began.IsZero() {
		return
	}
	mDiagnosed.send(ch, timestamp(s.round.Began))
	mDiagnosis.send(ch, s.round.Took.Seconds())
	mIncomplete.send(ch, one(len(s.round.Unknown) > 0))
	for id, n := range s.found {
		mFindings.send(ch, float64(n), id[0], id[1])
	}
}

// countFindings counts findings by kind and severity: 0 of those that were found before and
// are not any more.
func countFindings(r patrol.Round, counts map[[2]string]int) {
	for id := range counts {
		counts[id] = 0
	}
	for _, f := range r.Findings {
		counts[[2]string{string(f.Kind), f.Severity.String()}]++
	}
}

// census is the numbers of the locks.
type census struct {
	locks   map[[2]string]int    // by layout and state
	holders map[string][2]int    // by layout; readers and writers
	waiters map[string]int       // by layout whose waiting clients leave a key
	unknown map[string]bool      // layouts whose holders cannot be read
	wait    map[string]time.Time // of each class, since when the first one waits
	hold    map[string]time.Time // of each class, since when the first one holds
}

// collectLocks sends the numbers of the locks.
func (s *state) collectLocks(ch chan<- prometheus.Metric, now time.Time) {
	c := census{
		locks: map[[2]string]int{}, holders: map[string][2]int{}, waiters: map[string]int{}, unknown: map[string]bool{},
		wait: map[string]time.Time{}, hold: map[string]time.Time{},
	}
	for _, l := range s.last.Locks {
		s.count(&c, l, now)
	}
	for id := range s.layouts {
		mLocks.send(ch, float64(c.locks[id]), id[0], id[1])
	}
	for layout, n := range c.holders {
		if !c.unknown[layout] {
			mHolders.send(ch, float64(n[0]), layout, keyspace.Read.String())
			mHolders.send(ch, float64(n[1]), layout, keyspace.Write.String())
		}
	}
	for layout, n := range c.waiters {
		mWaiters.send(ch, float64(n), layout)
	}
	sendAges(ch, mLongestWait, c.wait, s.waited, now)
	sendAges(ch, mLongestHold, c.hold, s.held, now)
}

// sendAges sends how long something has lasted in each class: 0 where nothing has begun, and
// nothing where it is not known when.
func sendAges(ch chan<- prometheus.Metric, m metric, began map[string]time.Time, all map[string]bool, now time.Time) {
	for class := range all {
		switch t, ok := began[class]; {
		case !ok:
			m.send(ch, 0, class)
		case !t.IsZero():
			m.send(ch, seconds(now.Sub(t)), class)
		}
	}
}

// count counts a lock.
func (s *state) count(c *census, l inspect.Lock, now time.Time) {
	layout := label(l.ID.Layout.String())
	id := [2]string{layout, string(l.StateAt(now))}
	c.locks[id]++
	s.layouts[id] = true
	class := s.classes.of(l.ID.Name)
	holders, waiters := c.holders[layout], 0
	for i := range l.Queue {
		switch r := &l.Queue[i]; {
		case r.Encrypted:
			c.unknown[layout] = true
		case r.Holding:
			holders[mode(r.Mode)] += slots(r)
			s.held[class] = true
			first(c.hold, class, r.Start().NotAfter)
		case r.Waiting():
			waiters++
			first(c.wait, class, r.Start().NotAfter)
		}
	}
	c.holders[layout] = holders
	if l.ID.Layout.Waiters {
		c.waiters[layout] += waiters
		s.waited[class] = true
	}
}

func mode(m keyspace.Mode) int {
	if m == keyspace.Read {
		return 0
	}
	return 1
}

// slots returns how many clients a request that holds stands for.
func slots(r *inspect.Request) int {
	if r.Slots != nil {
		return len(r.Slots.Holders)
	}
	return 1
}

// first notes the first time of a class that is known, and a time of zero if none is.
func first(all map[string]time.Time, class string, t time.Time) {
	if old := all[class]; old.IsZero() || !t.IsZero() && t.Before(old) {
		all[class] = t
	}
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func timestamp(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
