package tui

import (
	"slices"

	"etcd-lock/internal/inspect"
)

// samples are the lengths of queues over the last seconds, for sparklines.
type samples struct {
	byLock map[inspect.LockID]*[sampleCount]uint16
}

const sampleCount = 12

// take samples all queues. A lock with nothing but zeros is forgotten.
func (s *samples) take(locks []inspect.Lock) {
	if s.byLock == nil {
		s.byLock = map[inspect.LockID]*[sampleCount]uint16{}
	}
	for id, ring := range s.byLock {
		copy(ring[:], ring[1:])
		ring[sampleCount-1] = 0
		if *ring == [sampleCount]uint16{} {
			delete(s.byLock, id)
		}
	}
	for _, l := range locks {
		n := len(l.Queue)
		if n == 0 || l.Queue[n-1].Holding {
			continue
		}
		ring := s.byLock[l.ID]
		if ring == nil {
			ring = &[sampleCount]uint16{}
			s.byLock[l.ID] = ring
		}
		ring[sampleCount-1] = uint16(min(l.Count().Waiters, 1<<16-1))
	}
}

// spark draws the latest samples in w cells.
func (s *samples) spark(id inspect.LockID, w int) string {
	ring := s.byLock[id]
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
