package simulate

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/simulate/forecast"
	"etcd-lock/simulate/outcome"
)

// raise is how etcd raised the TTLs of a run: it grants none below a certain one.
// Clients that crash or pause then keep their locks for longer than the scenario
// reckons with.
type raise struct {
	asked   []time.Duration // what it raised, each once
	granted time.Duration   // what it granted instead; 0 if it raised none
}

// String says which TTLs etcd granted, and why.
func (r raise) String() string {
	asked := make([]string, len(r.asked))
	for i, ttl := range r.asked {
		asked[i] = ttl.String()
	}
	return fmt.Sprintf("etcd granted TTLs of %s where the scenario asks for %s: it grants no less than 1.5 times its election timeout", r.granted, format.List(asked, "and"))
}

// electionTimeout returns an election timeout with which etcd raises none of the TTLs.
func (r raise) electionTimeout() time.Duration {
	return (slices.Min(r.asked) * 2 / 3).Truncate(100 * time.Millisecond)
}

// slower returns a speed, of two digits, at which the TTLs that etcd grants last no
// longer in the scenario's time than those that it raised would at the given speed.
func (r raise) slower(speed float64) float64 {
	s := speed * float64(slices.Min(r.asked)) / float64(r.granted)
	digit := math.Pow10(int(math.Floor(math.Log10(s))) - 1)
	return math.Floor(s/digit) * digit
}

// raised returns how etcd raised the TTLs of the sessions that were opened.
func (s *stage) raised() raise {
	var r raise
	for _, p := range s.players {
		if ttl := p.session.TTL(); ttl > p.TTL {
			r.granted = max(r.granted, ttl)
			if !slices.Contains(r.asked, p.TTL) {
				r.asked = append(r.asked, p.TTL)
			}
		}
	}
	return r
}

// adapt has the clients reckon with TTLs that etcd raised, and notes in the result what
// that means for the scenario. It returns an error, before anything was done, if the
// scenario expects what cannot happen with these TTLs.
func (s *stage) adapt(result *outcome.Result) error {
	r := s.raised()
	if r.granted == 0 {
		return nil
	}
	s.plan = s.plan.Raised(r.granted)
	for i, p := range s.players {
		p.Script = s.plan.Scripts[i]
	}
	opts := forecast.Options{Seed: s.Seed, Speed: s.Clock.State().Speed}
	asked := forecast.Make(s.scenario, opts)
	opts.MinTTL = r.granted
	granted := forecast.Make(s.scenario, opts)
	result.Note = r.String()
	if worse(granted, asked) {
		result.Note += fmt.Sprintf("; run it on an etcd with an election timeout of at most %s", r.electionTimeout())
		if opts.Speed = r.slower(opts.Speed); !worse(forecast.Make(s.scenario, opts), asked) {
			result.Note += fmt.Sprintf(", or at a speed of at most %.2g", opts.Speed)
		}
	}
	if fails := without(granted.Failures, asked.Failures); len(fails) > 0 {
		return fmt.Errorf("%w: %s; %s", forecast.ErrImpossible, strings.Join(outcome.Texts(fails), "; "), result.Note)
	}
	if s.Note != nil {
		s.Note(result.Note)
	}
	return nil
}

// worse reports whether an expectation cannot hold or may not hold in f although it can
// or must in other.
func worse(f, other forecast.Forecast) bool {
	return len(without(f.Failures, other.Failures)) > 0 ||
		len(without(f.Depends, slices.Concat(other.Failures, other.Depends))) > 0
}

// without returns the failures of expectations that others have no failure of.
func without(failures, others []outcome.Failure) []outcome.Failure {
	return slices.DeleteFunc(slices.Clone(failures), func(f outcome.Failure) bool {
		return slices.ContainsFunc(others, func(o outcome.Failure) bool { return o.Place == f.Place && o.Of == f.Of })
	})
}
