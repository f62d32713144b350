package simulate

import (
	"hash/fnv"
	"math/rand/v2"
	"time"

	"etcd-lock/rwlock"
)

// script is what one client does, with everything random drawn.
type script struct {
	name  string
	make  Impl
	ttl   time.Duration
	after time.Duration
	steps []turn // of all repeats
}

// turn is a step in one of the repeats.
type turn struct {
	Step
	round        int // from 1
	end          int // of a step that takes locks: where the turn stands that gives them back, or the last of the round
	within       time.Duration
	cancel       time.Duration // 0 for never
	crash        time.Duration // likewise
	wait         time.Duration
	downgradable bool // a later turn wants to
}

// plan draws what is random: each client from the seed and its name, in the
// order of its steps, so that it is the same whatever the others do and when.
func plan(sc *Scenario, seed uint64) []script {
	var scripts []script
	for _, c := range sc.Clients {
		for _, name := range c.Names() {
			d := newDice(seed, name)
			s := script{name: name, make: c.Make, ttl: c.TTL, after: d.draw(c.After)}
			for round := range c.Repeat {
				s.steps = append(s.steps, d.round(c.Steps, round)...)
			}
			scripts = append(scripts, s)
		}
	}
	return scripts
}

// planFaults draws when the faults happen.
func planFaults(sc *Scenario, seed uint64) []time.Duration {
	d := newDice(seed, " faults") // which no client is called
	at := make([]time.Duration, len(sc.Faults))
	for i, f := range sc.Faults {
		at[i] = d.draw(f.At)
	}
	return at
}

// dice draws durations.
type dice struct{ *rand.Rand }

func newDice(seed uint64, name string) dice {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // which never fails
	return dice{rand.New(rand.NewPCG(seed, h.Sum64()))}
}

func (d dice) draw(s Span) time.Duration {
	at := s.From
	if s.To > s.From {
		at += time.Duration(d.Int64N(int64(s.To - s.From)))
	}
	return min(at, forever)
}

func (d dice) round(steps []Step, round int) []turn {
	turns := make([]turn, len(steps))
	for i, s := range steps {
		turns[i] = turn{
			Step:         s,
			round:        round + 1,
			end:          round*len(steps) + endOfSection(steps, i),
			within:       DefaultWithin,
			cancel:       d.draw(s.Cancel),
			crash:        d.draw(s.Crash),
			wait:         d.draw(s.For),
			downgradable: s.Do == Write && downgraded(steps, i),
		}
		if s.Within.To > 0 {
			turns[i].within = d.draw(s.Within)
		}
	}
	return turns
}

// endOfSection is the index of the unlock that belongs to the step at i, or of
// the last step.
func endOfSection(steps []Step, i int) int {
	for j := i + 1; j < len(steps); j++ {
		if steps[j].Do == Unlock && shareNames(steps[j].Locks, steps[i].Locks) {
			return j
		}
	}
	return len(steps) - 1
}

// downgraded reports whether what the step at i takes is downgraded.
func downgraded(steps []Step, i int) bool {
	for _, s := range steps[i+1 : endOfSection(steps, i)+1] {
		if s.Do == Downgrade && shareNames(s.Locks, steps[i].Locks) {
			return true
		}
	}
	return false
}

func shareNames(a, b []rwlock.Want) bool {
	return len(a) > 0 && about(b, a[0].Name)
}
