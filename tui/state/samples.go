package state

import (
	"math/bits"
	"time"

	"etcd-lock/internal/inspect"
)

// Samples are the lengths of queues over the last seconds, for sparklines.
type Samples struct {
	byLock map[inspect.LockID]ring
}

// ring is the samples of a queue, the oldest first.
type ring [SampleCount]uint16

const (
	// SampleCount is how many samples of a queue are kept.
	SampleCount = 12
	// SampleEvery is the time between two samples.
	SampleEvery = 2 * time.Second
)

// With returns the samples with one more of all queues. A lock with nothing but zeros is
// forgotten. It takes time in proportion to the number of locks, and changes nothing.
func (s Samples) With(locks []inspect.Lock) Samples {
	next := Samples{byLock: make(map[inspect.LockID]ring, len(s.byLock))}
	for id, old := range s.byLock {
		var r ring
		copy(r[:], old[1:])
		if r != (ring{}) {
			next.byLock[id] = r
		}
	}
	for i := range locks {
		l := &locks[i]
		if n := len(l.Queue); n > 0 && !l.Queue[n-1].Holding {
			next.set(l.ID, SampleCount-1, l.Count().Waiters)
		}
	}
	return next
}

// set sets a sample of a queue.
func (s *Samples) set(id inspect.LockID, i, waiters int) {
	if waiters <= 0 {
		return
	}
	r := s.byLock[id]
	r[i] = uint16(min(waiters, 1<<16-1))
	s.byLock[id] = r
}

// Spark draws the latest samples in w cells, all locks by one scale: ▁ is one waiter, each
// step is twice as many, and █ is 128 or more.
func (s *Samples) Spark(id inspect.LockID, w int) string {
	r, known := s.byLock[id]
	if !known || w <= 0 {
		return ""
	}
	levels := []rune(" ▁▂▃▄▅▆▇█")
	var text []rune
	for _, n := range r[max(SampleCount-w, 0):] {
		text = append(text, levels[min(bits.Len16(n), len(levels)-1)])
	}
	return string(text)
}
