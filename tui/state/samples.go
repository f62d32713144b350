package state

import (
	"math/bits"
	"slices"
	"time"

	"etcd-lock/internal/inspect"
)

// Samples are the lengths of queues over the last seconds, for sparklines.
type Samples struct {
	queues []sampled // by lock
	spare  []sampled // those before, whose place the next ones take
}

// sampled is the samples of the queue of a lock, which are not all zero.
type sampled struct {
	lock inspect.LockID
	ring ring
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
// forgotten. It takes time in proportion to the number of locks, which are sorted. The samples
// can be read meanwhile, and With is called once of them: what it returns takes the place of
// those that they were made from.
func (s Samples) With(locks []inspect.Lock) Samples {
	old, next := s.queues, Samples{queues: s.spare[:0], spare: s.queues}
	for i := range locks {
		l := &locks[i]
		for len(old) > 0 && old[0].lock.Compare(l.ID) < 0 {
			next.add(old[0], 0)
			old = old[1:]
		}
		q := sampled{lock: l.ID}
		if len(old) > 0 && old[0].lock == l.ID {
			q, old = old[0], old[1:]
		}
		waiters := 0
		if n := len(l.Queue); n > 0 && !l.Queue[n-1].Holding {
			waiters = l.Count().Waiters
		}
		next.add(q, waiters)
	}
	for _, q := range old {
		next.add(q, 0)
	}
	return next
}

// add adds a queue with one more sample.
func (s *Samples) add(q sampled, waiters int) {
	copy(q.ring[:], q.ring[1:])
	q.ring.set(SampleCount-1, waiters)
	s.keep(q)
}

// keep keeps a queue, which is after the others, unless all of its samples are zero.
func (s *Samples) keep(q sampled) {
	if q.ring != (ring{}) {
		s.queues = append(s.queues, q)
	}
}

// set sets a sample of a queue.
func (r *ring) set(i, waiters int) { r[i] = uint16(min(max(waiters, 0), 1<<16-1)) }

// Spark draws the latest samples in w cells, all locks by one scale: ▁ is one waiter, each
// step is twice as many, and █ is 128 or more.
func (s *Samples) Spark(id inspect.LockID, w int) string {
	i, known := slices.BinarySearchFunc(s.queues, id, func(q sampled, id inspect.LockID) int { return q.lock.Compare(id) })
	if !known || w <= 0 {
		return ""
	}
	levels := []rune(" ▁▂▃▄▅▆▇█")
	var text []rune
	for _, n := range s.queues[i].ring[max(SampleCount-w, 0):] {
		text = append(text, levels[min(bits.Len16(n), len(levels)-1)])
	}
	return string(text)
}
