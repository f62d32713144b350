package follow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"etcd-lock/internal/flight"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// Recorded says how to follow the locks of a recording.
type Recorded struct {
	Path     string
	From, To string // times, as --at takes them; empty: the beginning, the end
	Prefixes []string
	Rules    func() (*layout.Set, error)
	Now      func() time.Time
}

// errOver ends a replay.
var errOver = errors.New("follow: the time is over")

// Follow has f follow what was recorded. If ctx ends, it ends early, which is no error.
func (r *Recorded) Follow(ctx context.Context, f Follower) error {
	rules, err := r.Rules()
	if err != nil {
		return err
	}
	recording, err := flight.Open(r.Path, rules)
	if err != nil {
		return err
	}
	last := recording.Last().Time
	p := player{Follower: f, ctx: ctx, given: r.Prefixes, prefixes: keyspace.NewPrefixes(r.Prefixes...), to: last.Time}
	if p.from, err = r.time("--from", r.From, last.Time); err != nil {
		return err
	}
	if r.To != "" {
		if p.to, err = r.time("--to", r.To, last.Time); err != nil {
			return err
		}
	}
	if !p.from.IsZero() && !p.from.Before(p.to) {
		return fmt.Errorf("--from: nothing is between %s and %s", flight.Show(p.from), flight.Show(p.to))
	}
	if p.from.IsZero() {
		err = recording.Replay(p.step)
	} else {
		err = recording.ReplayAt(p.from, p.step)
	}
	switch {
	case errors.Is(err, errOver):
		err = nil
	case err == nil && p.last.Before(last.Time): // the end of the recording, when nothing happened
		f.Advance(earlier(p.to, last.Time))
	}
	return err
}

func (r *Recorded) time(flag, s string, end time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := format.ParseTime(s, r.Now(), end)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s %s: %w", flag, s, err)
	}
	return t, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// player passes steps of a recording on.
type player struct {
	Follower
	ctx      context.Context
	given    []string
	prefixes keyspace.Prefixes
	from, to time.Time
	begun    bool
	last     time.Time
}

func (p *player) step(s flight.Step) error {
	switch {
	case p.begun && s.Time.After(p.to):
		p.Advance(p.to)
		return errOver
	case p.ctx.Err() != nil && p.begun:
		return errOver
	}
	p.last = s.Time
	switch {
	case s.Kind == flight.KindPicture && !p.begun:
		return p.begin(s)
	case s.Kind == flight.KindPicture:
		p.Advance(s.Since)
		return p.gap(s)
	case s.Kind == flight.KindChange && s.Missed > 0:
		return p.gap(s)
	case s.Kind == flight.KindChange:
		p.Apply(p.within(s.Events))
		p.Advance(s.Time)
	case s.Kind == flight.KindClock:
		p.ClockSet(s.Time, s.Jump)
	default:
		p.Advance(s.Time)
	}
	return nil
}

func (p *player) begin(s flight.Step) error {
	locks, err := flight.Within(s.After, p.given)
	if err != nil {
		return err
	}
	p.begun = true
	if s.Time.Before(p.from) {
		s.Time = p.from
	}
	p.Begin(s.Time, locks)
	return nil
}

func (p *player) gap(s flight.Step) error {
	locks, err := flight.Within(s.After, p.given)
	if err != nil {
		return err
	}
	p.Gap(s.Time, locks)
	return nil
}

// within returns the events about locks below the prefixes.
func (p *player) within(events []inspect.Event) []inspect.Event {
	if p.prefixes.All() {
		return events
	}
	return slices.DeleteFunc(slices.Clone(events), func(e inspect.Event) bool {
		return !flight.IsWithin(e.Lock(), e.Request.Key, p.prefixes)
	})
}
