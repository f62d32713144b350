package plan

import (
	"hash/fnv"
	"math/rand/v2"
	"time"

	"etcd-lock/rwlock"

	"etcd-lock/simulate/scenario"
)

// Script is what one client does, with everything random drawn.
type Script struct {
	Name  string
	Impl  scenario.Impl
	TTL   time.Duration
	After time.Duration
	Steps []Step // of all repeats
}

// Step is a step in one of the repeats.
type Step struct {
	scenario.Step
	Round        int // from 1
	End          int // of a step that takes locks: where the turn stands that gives them back, or the last of the round
	GiveUpAfter  time.Duration
	CancelAfter  time.Duration // 0 for never
	CrashAfter   time.Duration // likewise
	WaitFor      time.Duration
	Downgradable bool // a later turn wants to
}

// Scripts draws what is random: each client from the seed and its name, in the
// order of its steps, so that it is the same whatever the others do and when.
func Scripts(sc *scenario.Scenario, seed uint64) []Script {
	var scripts []Script
	for _, c := range sc.Clients {
		for _, name := range c.Names() {
			d := NewDice(seed, name)
			s := Script{Name: name, Impl: c.Impl, TTL: c.TTL, After: d.Draw(c.After)}
			for round := range c.Repeat {
				s.Steps = append(s.Steps, d.round(c.Steps, round)...)
			}
			scripts = append(scripts, s)
		}
	}
	return scripts
}

// FaultTimes draws when the faults happen.
func FaultTimes(sc *scenario.Scenario, seed uint64) []time.Duration {
	d := NewDice(seed, " faults") // which no client is called
	at := make([]time.Duration, len(sc.Faults))
	for i, f := range sc.Faults {
		at[i] = d.Draw(f.At)
	}
	return at
}

// Dice draws durations.
type Dice struct{ *rand.Rand }

// NewDice returns the dice of a name, which roll the same for the same seed.
func NewDice(seed uint64, name string) Dice {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // which never fails
	return Dice{rand.New(rand.NewPCG(seed, h.Sum64()))}
}

// Draw returns a duration within s.
func (d Dice) Draw(s scenario.Span) time.Duration {
	at := s.From
	if s.To > s.From {
		at += time.Duration(d.Int64N(int64(s.To - s.From)))
	}
	return min(at, Forever)
}

func (d Dice) round(steps []scenario.Step, round int) []Step {
	turns := make([]Step, len(steps))
	for i, s := range steps {
		turns[i] = Step{
			Step:         s,
			Round:        round + 1,
			End:          round*len(steps) + EndOfSection(steps, i),
			GiveUpAfter:  scenario.DefaultWithin,
			CancelAfter:  d.Draw(s.Cancel),
			CrashAfter:   d.Draw(s.Crash),
			WaitFor:      d.Draw(s.For),
			Downgradable: s.Do == scenario.Write && downgraded(steps, i),
		}
		if s.Within.To > 0 {
			turns[i].GiveUpAfter = d.Draw(s.Within)
		}
	}
	return turns
}

// EndOfSection is the index of the unlock that belongs to the step at i, or of
// the last step.
func EndOfSection(steps []scenario.Step, i int) int {
	for j := i + 1; j < len(steps); j++ {
		if steps[j].Do == scenario.Unlock && shareNames(steps[j].Locks, steps[i].Locks) {
			return j
		}
	}
	return len(steps) - 1
}

// downgraded reports whether what the step at i takes is downgraded.
func downgraded(steps []scenario.Step, i int) bool {
	for _, s := range steps[i+1 : EndOfSection(steps, i)+1] {
		if s.Do == scenario.Downgrade && shareNames(s.Locks, steps[i].Locks) {
			return true
		}
	}
	return false
}

func shareNames(a, b []rwlock.LockRequest) bool {
	return len(a) > 0 && scenario.About(b, a[0].Name)
}
