package follow

import (
	"context"
	"time"

	"etcd-lock/internal/cli/recording"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/layout"
)

// Recorded says how to follow the locks of a recording.
type Recorded struct {
	Path     string
	Span     recording.Span
	Prefixes []string
	Rules    func() (*layout.Set, error)
	Now      func() time.Time
	Doubt    func(text string) // is called with what cannot be read
}

// Noting returns the same, with a Doubt that also appends to all.
func (r *Recorded) Noting(all *[]string) *Recorded {
	noting := *r
	noting.Doubt = func(text string) {
		*all = append(*all, text)
		r.Doubt(text)
	}
	return &noting
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
	from, to, err := r.Span.Times(recorded, r.Now())
	if err != nil {
		return err
	}
	damage, err := recorded.Follow(ctx, from, to, r.Prefixes, f)
	for _, text := range damage {
		r.Doubt(text)
	}
	return err
}
