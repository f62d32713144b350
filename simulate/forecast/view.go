package forecast

import (
	"cmp"
	"fmt"
	"slices"
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
	rank string // of a grant: equal if it comes after the same grants that exclude it, or of permits, after as many
}

func newView(sc *scenario.Scenario, p plan.Plan, w *world) view {
	v := view{occurrences: map[instance]occurrence{}, deadlocks: w.deadlocks, failures: map[scenario.Place][]outcome.Failure{}}
	before, slots := ranks{}, slotsOf(w.result.Events)
	for _, e := range w.result.Events {
		o := occurrence{at: e.At}
		if e.Moment == scenario.Granted {
			o.rank = before.next(e) + slots.before(e)
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

// slotGrants are the grants of permits of each semaphore, in the order of the requests. Clients
// may be notified in another order of those that are granted at once.
type slotGrants map[string][]slotGrant

type slotGrant struct {
	rwlock.LockRequest
	token int64
}

func slotsOf(events []outcome.Event) slotGrants {
	all := slotGrants{}
	for _, e := range events {
		for _, l := range e.Locks {
			if e.Moment == scenario.Granted && l.Mode == rwlock.Slot {
				all[l.Name] = append(all[l.Name], slotGrant{l, e.Token})
			}
		}
	}
	for _, slots := range all {
		slices.SortFunc(slots, func(a, b slotGrant) int { return cmp.Compare(a.token, b.token) })
	}
	return all
}

// before returns for each semaphore of a grant how many earlier grants must have ended before
// it, because they and those after them would be more than the permits.
func (g slotGrants) before(e outcome.Event) string {
	var text strings.Builder
	for _, l := range e.Locks {
		slots := g[l.Name]
		i, found := slices.BinarySearchFunc(slots, e.Token, func(s slotGrant, token int64) int { return cmp.Compare(s.token, token) })
		for all := (taken{}); found && i >= 0; i-- {
			if all = all.with(slots[i].LockRequest); !all.fit() {
				break
			}
		}
		if found {
			text.WriteString(strconv.Itoa(i+1) + "\n")
		}
	}
	return text.String()
}
