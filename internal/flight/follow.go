package flight

import (
	"context"
	"errors"
	"slices"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// Follower takes in what happens to locks.
type Follower interface {
	Begin(t time.Time, s inspect.Snapshot)       // the locks at the start; called first, and once
	Apply(events []inspect.Event)                // what has happened, in its order
	Gap(t time.Time, s inspect.Snapshot)         // the locks after a time in which not all events were seen
	Advance(t time.Time)                         // nothing more has happened until then
	ClockSet(t time.Time, forward time.Duration) // the clock was set
}

// errOver ends a replay.
var errOver = errors.New("the time is over")

// Follow has f follow what was recorded of locks below prefixes, or of all without
// prefixes, from a time, if it is not zero, up to another, or the end if that is zero. If
// ctx ends, it ends early, which is no error. It returns what of that time cannot be read, in
// sentences.
func (r *Recording) Follow(ctx context.Context, from, to time.Time, prefixes []string, f Follower) (damage []string, err error) {
	last := r.Last().Time.Time
	g := guide{Follower: f, ctx: ctx, given: prefixes, prefixes: keyspace.NewPrefixes(prefixes...), from: from, to: to}
	if from.IsZero() {
		err = r.Replay(g.step)
	} else {
		err = r.ReplayAt(from, g.step)
	}
	switch {
	case errors.Is(err, errOver):
		err = nil
	case err == nil && !to.IsZero() && to.Before(last):
		f.Advance(to)
	case err == nil && g.last.Before(last): // nothing happened at the end of the recording
		f.Advance(last)
	}
	return g.damage, err
}

// guide passes steps of a recording on.
type guide struct {
	Follower
	ctx      context.Context
	given    []string
	prefixes keyspace.Prefixes
	from, to time.Time // zero: the beginning, the end
	begun    bool
	last     time.Time
	damage   []string
}

func (g *guide) step(s Step) error {
	switch {
	case g.begun && !g.to.IsZero() && s.Time.After(g.to):
		g.Advance(g.to)
		return errOver
	case g.ctx.Err() != nil && g.begun:
		return errOver
	}
	g.last, g.damage = s.Time, s.Damage
	switch {
	case s.Kind == KindPicture && !g.begun:
		return g.begin(s)
	case s.Kind == KindPicture:
		g.Advance(s.Since)
		return g.gap(s)
	case s.Kind == KindChange && s.Missed > 0:
		return g.gap(s)
	case s.Kind == KindChange:
		g.Apply(g.within(s.Events))
		g.Advance(s.Time)
	case s.Kind == KindClock:
		g.ClockSet(s.Time, s.Jump)
		g.last = s.Time.Add(min(s.Jump, 0)) // a clock that was set back has said the time before that
	default:
		g.Advance(s.Time)
	}
	return nil
}

func (g *guide) begin(s Step) error {
	locks, err := Within(s.After, g.given)
	if err != nil {
		return err
	}
	g.begun = true
	if s.Time.Before(g.from) {
		s.Time = g.from
	}
	g.Begin(s.Time, locks)
	return nil
}

func (g *guide) gap(s Step) error {
	locks, err := Within(s.After, g.given)
	if err != nil {
		return err
	}
	g.Gap(s.Time, locks)
	return nil
}

// within returns the events about locks below the prefixes.
func (g *guide) within(events []inspect.Event) []inspect.Event {
	if g.prefixes.All() {
		return events
	}
	return slices.DeleteFunc(slices.Clone(events), func(e inspect.Event) bool {
		return !IsWithin(e.Lock(), e.Request.Key, g.prefixes)
	})
}
