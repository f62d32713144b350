package forecast

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/internal/check"
	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
	"etcd-lock/simulate/verify"
)

// view is one variation, prepared for comparison with others.
type view struct {
	occurrences map[instance]occurrence
	deadlocks   []*Deadlock
	failures    map[scenario.Place][]outcome.Failure
}

// instance identifies an event in all variations.
type instance struct {
	client string
	moment scenario.Moment
	place  scenario.Place
	round  int
}

func instanceOf(e outcome.Event) instance { return instance{e.Client, e.Moment, e.Place, e.Round} }

// occurrence is when an instance happens in one variation.
type occurrence struct {
	at   time.Duration
	rank string // of a grant: equal if it comes after the same grants that exclude it
}

func newView(sc *scenario.Scenario, p plan.Plan, w *world) view {
	v := view{occurrences: map[instance]occurrence{}, deadlocks: w.deadlocks, failures: map[scenario.Place][]outcome.Failure{}}
	before := ranks{}
	for _, e := range w.result.Events {
		o := occurrence{at: e.At}
		if e.Moment == scenario.Granted {
			o.rank = before.next(e)
		}
		v.occurrences[instanceOf(e)] = o
	}
	r := w.result
	r.Verdict.Fenced = make([]verify.Fence, len(w.fenced))
	for _, f := range check.Failures(sc, p, r) {
		v.failures[f.Place] = append(v.failures[f.Place], f)
	}
	return v
}

// ranks counts the grants of each lock.
type ranks map[string]rank

type rank struct {
	grants int
	writer string // the last one
}

// next returns the rank of a grant, and counts it.
func (r ranks) next(e outcome.Event) string {
	var text strings.Builder
	for _, l := range e.Locks {
		of := r[l.Name]
		text.WriteString(of.writer + "\n")
		if of.grants++; l.Mode == rwlock.Write {
			text.WriteString(strconv.Itoa(of.grants))
			of.writer = fmt.Sprint(e.Client, " ", e.Place, " ", e.Round)
		}
		r[l.Name] = of
	}
	return text.String()
}
