package follow

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"etcd-lock/internal/cli/recording"
	"etcd-lock/internal/flight"
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

// Follow has f follow what was recorded. If ctx ends, it ends early, which is no error.
func (r *Recorded) Follow(ctx context.Context, f flight.Follower) error {
	rules, err := r.Rules()
	if err != nil {
		return err
	}
	recorded, err := flight.Open(r.Path, rules)
	if err != nil {
		return err
	}
	last := recorded.Last().Time
	from, err := recording.ParseTime("from", r.From, r.Now(), last.Time)
	if err != nil {
		return err
	}
	to, err := recording.ParseTime("to", r.To, r.Now(), last.Time)
	if err != nil {
		return err
	}
	if !from.IsZero() && !from.Before(cmp.Or(to, last.Time)) {
		return fmt.Errorf("--from: nothing is between %s and %s", flight.Show(from), flight.Show(cmp.Or(to, last.Time)))
	}
	return recorded.Follow(ctx, from, to, r.Prefixes, f)
}
