package export

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/patrol"
)

// state is what is known of the locks. A patrol writes it, and requests for the metrics
// read it.
type state struct {
	now     func() time.Time
	stale   time.Duration // without contact, until the locks are not known
	classes *classes
	wait    *prometheus.HistogramVec
	hold    *prometheus.HistogramVec

	waiting map[string]time.Time // when the requests that wait were seen to join; of the patrol only

	mu      sync.Mutex
	last    inspect.Snapshot
	err     error     // why etcd is not in contact; nil while it is
	contact time.Time // the last one, while err is set; zero before the first
	resyncs map[inspect.ResyncCause]int
	missed  int
	round   patrol.Round // without what it has looked at and found, which would be kept until the next one
	target  int64        // a revision that etcd has and the watch has not reached; 0 without one
	since   time.Time    // when it was read

	layouts map[[2]string]bool // layouts and states that have been seen
	found   map[[2]string]int  // by kinds and severities that have been found, how many were at last
	waited  map[string]bool    // classes whose waiting clients leave a key
	held    map[string]bool    // classes that have had holders
}

func newState(c *classes, stale time.Duration, now func() time.Time, err error) *state {
	return &state{
		now: now, stale: stale, classes: c, wait: mWait.histogram(), hold: mHold.histogram(), err: err,
		waiting: map[string]time.Time{}, resyncs: map[inspect.ResyncCause]int{},
		layouts: map[[2]string]bool{}, found: map[[2]string]int{}, waited: map[string]bool{}, held: map[string]bool{},
	}
}

// fail notes that etcd is not in contact.
func (s *state) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.contact = s.now()
	}
	s.err = err
}

// Update implements patrol.Follower.
func (s *state) Update(u inspect.Update) {
	if u.Err != nil {
		s.fail(u.Err)
	}
	if u.Snapshot.Revision == 0 {
		return
	}
	first := s.take(u)
	switch {
	case first || u.Resynced.Happened() || u.Missed > 0:
		s.recount(u.Snapshot)
	default:
		for _, e := range u.Events {
			s.observe(e)
		}
	}
}

// take takes in the locks of an update. It reports whether they are the first ones.
func (s *state) take(u inspect.Update) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first = s.last.Revision == 0
	s.last = u.Snapshot
	if u.Err == nil {
		s.err = nil
	}
	if u.Resynced.Happened() && !first {
		s.resyncs[u.Resynced.Cause]++
	}
	if u.Missed > 0 {
		s.missed += u.Missed + len(u.Events)
	}
	if u.Snapshot.Revision >= s.target {
		s.target = 0
	}
	return first
}

// recount takes over who waits, where it is not known what has happened.
func (s *state) recount(now inspect.Snapshot) {
	clear(s.waiting)
	for _, l := range now.Locks {
		for _, r := range l.Queue {
			if r.Waiting() && r.Saw {
				s.waiting[r.Key] = r.Seen
			}
		}
	}
}

// observe takes in an event.
func (s *state) observe(e inspect.Event) {
	r := e.Request
	switch {
	case e.Kind.OfOther():
	case e.Kind == inspect.EventWaiting:
		if !e.Time.IsZero() && r.Saw {
			s.waiting[r.Key] = e.Time
		}
	case e.Kind == inspect.EventGranted:
		s.granted(e)
	default:
		delete(s.waiting, r.Key)
		if r.Holding && r.Saw && !e.Time.IsZero() && e.Kind != inspect.EventDetached {
			s.hold.WithLabelValues(s.classes.of(r.Lock.Name)).Observe(seconds(e.Time.Sub(r.Seen)))
		}
	}
}

// granted takes in that a client was granted its lock.
func (s *state) granted(e inspect.Event) {
	r := e.Request
	began, known := s.waiting[r.Key]
	delete(s.waiting, r.Key)
	if e.Time.IsZero() || !r.Lock.Layout.Waiters {
		return
	}
	if e.Revision == r.Revision { // at once
		began, known = e.Time, true
	}
	if known {
		s.wait.WithLabelValues(s.classes.of(r.Lock.Name)).Observe(seconds(e.Time.Sub(began)))
	}
}

// seconds returns a duration in seconds, 0 for one that a clock has made negative.
func seconds(d time.Duration) float64 { return max(0, d).Seconds() }

// Round implements patrol.Follower.
func (s *state) Round(r patrol.Round) {
	s.mu.Lock()
	defer s.mu.Unlock()
	countFindings(r, s.found)
	r.Snapshot, r.Leases, r.Findings = inspect.Snapshot{}, nil, nil
	s.round = r
	if s.target == 0 && r.Revision > s.last.Revision {
		s.target, s.since = r.Revision, r.Began
	}
}

// Tick implements patrol.Follower.
func (*state) Tick() {}

// health returns why the metrics of locks are not known, nil if they are, and for how long
// etcd has not been in contact.
func (s *state) health() (silent time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.silence()
}

// silence is health with s.mu held.
func (s *state) silence() (silent time.Duration, err error) {
	switch {
	case s.err == nil:
		return 0, nil
	case s.contact.IsZero():
		return 0, s.err
	}
	silent = s.now().Sub(s.contact)
	if silent < s.stale {
		return silent, nil
	}
	return silent, s.err
}
