package predicting

import (
	"maps"
	"slices"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/lockclass"
	"etcd-lock/internal/order"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// Scenario returns the deadlocks that could happen by what the clients of a scenario did, or
// are forecast to do.
func Scenario(sc *scenario.Scenario, events []outcome.Event) []order.Potential {
	c := clients{Learner: order.NewLearner(lockclass.Rules{}, order.Limits{}), held: map[string]map[string]order.Step{}, tries: map[scenario.Place]bool{}}
	for _, client := range sc.Clients {
		for _, s := range client.Steps {
			c.tries[s.Place] = s.Try
		}
	}
	for _, e := range events {
		c.event(e)
	}
	return c.Potentials()
}

// clients are what the clients of a scenario hold.
type clients struct {
	*order.Learner
	held  map[string]map[string]order.Step // by client and name
	tries map[scenario.Place]bool          // steps that do not wait
}

func (c *clients) event(e outcome.Event) {
	held := c.held[e.Client]
	switch e.Moment {
	case scenario.Asked:
		if !c.tries[e.Place] {
			c.asked(e)
		}
	case scenario.Granted, scenario.Downgraded:
		if held == nil {
			held = map[string]order.Step{}
			c.held[e.Client] = held
		}
		for _, l := range e.Locks {
			s := stepOf(l)
			s.Revision = e.Token
			if e.Moment == scenario.Downgraded {
				s.Mode = keyspace.Read
			}
			held[l.Name] = s
		}
	case scenario.Released:
		for _, l := range e.Locks {
			delete(held, l.Name)
		}
	case scenario.Lost, scenario.Closed, scenario.Crashed:
		clear(held)
	}
}

// asked learns from a request for locks.
func (c *clients) asked(e outcome.Event) {
	held := slices.Collect(maps.Values(c.held[e.Client]))
	story := order.Story{Session: e.Client, Who: e.Client}
	for i, wanted := range e.Locks {
		story.Wanted, story.Together = stepOf(wanted), false
		for j, h := range held {
			story.Held, story.Gates = h, slices.Delete(slices.Clone(held), j, j+1)
			c.Learn(story)
		}
		for j, other := range e.Locks {
			if i != j {
				story.Held, story.Gates, story.Together = stepOf(other), slices.Clone(held), true
				c.Learn(story)
			}
		}
	}
}

func stepOf(l rwlock.LockRequest) order.Step {
	return order.Step{Lock: order.Lock{Name: l.Name}, Mode: keyspace.Mode(l.Mode), Weight: l.Weight, Permits: l.Permits}
}
