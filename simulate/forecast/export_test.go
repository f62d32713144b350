package forecast

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// Comes returns the order of the grants of each lock, and the outcomes of each step.
func Comes(r outcome.Result) map[string][]string {
	all := map[string][]string{}
	for _, e := range r.Events {
		for _, l := range e.Locks {
			if e.Moment == scenario.Granted {
				all[l.Name] = append(all[l.Name], fmt.Sprint(e.Client, " ", e.Place.Column, " ", e.Round))
			}
		}
	}
	for _, s := range r.Steps {
		all[fmt.Sprint(s.Client, " ", s.Step.Place, " ", s.Round)] = texted(s.Outcomes)
	}
	return all
}

func texted(moments []scenario.Moment) []string {
	var words []string
	for _, m := range moments {
		words = append(words, string(m))
	}
	return words
}

// Steady reports whether a scenario comes to the same in all ways, with messages
// that take up to delay.
func Steady(sc *scenario.Scenario, delay time.Duration) (map[string][]string, bool) {
	var first map[string][]string
	p := plan.New(sc, sc.Seed)
	for way := range uint64(20) {
		w := newWorld(sc, p, Options{Seed: sc.Seed, Speed: 1}, delay, way)
		w.run()
		switch {
		case way == 0:
			first = Comes(w.result)
		case !maps.EqualFunc(first, Comes(w.result), slices.Equal):
			return nil, false
		}
	}
	return first, true
}
