package inspect

import (
	"iter"
	"slices"
	"time"

	"etcd-lock/internal/format"
)

// Bound says how what is known of a start relates to the start.
type Bound uint8

// The bounds of an age.
const (
	AgeUnknown Bound = iota
	AgeExact
	AgeAtLeast // it began then or earlier
	AgeAtMost  // it began then or later
)

// String returns the word for JSON; it is empty for AgeUnknown.
func (b Bound) String() string { return [...]string{"", "exact", "at_least", "at_most"}[b] }

// Start is what is known of when something began. The two times are equal where
// that is known exactly.
type Start struct {
	NotBefore time.Time // zero: unknown
	NotAfter  time.Time // zero: unknown
}

// Start returns when the request began to hold its lock or to wait for it.
//
// A wait began when the request was made. A hold began when the watch saw it
// granted; else at some time since the request was made. A request that is older
// than the watch has held or waited since the watch began, at least.
func (r Request) Start() Start {
	if r.Vacant() || r.Encrypted {
		return Start{}
	}
	made := r.Since
	if !r.Seen.IsZero() && made.After(r.Seen) { // the owner's clock is ahead
		made = time.Time{}
	}
	switch {
	case r.Saw && (r.Holding || made.IsZero()):
		return Start{NotBefore: r.Seen, NotAfter: r.Seen}
	case r.Holding || made.IsZero():
		return Start{NotBefore: made, NotAfter: r.Seen}
	default:
		return Start{NotBefore: made, NotAfter: made}
	}
}

// Since returns the time that says most, and how it relates to the start: the
// exact time, else the earliest possible one, else the latest.
func (s Start) Since() (time.Time, Bound) {
	switch {
	case s == Start{}:
		return time.Time{}, AgeUnknown
	case s.NotBefore.IsZero():
		return s.NotAfter, AgeAtLeast
	case s.NotBefore.Equal(s.NotAfter):
		return s.NotBefore, AgeExact
	default:
		return s.NotBefore, AgeAtMost
	}
}

// Known reports whether anything is known of the start.
func (s Start) Known() bool { return s != Start{} }

// Compare orders starts by what Since returns, the earliest first.
func (s Start) Compare(other Start) int {
	a, _ := s.Since()
	b, _ := other.Since()
	return a.Compare(b)
}

// Short returns the age for a column, as in "12m", "≤12m" for at most and "≥54s"
// for at least; "-" when it is not known.
func (s Start) Short(now time.Time) string { return s.text(now, "-", "≥", "≤") }

// Words returns the age for a sentence, as in "12m", "at most 12m" and "at least
// 54s"; it is empty when it is not known.
func (s Start) Words(now time.Time) string { return s.text(now, "", "at least ", "at most ") }

func (s Start) text(now time.Time, unknown, least, most string) string {
	since, bound := s.Since()
	if now.IsZero() {
		return unknown
	}
	switch age := now.Sub(since); bound {
	case AgeExact:
		return format.Age(age)
	case AgeAtLeast:
		return least + format.Age(age)
	case AgeAtMost:
		return most + format.AgeUp(age)
	default:
		return unknown
	}
}

// LongestWait returns the start of the lock's longest wait.
func (l Lock) LongestWait() Start {
	return longest(pointers(l.Queue), (*Request).Waiting)
}

// LongestHold returns the start of the lock's longest hold.
func (l Lock) LongestHold() Start {
	return longest(pointers(l.Queue), func(r *Request) bool { return r.Holding })
}

// Longest returns the start of what has lasted longest of the session's holds and
// waits.
func (s Session) Longest() Start {
	return longest(slices.Values(s.Requests), func(*Request) bool { return true })
}

// longest returns the earliest of the starts of the wanted requests, which are in the
// order of their revisions. A wait is no longer than that of an earlier request.
func longest(requests iter.Seq[*Request], want func(*Request) bool) Start {
	var s Start
	first := true
	for r := range requests {
		if !want(r) {
			continue
		}
		one := r.Start()
		s.NotAfter = earlier(s.NotAfter, one.NotAfter)
		switch {
		case first:
			first = false
			s.NotBefore = one.NotBefore
		case s.NotBefore.IsZero() || one.NotBefore.IsZero() && !r.Holding:
		case one.NotBefore.IsZero():
			s.NotBefore = time.Time{}
		default:
			s.NotBefore = earlier(s.NotBefore, one.NotBefore)
		}
	}
	return s
}

// earlier returns the earlier one of two times, of which zero is unknown.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// see notes when the watch has first seen the requests of a listing hold or wait: at
// now, unless the state before it knows better.
func (s *state) see(before *state, now time.Time) {
	for _, l := range s.locks {
		for i := range l.Queue {
			r := &l.Queue[i]
			r.Seen = now
			if old, ok := before.find(r.Key); ok && old.Revision == r.Revision && old.Holding == r.Holding && !old.Seen.IsZero() {
				r.Seen, r.Saw = old.Seen, old.Saw
			}
		}
	}
}

// sawMoved notes that the watch sees requests come to hold, or to wait again.
func (s *state) sawMoved(queue []Request, moved []int) {
	for _, i := range moved {
		queue[i].Seen, queue[i].Saw = s.at, !s.late && !s.at.IsZero()
	}
}

// keepSeen keeps when the watch saw the request before it was written again.
func (r *Request) keepSeen(before Request) {
	r.Holding, r.Seen, r.Saw = before.Holding, before.Seen, before.Saw
}

// Unaged counts the requests of which it is not known when they began to hold or to
// wait: their clients recorded no time, and no watch has seen them.
func (s Snapshot) Unaged() (holders, waiters int) {
	for _, l := range s.Locks {
		for i := range l.Queue {
			r := &l.Queue[i]
			switch {
			case r.Start().Known(), r.Vacant(), r.Encrypted:
			case r.Holding:
				holders++
			default:
				waiters++
			}
		}
	}
	return holders, waiters
}
