package tui

import (
	"cmp"
	"slices"
	"time"

	"etcd-lock/internal/inspect"
)

// journalCapacity bounds how many ended requests are remembered.
const journalCapacity = 8192

// requestSpan is the requestSpan of a request as the watch has seen it.
type requestSpan struct {
	inspect.Request
	seen    time.Time         // when it was first seen, by the local clock; zero: before the watch began
	granted time.Time         // when it was granted, by the local clock; zero: before the watch began, or never
	ended   time.Time         // zero: it has not
	how     inspect.EventKind // it ended
}

// journal is the requests since the watch began, those that have ended too.
type journal struct {
	living   map[string]requestSpan    // by key
	sessions map[int64]map[string]bool // the keys of the living, by lease
	ended    []requestSpan             // in the order in which they ended
	began    time.Time
}

// take notes an event.
func (j *journal) take(e inspect.Event) {
	s := j.living[e.Request.Key]
	if e.Revision == e.Request.Revision {
		s.seen = e.Time
	}
	s.Request = e.Request
	switch e.Kind {
	case inspect.EventWaiting:
		j.keep(s)
	case inspect.EventAcquired:
		s.granted = e.Time
		j.keep(s)
	default:
		s.ended, s.how = e.Time, e.Kind
		j.drop(s)
		j.end(s)
	}
}

func (j *journal) keep(s requestSpan) {
	if j.living == nil {
		j.living, j.sessions = map[string]requestSpan{}, map[int64]map[string]bool{}
	}
	j.living[s.Key] = s
	if j.sessions[s.Lease] == nil {
		j.sessions[s.Lease] = map[string]bool{}
	}
	j.sessions[s.Lease][s.Key] = true
}

func (j *journal) drop(s requestSpan) {
	delete(j.living, s.Key)
	if keys := j.sessions[s.Lease]; len(keys) > 1 {
		delete(keys, s.Key)
	} else if keys[s.Key] {
		delete(j.sessions, s.Lease)
	}
}

func (j *journal) end(s requestSpan) {
	j.ended = append(j.ended, s)
	if len(j.ended) >= 2*journalCapacity { // rarely, so that a span costs little
		j.ended = slices.Clone(j.ended[len(j.ended)-journalCapacity:])
	}
}

// prune forgets the living requests that a snapshot, which was read again, does
// not have.
func (j *journal) prune(s inspect.Snapshot) {
	there := map[string]bool{}
	for _, l := range s.Locks {
		for _, r := range l.Queue {
			there[r.Key] = true
		}
	}
	for key, s := range j.living {
		if !there[key] {
			j.drop(s)
		}
	}
}

// forLock returns the spans of a lock: those that have ended, then those of its
// queue.
func (j *journal) forLock(l inspect.Lock) []requestSpan {
	var spans []requestSpan
	for i := range j.ended { // without a copy: there may be many
		if j.ended[i].Lock == l.ID {
			spans = append(spans, j.ended[i])
		}
	}
	for _, r := range l.Queue {
		s := j.living[r.Key]
		s.Request = r
		spans = append(spans, s)
	}
	return spans
}

// forLeases returns the spans of leases, by revision.
func (j *journal) forLeases(leases map[int64]bool) []requestSpan {
	var spans []requestSpan
	for i := range j.ended { // without a copy: there may be many
		if leases[j.ended[i].Lease] {
			spans = append(spans, j.ended[i])
		}
	}
	for lease := range leases {
		for key := range j.sessions[lease] {
			spans = append(spans, j.living[key])
		}
	}
	slices.SortFunc(spans, func(a, b requestSpan) int {
		return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Key, b.Key))
	})
	return spans
}

// begin returns when the request was made, as far as it is known.
func (s requestSpan) begin(from time.Time) time.Time {
	switch {
	case !s.seen.IsZero():
		return s.seen
	case !s.Since.IsZero():
		return s.Since
	default:
		return from
	}
}

// lost reports whether the request ended with its session.
func (s requestSpan) lost() bool {
	return s.how == inspect.EventExpired || s.how == inspect.EventRevoked
}
