package record

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"etcd-lock/rwlock"

	"etcd-lock/simulate/forecast"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// ErrNothingSeen says that there is nothing to make a scenario of.
var ErrNothingSeen = errors.New("simulate: no request was seen")

// Recording is a scenario made of what was observed.
type Recording struct {
	*scenario.Scenario
	Notes    scenario.Notes // what a reader of the file should know
	File     []byte
	Requests int      // that it is made of
	Unsure   []string // where replaying it may not give the same order of grants
}

// Options say how to make a scenario of what was observed.
type Options struct {
	Name      string
	Until     time.Duration // when the recording ended
	Anonymize bool          // replace names and owners, but keep what is equal and what is nested
	Notes     []string      // about the recording, for the head of the file
}

const (
	// recordSpacing is how far apart requests for a lock are made at least, so
	// that a replay makes them in the same order.
	recordSpacing = 30 * time.Millisecond
	// recordTTL is of clients that crash: the shorter, the more exactly it is known
	// when their leases run out.
	recordTTL = 2 * time.Second
	// recordWithin is how long those waited at most who need not say within.
	recordWithin = scenario.DefaultWithin / 2
)

// Of makes a scenario of what was observed, in the order in which it was. A
// session becomes a client, and its times are kept to the millisecond. What a
// client that does one thing after the other could not have done becomes several
// clients. That each lock is granted in the same order is expected, as far as the
// model says that it must be.
func Of(seen []Observed, opts Options) (Recording, error) {
	r := &recorder{opts: opts, names: newNaming(opts.Anonymize), clients: map[*visit]string{}}
	all := visits(stays(seen), r.names.lock)
	if len(all) == 0 {
		return Recording{}, ErrNothingSeen
	}
	r.space(all)
	r.sc = &scenario.Scenario{Name: opts.Name, TTL: scenario.DefaultTTL, Seed: scenario.DefaultSeed}
	r.notes = scenario.Notes{Head: opts.Notes, Clients: map[string][]string{}}
	for _, group := range bySession(all) {
		r.session(group)
	}
	slices.SortStableFunc(r.sc.Clients, func(a, b scenario.Client) int { return cmp.Compare(a.After.From, b.After.From) })
	r.sc.Expect.Order = r.order(all)
	rec := Recording{Scenario: r.sc, Requests: len(all)}
	err := r.prove(&rec)
	return rec, err
}

// recorder makes one scenario.
type recorder struct {
	opts    Options
	names   *naming
	sc      *scenario.Scenario
	notes   scenario.Notes
	clients map[*visit]string // by what they did
}

// bySession are the visits of each session, in the order of the first ones.
func bySession(all []*visit) [][]*visit {
	var groups [][]*visit
	place := map[string]int{}
	for _, v := range all {
		i, ok := place[v.session]
		if !ok {
			i = len(groups)
			place[v.session] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], v)
	}
	return groups
}

// session makes a client of a session's visits, or several where one could not
// have done all of it.
func (r *recorder) session(all []*visit) {
	lanes := r.lanes(all)
	name := r.names.client(all[0].who, len(lanes))
	for i, lane := range lanes {
		c := r.client(lane)
		c.Name = name
		if len(lanes) > 1 {
			c.Name += laneName(i)
			r.notes.Clients[c.Name] = []string{fmt.Sprintf("one of %d clients that were one session, which did several things at once", len(lanes))}
		}
		r.remark(c.Name, lane)
		for _, v := range lane {
			r.clients[v] = c.Name
		}
		r.sc.Clients = append(r.sc.Clients, c)
	}
}

// remark says what the steps of a client do not.
func (r *recorder) remark(name string, lane []*visit) {
	add := func(format string, args ...any) {
		r.notes.Clients[name] = append(r.notes.Clients[name], fmt.Sprintf(format, args...))
	}
	for _, v := range lane {
		switch {
		case v.how == scenario.Lost && v.granted == none:
			add("its session ran out at %s, while it waited for %s", v.gone.Round(time.Millisecond), scenario.Names(v.locks))
		case v.how == scenario.Lost:
			add("its session ran out at %s: it crashes so long before that its lease runs out by then", v.gone.Round(time.Millisecond))
		case v.granted == none && v.gone == none:
			add("it still waited for %s when the recording ended", scenario.Names(v.locks))
		case v.granted == none:
			add("it gave up waiting for %s", scenario.Names(v.locks))
		}
	}
}

// order is that of the grants of each lock. Readers that share it come between
// the same writers, in any order.
func (r *recorder) order(all []*visit) [][]scenario.Occurrence {
	granted := slices.DeleteFunc(slices.Clone(all), func(v *visit) bool { return v.granted == none })
	var locks []string
	byLock := map[string][]*visit{}
	for _, v := range granted { // which is in the order of requests
		for _, l := range v.locks {
			if byLock[l.Name] == nil {
				locks = append(locks, l.Name)
			}
			byLock[l.Name] = append(byLock[l.Name], v)
		}
	}
	var chains [][]scenario.Occurrence
	for _, lock := range locks {
		chains = append(chains, r.chains(lock, byLock[lock])...)
	}
	return chains
}

// chains are the order of a lock's grants: one chain through all batches of
// readers and all writers, and one for each other reader of a batch.
func (r *recorder) chains(lock string, granted []*visit) [][]scenario.Occurrence {
	slices.SortStableFunc(granted, func(a, b *visit) int { return cmp.Compare(a.granted, b.granted) })
	nth := map[string]int{}
	var batches [][]scenario.Occurrence
	reading := false
	for _, v := range granted {
		client := r.clients[v]
		nth[client]++
		o := scenario.Occurrence{Moment: scenario.Granted, Client: client, Lock: lock, Nth: nth[client]}
		for _, c := range v.changes {
			if c.do == scenario.Upgrade {
				nth[client]++ // which is granted once more
			}
		}
		mode := v.locks[slices.IndexFunc(v.locks, func(l rwlock.LockRequest) bool { return l.Name == lock })].Mode
		if reading && mode == rwlock.Read {
			batches[len(batches)-1] = append(batches[len(batches)-1], o)
		} else {
			batches = append(batches, []scenario.Occurrence{o})
		}
		reading = mode == rwlock.Read
	}
	var main []scenario.Occurrence
	var chains [][]scenario.Occurrence
	for i, b := range batches {
		main = append(main, b[0])
		for _, o := range b[1:] {
			var chain []scenario.Occurrence
			if i > 0 {
				chain = append(chain, batches[i-1][0])
			}
			chain = append(chain, o)
			if i < len(batches)-1 {
				chain = append(chain, batches[i+1][0])
			}
			chains = append(chains, chain)
		}
	}
	return slices.DeleteFunc(append([][]scenario.Occurrence{main}, chains...), func(c []scenario.Occurrence) bool { return len(c) < 2 })
}

// prove writes the file and asks the model whether its order must come. Where it
// need not, that is not expected but said.
func (r *recorder) prove(rec *Recording) error {
	for try := 1; ; try++ {
		rec.Notes = scenario.Notes{Head: slices.Clone(r.notes.Head), Clients: r.notes.Clients}
		for _, u := range rec.Unsure {
			rec.Notes.Head = append(rec.Notes.Head, "Not certain, so not expected: "+u)
		}
		data, err := scenario.Encode(r.sc, rec.Notes)
		if err != nil {
			return err
		}
		rec.File = data
		sc, err := scenario.Parse(r.sc.Name, data)
		if err != nil {
			return fmt.Errorf("simulate: what was recorded is no scenario: %w", err)
		}
		f := forecast.Model(sc, 0)
		if !r.doubt(sc, append(f.Failures, f.Depends...), try < proveTries, rec) {
			return nil
		}
	}
}

// proveTries is after how often what may not come is no longer taken from an
// order, but the whole order dropped: each time, the model tells the first of it.
const proveTries = 4

// doubt takes from the expected order what the model says may not come, and
// reports whether there was any.
func (r *recorder) doubt(sc *scenario.Scenario, failures []outcome.Failure, patient bool, rec *Recording) bool {
	wrong := map[scenario.Place]bool{}
	for _, f := range failures {
		wrong[f.Place] = true
	}
	var chains [][]scenario.Occurrence
	found := false
	for i, chain := range sc.Expect.Order {
		kept, from := r.sc.Expect.Order[i], 0
		for j, o := range chain {
			if !wrong[o.Place] {
				continue
			}
			found = true
			if j > 0 {
				rec.Unsure = append(rec.Unsure, fmt.Sprintf("%s after %s", o, chain[j-1]))
			}
			chains, from = append(chains, kept[from:j]), j
			if !patient {
				rec.Unsure = append(rec.Unsure, fmt.Sprintf("what comes after %s", o))
				from = len(kept)
				break
			}
		}
		chains = append(chains, kept[from:])
	}
	r.sc.Expect.Order = slices.DeleteFunc(chains, func(c []scenario.Occurrence) bool { return len(c) < 2 })
	return found
}
