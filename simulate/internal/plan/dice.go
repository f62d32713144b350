package plan

import (
	"hash/fnv"
	"math/rand/v2"
	"time"

	"etcd-lock/simulate/scenario"
)

// Dice draws random values.
type Dice struct{ *rand.Rand }

// NewDice returns the dice of a name, which draw the same values for the same seed.
func NewDice(seed uint64, name string) Dice {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // which never fails
	return Dice{rand.New(rand.NewPCG(seed, h.Sum64()))}
}

// Draw returns a duration within s, uniformly distributed.
func (d Dice) Draw(s scenario.Span) time.Duration {
	at := s.From
	if s.To > s.From {
		at += time.Duration(d.Int64N(int64(s.To - s.From)))
	}
	return min(at, Forever)
}
