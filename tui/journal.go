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
	living map[string]life // by key
	ended  []life          // in the order in which they ended
	began  time.Time
}

// take notes an event.
func (j *journal) take(e inspect.Event) {
	if j.living == nil {
		j.living = map[string]life{}
	}
	s, ok := j.living[e.Request.Key]
	if !ok {
		s.seen = e.Time
	}
	s.Request = e.Request
	switch e.Kind {
	case inspect.EventWaiting:
		j.living[e.Request.Key] = s
	case inspect.EventAcquired:
		s.granted = e.Time
		j.living[e.Request.Key] = s
	default:
		if !ok {
			s.seen = time.Time{}
		}
		s.over, s.how = e.Time, e.Kind
		delete(j.living, e.Request.Key)
		j.end(s)
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
	for key := range j.living {
		if !there[key] {
			delete(j.living, key)
		}
	}
}

// of are the spans of a lock: those that are over, then those of its queue.
func (j *journal) of(l inspect.Lock) []life {
	var spans []life
	for _, s := range j.ended {
		if s.Lock == l.ID {
			spans = append(spans, s)
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
	for _, s := range j.ended {
		if leases[s.Lease] {
			spans = append(spans, s)
		}
	}
	for _, s := range j.living {
		if leases[s.Lease] {
			spans = append(spans, s)
		}
	}
	slices.SortFunc(spans, func(a, b life) int { return cmp.Compare(a.Revision, b.Revision) })
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
