package state

import (
	"cmp"
	"slices"
	"time"

	"etcd-lock/internal/inspect"
)

// JournalCapacity bounds how many ended requests are remembered.
const JournalCapacity = 8192

// Span is the requestSpan of a request as the watch has seen it.
type Span struct {
	inspect.Request
	Seen    time.Time         // when it was first seen, by the local clock; zero: before the watch began
	Granted time.Time         // when it was granted, by the local clock; zero: before the watch began, or never
	Ended   time.Time         // zero: it has not
	How     inspect.EventKind // it ended
}

// journal is the requests since the watch began, those that have ended too.
type journal struct {
	Living   map[string]Span           // by key
	sessions map[int64]map[string]bool // the keys of the living, by lease
	Ended    []Span                    // in the order in which they ended
	Began    time.Time
}

// Take notes an event.
func (j *journal) Take(e inspect.Event) {
	if e.Kind.OfOther() {
		return
	}
	s := j.Living[e.Request.Key]
	if e.Revision == e.Request.Revision {
		s.Seen = e.Time
	}
	s.Request = e.Request
	switch e.Kind {
	case inspect.EventWaiting:
		j.keep(s)
	case inspect.EventGranted:
		s.Granted = e.Time
		j.keep(s)
	default:
		s.Ended, s.How = e.Time, e.Kind
		j.drop(s)
		j.end(s)
	}
}

func (j *journal) keep(s Span) {
	if j.Living == nil {
		j.Living, j.sessions = map[string]Span{}, map[int64]map[string]bool{}
	}
	j.Living[s.Key] = s
	if j.sessions[s.Lease] == nil {
		j.sessions[s.Lease] = map[string]bool{}
	}
	j.sessions[s.Lease][s.Key] = true
}

func (j *journal) drop(s Span) {
	delete(j.Living, s.Key)
	if keys := j.sessions[s.Lease]; len(keys) > 1 {
		delete(keys, s.Key)
	} else if keys[s.Key] {
		delete(j.sessions, s.Lease)
	}
}

func (j *journal) end(s Span) {
	j.Ended = append(j.Ended, s)
	if len(j.Ended) >= 2*JournalCapacity { // rarely, so that a span costs little
		j.Ended = slices.Clone(j.Ended[len(j.Ended)-JournalCapacity:])
	}
}

// Prune forgets the living requests that a snapshot, which was read again, does
// not have.
func (j *journal) Prune(s inspect.Snapshot) {
	there := map[string]bool{}
	for _, l := range s.Locks {
		for _, r := range l.Queue {
			there[r.Key] = true
		}
	}
	for key, s := range j.Living {
		if !there[key] {
			j.drop(s)
		}
	}
}

// ForLock returns the spans of a lock: those that have ended, then those of its
// queue.
func (j *journal) ForLock(l inspect.Lock) []Span {
	var spans []Span
	for i := range j.Ended { // without a copy: there may be many
		if j.Ended[i].Lock == l.ID {
			spans = append(spans, j.Ended[i])
		}
	}
	for _, r := range l.Queue {
		s := j.Living[r.Key]
		s.Request = r
		spans = append(spans, s)
	}
	return spans
}

// ForLeases returns the spans of leases, by revision.
func (j *journal) ForLeases(leases map[int64]bool) []Span {
	var spans []Span
	for i := range j.Ended { // without a copy: there may be many
		if leases[j.Ended[i].Lease] {
			spans = append(spans, j.Ended[i])
		}
	}
	for lease := range leases {
		for key := range j.sessions[lease] {
			spans = append(spans, j.Living[key])
		}
	}
	slices.SortFunc(spans, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Key, b.Key))
	})
	return spans
}

// Begin returns when the request was made, as far as it is known.
func (s Span) Begin(from time.Time) time.Time {
	switch {
	case !s.Seen.IsZero():
		return s.Seen
	case !s.Since.IsZero():
		return s.Since
	default:
		return from
	}
}

// Lost reports whether the request ended with its session.
func (s Span) Lost() bool {
	return s.How == inspect.EventExpired || s.How == inspect.EventRevoked
}
