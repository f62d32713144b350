// Package ongoing says what is new among things that are found again and again, such as
// problems, and what is not found any more.
package ongoing

import (
	"maps"
	"slices"
	"time"
)

const (
	maxDoublings = 5         // of Quiet
	forgetAfter  = time.Hour // what ended longer ago is not known to come back
	maxEnded     = 10_000    // that are remembered
)

// Set is the things that are there. It is not safe for concurrent use.
//
// Something that comes and goes is raised once, not each time: it counts as ended when it
// has not been found for Quiet. Each time that it comes back within an hour of its end,
// that takes twice as long as before, up to 32 times Quiet.
type Set[T any] struct {
	ID    func(T) string           // identifies a thing, whatever else of it changes
	Worse func(before, now T) bool // nil: nothing gets worse
	Quiet time.Duration            // 0: what is not found once has ended
	open  map[string]*episode[T]   // by ID
	ended map[string]ended         // by ID
}

// episode is the time in which a thing is there.
type episode[T any] struct {
	last    T         // as it was found last
	worst   T         // as it was when it was raised, or got worse
	missing time.Time // since when it is not found; zero while it is
	quiet   time.Duration
}

type ended struct {
	at    time.Time
	quiet time.Duration
}

// Changes are what is different since the last look.
type Changes[T any] struct {
	Raised  []T // in the order in which they were found
	Worse   []T // that had been raised before, and are worse than they ever were since
	Cleared []T // as they were found last, by ID
}

// Look takes in everything that is found at a time. Of several things with one ID, the
// first one counts.
func (s *Set[T]) Look(now time.Time, all []T) (c Changes[T]) {
	found := make(map[string]bool, len(all))
	for _, thing := range all {
		id := s.ID(thing)
		if found[id] {
			continue
		}
		found[id] = true
		e, known := s.open[id]
		switch {
		case !known:
			s.begin(id, thing, now)
			c.Raised = append(c.Raised, thing)
		case s.Worse != nil && s.Worse(e.worst, thing):
			e.last, e.worst, e.missing = thing, thing, time.Time{}
			c.Worse = append(c.Worse, thing)
		default:
			e.last, e.missing = thing, time.Time{}
		}
	}
	c.Cleared = s.end(now, found)
	return c
}

// begin notes that a thing is there.
func (s *Set[T]) begin(id string, thing T, now time.Time) {
	if s.open == nil {
		s.open, s.ended = map[string]*episode[T]{}, map[string]ended{}
	}
	quiet := s.Quiet
	if before, ok := s.ended[id]; ok && now.Sub(before.at) < forgetAfter {
		quiet = min(2*before.quiet, s.Quiet<<maxDoublings)
	}
	delete(s.ended, id)
	s.open[id] = &episode[T]{last: thing, worst: thing, quiet: quiet}
}

// end removes what is not found, and has not been for long enough.
func (s *Set[T]) end(now time.Time, found map[string]bool) (cleared []T) {
	for _, id := range slices.Sorted(maps.Keys(s.open)) {
		e := s.open[id]
		if found[id] {
			continue
		}
		if e.missing.IsZero() {
			e.missing = now
		}
		if now.Sub(e.missing) < e.quiet {
			continue
		}
		cleared = append(cleared, e.last)
		delete(s.open, id)
		s.remember(id, ended{at: now, quiet: e.quiet})
	}
	return cleared
}

// remember notes that a thing has ended, in case it comes back.
func (s *Set[T]) remember(id string, e ended) {
	if s.Quiet == 0 {
		return
	}
	if len(s.ended) >= maxEnded {
		maps.DeleteFunc(s.ended, func(_ string, old ended) bool { return e.at.Sub(old.at) >= forgetAfter })
	}
	if len(s.ended) < maxEnded {
		s.ended[id] = e
	}
}

// Open returns what is there, by ID.
func (s *Set[T]) Open() []T {
	all := make([]T, 0, len(s.open))
	for _, id := range slices.Sorted(maps.Keys(s.open)) {
		all = append(all, s.open[id].last)
	}
	return all
}

// Forget makes everything new that is found from now on.
func (s *Set[T]) Forget() { s.open, s.ended = nil, nil }
