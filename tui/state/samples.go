package state

import (
	"math/bits"
	"time"

	"etcd-lock/internal/inspect"
)

// samples are the lengths of queues over the last seconds, for sparklines.
type samples struct {
	byLock map[inspect.LockID]*[SampleCount]uint16
}

const (
	// SampleCount is how many samples of a queue are kept.
	SampleCount = 12
	// SampleEvery is the time between two samples.
	SampleEvery = 2 * time.Second
)

// Take samples all queues. A lock with nothing but zeros is forgotten.
func (s *samples) Take(locks []inspect.Lock) {
	if s.byLock == nil {
		s.byLock = map[inspect.LockID]*[SampleCount]uint16{}
	}
	for id, ring := range s.byLock {
		copy(ring[:], ring[1:])
		ring[SampleCount-1] = 0
		if *ring == [SampleCount]uint16{} {
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
			ring = &[SampleCount]uint16{}
			s.byLock[l.ID] = ring
		}
		ring[SampleCount-1] = uint16(min(l.Count().Waiters, 1<<16-1))
	}
}

// set sets a sample of a queue.
func (s *samples) set(id inspect.LockID, i, waiters int) {
	ring := s.byLock[id]
	switch {
	case waiters <= 0:
		return
	case ring == nil:
		ring = &[SampleCount]uint16{}
		s.byLock[id] = ring
	}
	ring[i] = uint16(min(waiters, 1<<16-1))
}

// Spark draws the latest samples in w cells, all locks by one scale: ▁ is one waiter, each
// step is twice as many, and █ is 128 or more.
func (s *samples) Spark(id inspect.LockID, w int) string {
	ring := s.byLock[id]
	if ring == nil || w <= 0 {
		return ""
	}
	levels := []rune(" ▁▂▃▄▅▆▇█")
	var text []rune
	for _, n := range ring[max(SampleCount-w, 0):] {
		text = append(text, levels[min(bits.Len16(n), len(levels)-1)])
	}
	return string(text)
}
