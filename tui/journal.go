package tui

import (
	"cmp"
	"slices"
	"time"

	"etcd-lock/internal/inspect"
)

// journalCapacity bounds how many requests that are over are remembered.
const journalCapacity = 8192

// life is that of a request as the watch has seen it.
type life struct {
	inspect.Request
	seen    time.Time // when it was first seen, by our clock; zero: before the watch began
	granted time.Time // when it came to hold, by our clock; zero: before the watch began, or never
	over    time.Time // zero: it lives
	how     inspect.EventKind
}

// journal is what became of requests since the watch began.
type journal struct {
	living   map[string]life           // by key
	sessions map[int64]map[string]bool // the keys of the living, by lease
	ended    []life                    // in the order in which they ended
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
		s.over, s.how = e.Time, e.Kind
		j.drop(s)
		j.end(s)
	}
}

func (j *journal) keep(s life) {
	if j.living == nil {
		j.living, j.sessions = map[string]life{}, map[int64]map[string]bool{}
	}
	j.living[s.Key] = s
	if j.sessions[s.Lease] == nil {
		j.sessions[s.Lease] = map[string]bool{}
	}
	j.sessions[s.Lease][s.Key] = true
}

func (j *journal) drop(s life) {
	delete(j.living, s.Key)
	if keys := j.sessions[s.Lease]; len(keys) > 1 {
		delete(keys, s.Key)
	} else if keys[s.Key] {
		delete(j.sessions, s.Lease)
	}
}

func (j *journal) end(s life) {
	j.ended = append(j.ended, s)
	if len(j.ended) >= 2*journalCapacity { // rarely, so that a span costs little
		j.ended = slices.Clone(j.ended[len(j.ended)-journalCapacity:])
	}
}

// prune forgets the living that a snapshot, read anew, does not have.
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

// of are the spans of a lock: those that are over, then those of its queue.
func (j *journal) of(l inspect.Lock) []life {
	var spans []life
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

// by are the spans of leases, by revision.
func (j *journal) by(leases map[int64]bool) []life {
	var spans []life
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
	slices.SortFunc(spans, func(a, b life) int {
		return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Key, b.Key))
	})
	return spans
}

// samples are the lengths of queues over the last seconds, for sparklines.
type samples struct {
	of map[inspect.LockID]*[sampleCount]uint16
}

const sampleCount = 12

// take samples all queues. A lock with nothing but zeros is forgotten.
func (s *samples) take(locks []inspect.Lock) {
	if s.of == nil {
		s.of = map[inspect.LockID]*[sampleCount]uint16{}
	}
	for id, ring := range s.of {
		copy(ring[:], ring[1:])
		ring[sampleCount-1] = 0
		if *ring == [sampleCount]uint16{} {
			delete(s.of, id)
		}
	}
	for _, l := range locks {
		n := len(l.Queue)
		if n == 0 || l.Queue[n-1].Holding {
			continue
		}
		ring := s.of[l.ID]
		if ring == nil {
			ring = &[sampleCount]uint16{}
			s.of[l.ID] = ring
		}
		ring[sampleCount-1] = uint16(min(l.Count().Waiters, 1<<16-1))
	}
}

// spark draws the last samples in w cells.
func (s *samples) spark(id inspect.LockID, w int) string {
	ring := s.of[id]
	if ring == nil || w <= 0 {
		return ""
	}
	most := max(slices.Max(ring[:]), 1)
	levels := []rune("▁▂▃▄▅▆▇█")
	var text []rune
	for _, n := range ring[max(sampleCount-w, 0):] {
		if n == 0 {
			text = append(text, ' ')
			continue
		}
		text = append(text, levels[(int(n)*len(levels)-1)/int(most)])
	}
	return string(text)
}
