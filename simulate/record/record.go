// Package record makes scenarios from what a watch of an etcd saw.
package record

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"etcd-lock/simulate/forecast"
	"etcd-lock/simulate/internal/lockset"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// ErrNothingSeen is returned if there were no requests to make a scenario from.
var ErrNothingSeen = errors.New("simulate: no request was seen")

// Recording is a scenario that was made from observations.
type Recording struct {
	*scenario.Scenario
	Notes    scenario.Notes // comments for readers of the file
	File     []byte
	Requests int      // how many acquisitions it is made from
	Unsure   []string // grants whose order a replay may not keep
}

// Options are the options of Of.
type Options struct {
	Name      string
	Until     time.Duration // when the recording ended
	Anonymize bool          // replace the names of locks and clients; equal and nested names stay so
	Notes     []string      // comments about the recording, for the top of the file
}

const (
	// minSpacing is how far apart requests for a lock are at least, so that a replay
	// makes them in the same order.
	minSpacing = 30 * time.Millisecond
	// crashTTL is the TTL of clients that crash. The shorter it is, the more exact is
	// the time at which their leases expire.
	crashTTL = 2 * time.Second
	// maxDefaultWait is the longest wait for which the default deadline is kept.
	maxDefaultWait = scenario.DefaultWithin / 2
)

// Of makes a scenario from observations, which must be in the order of time. Each session
// becomes a client, with its times to the millisecond, or several clients if one that does
// one step after the other could not have done the same. The scenario expects that each
// lock is granted in the same order, as far as a forecast finds that certain.
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
		r.addSession(group)
	}
	slices.SortStableFunc(r.sc.Clients, func(a, b scenario.Client) int { return cmp.Compare(a.After.From, b.After.From) })
	declare(r.sc)
	r.sc.Expect.Order = r.order(all)
	rec := Recording{Scenario: r.sc, Requests: len(all)}
	err := r.confirm(&rec)
	return rec, err
}

// recorder makes one scenario.
type recorder struct {
	opts    Options
	names   *naming
	sc      *scenario.Scenario
	notes   scenario.Notes
	clients map[*visit]string // the clients that make the visits
}

// bySession groups visits by session, in the order of the first visits.
func bySession(all []*visit) [][]*visit {
	var groups [][]*visit
	index := map[string]int{}
	for _, v := range all {
		i, ok := index[v.session]
		if !ok {
			i = len(groups)
			index[v.session] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], v)
	}
	return groups
}

// addSession adds the client of a session, or several if one could not have made all of
// its visits.
func (r *recorder) addSession(all []*visit) {
	parts := r.distribute(all)
	name := r.names.client(all[0].who, len(parts))
	for i, visits := range parts {
		c := r.client(visits)
		c.Name = name
		if len(parts) > 1 {
			c.Name = partName(name, i)
			r.notes.Clients[c.Name] = []string{fmt.Sprintf("one of %d clients of one session that %s", len(parts), whySeveral(all))}
		}
		r.remark(c.Name, visits)
		for _, v := range visits {
			r.clients[v] = c.Name
		}
		r.sc.Clients = append(r.sc.Clients, c)
	}
}

// whySeveral returns why one client cannot make all visits of a session.
func whySeveral(all []*visit) string {
	for i, v := range all {
		if slices.ContainsFunc(all[:i], func(before *visit) bool { return before.isToldOtherwise(v) }) {
			return "did several things at once, or was told several numbers of permits"
		}
	}
	return "did several things at once"
}

// remark adds comments about what the steps of a client do not show.
func (r *recorder) remark(name string, visits []*visit) {
	add := func(format string, args ...any) {
		r.notes.Clients[name] = append(r.notes.Clients[name], fmt.Sprintf(format, args...))
	}
	for _, v := range visits {
		switch {
		case v.how == scenario.Lost && v.granted == none:
			add("its lease expired at %s while it waited for %s", millis(v.gone), lockset.Quoted(v.locks))
		case v.how == scenario.Lost:
			add("its lease expired at %s: it crashes earlier, so that its lease expires by then", millis(v.gone))
		case v.granted == none && v.gone == none:
			add("it still waited for %s when the recording ended", lockset.Quoted(v.locks))
		case v.granted == none:
			add("it stopped waiting for %s", lockset.Quoted(v.locks))
		}
	}
}

// confirm writes the file, and removes from the expected order what a forecast does not
// find certain. It is mentioned in the file instead.
func (r *recorder) confirm(rec *Recording) error {
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
			return fmt.Errorf("simulate: the recording is not a valid scenario: %w", err)
		}
		f := forecast.Make(sc, forecast.Options{})
		if !r.doubt(sc, append(f.Failures, f.Depends...), try < maxTries, rec) {
			return nil
		}
	}
}

// maxTries is how often only single moments are removed from an expected order. After
// that, the rest of the order is removed with them: a forecast reports only the first
// moment of an order that is not certain.
const maxTries = 4

// doubt removes from the expected order the moments that failures are about, and reports
// whether there were any. If it is not patient, it removes what follows them, too.
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
