package profile

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/inspect"
)

// oracle adds up waits by looking at each millisecond who waits for whom.
type oracle struct {
	chains, classes, caused map[string]time.Duration
	cells                   map[string]time.Duration // by second and chain
	all                     time.Duration
}

func newOracle() *oracle {
	return &oracle{chains: map[string]time.Duration{}, classes: map[string]time.Duration{}, caused: map[string]time.Duration{}, cells: map[string]time.Duration{}}
}

func (o *oracle) pass(s inspect.Snapshot, d time.Duration) {
	if d == 0 {
		return // nothing has cost anything
	}
	for _, l := range s.Locks {
		for _, r := range l.Queue {
			if !r.Waiting() {
				continue
			}
			chain, head := o.chain(s, r)
			o.chains[chain] += d
			o.classes[(l.ID.Name)[:2]+"/*"] += d
			o.caused[head] += d
			o.all += d
		}
	}
}

// chain follows a request to the head of its chain.
func (o *oracle) chain(s inspect.Snapshot, r inspect.Request) (chain, head string) {
	words := []string{r.Owner.Value().Program}
	path := []inspect.LockID{}
	for {
		if slices.Contains(path, r.Lock) {
			return strings.Join(append(words, "[deadlock]"), " → "), words[len(words)-1]
		}
		path = append(path, r.Lock)
		l, _ := s.Find(r.Lock)
		holder := l.Queue[0]
		words = append(words, holder.Owner.Value().Program)
		next, ok := waitOf(s, holder)
		if !ok {
			return strings.Join(append(words, "[idle holder]"), " → "), words[len(words)-1]
		}
		r = next
	}
}

// waitOf returns the earliest request by which a holder waits for a lock of another session.
func waitOf(s inspect.Snapshot, holder inspect.Request) (inspect.Request, bool) {
	var all []inspect.Request
	for _, l := range s.Locks {
		for _, r := range l.Queue {
			if r.Waiting() && r.Lease == holder.Lease && r.Lock != holder.Lock && l.Queue[0].Lease != holder.Lease {
				all = append(all, r)
			}
		}
	}
	slices.SortFunc(all, inspect.ByPlace)
	if len(all) == 0 {
		return inspect.Request{}, false
	}
	return all[0], true
}

// check compares a profile with the oracle.
func (o *oracle) check(t *testing.T, p Profile) {
	t.Helper()
	chains, classes, caused, cells := map[string]time.Duration{}, map[string]time.Duration{}, map[string]time.Duration{}, map[string]time.Duration{}
	for _, c := range p.Chains {
		if c.Waited > 0 {
			chains[c.String()] = c.Waited
		}
	}
	for _, g := range p.Classes {
		if g.Waited > 0 {
			classes[g.Name] = g.Waited
		}
	}
	for _, g := range p.Owners {
		if g.Caused > 0 {
			caused[g.Name] = g.Caused
		}
	}
	for _, c := range p.Cells {
		cells[p.Chains[c.Chain].String()] += c.Waited
	}
	for name, got := range map[string][2]map[string]time.Duration{
		"chains": {o.chains, chains}, "classes": {o.classes, classes}, "caused": {o.caused, caused}, "cells": {o.chains, cells},
	} {
		if diff := cmp.Diff(got[0], got[1]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	if p.Waited != o.all {
		t.Errorf("waited %v, want %v", p.Waited, o.all)
	}
}

// Adding up events gives what looking at each moment gives.
func TestLaw(t *testing.T) {
	for seed := range uint64(40) {
		w, o, c := newWorld(seed), newOracle(), New(Options{})
		locks, clients := 2+int(seed%7), 2+int(seed%9)
		for range w.IntN(10) {
			w.step(locks, clients)
		}
		before := w.snapshot()
		c.Begin(w.now, before)
		for range 300 {
			d := time.Duration(w.IntN(2000)) * time.Millisecond
			w.now = w.now.Add(d)
			o.pass(before, d)
			w.step(locks, clients)
			after := w.snapshot()
			c.Apply(w.events(before, after))
			before = after
		}
		o.check(t, c.Profile(w.now))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// After a gap, the collector goes on from the locks that are there, as one does that begins
// then, and keeps what it had.
func TestGap(t *testing.T) {
	for seed := range uint64(10) {
		w, o, c := newWorld(seed), newOracle(), New(Options{})
		before := w.snapshot()
		c.Begin(w.now, before)
		for range 20 {
			for range w.IntN(20) {
				d := time.Duration(w.IntN(2000)) * time.Millisecond
				w.now = w.now.Add(d)
				o.pass(before, d)
				w.step(4, 5)
				after := w.snapshot()
				c.Apply(w.events(before, after))
				before = after
			}
			for range w.IntN(10) { // not seen, in no time
				w.step(4, 5)
				before = w.snapshot()
			}
			c.Gap(w.now, before)
		}
		o.check(t, c.Profile(w.now))
		fresh := New(Options{})
		fresh.Begin(w.now, before)
		if diff := cmp.Diff(state(fresh), state(c)); diff != "" {
			t.Errorf("state (-want +got)\n%s", diff)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// state returns what a collector knows of each request.
func state(c *Collector) map[string]string {
	all := map[string]string{}
	for key, e := range c.entries {
		held := e.lock.holders
		owners, end := c.chains.owners(e.chain), c.chains.end(e.chain)
		if e.holding {
			owners, end = nil, EndIdle
		}
		words := []string{held[0].key}
		for _, o := range owners {
			words = append(words, c.ownerNames.list[o])
		}
		all[key] = strings.Join(words, " ") + end.String()
	}
	return all
}

// A request that waits before and after a gap has waited all the time; one that is gone has
// waited at least until the gap, and a new one at least since.
func TestGapTimes(t *testing.T) {
	w, c := newWorld(1), New(Options{})
	c.Begin(w.now, w.snapshot())
	before := w.snapshot()
	for n := range 4 {
		w.request(0, n, n, 2)
		after := w.snapshot()
		c.Apply(w.events(before, after))
		before = after
		w.now = w.now.Add(time.Second)
	}
	c.Advance(w.now)
	w.now = w.now.Add(time.Minute)
	queue := slices.Clone(w.locks[lockID(0)])
	w.release(queue[0])
	w.release(queue[1])
	s := w.snapshot()
	for i := range s.Locks[0].Queue {
		s.Locks[0].Queue[i].Saw = false
	}
	c.Gap(w.now, s)
	w.now = w.now.Add(time.Second)
	p := c.Profile(w.now)
	byName := map[string]Group{}
	for _, g := range p.Owners {
		byName[g.Name] = g
	}
	// The first held for 4 s at least, the second waited for 3 s at least, the third waited
	// for 2 s at least and has held for 1 s at least, the fourth has waited for 62 s.
	got := []Spread{byName["program-a"].Hold, byName["program-b"].Wait, byName["program-c"].Wait, byName["program-c"].Hold, byName["program-d"].Wait}
	for i, seconds := range []int{4, 3, 2, 1, 62} {
		if want := time.Duration(seconds) * time.Second; got[i].Total != want || got[i].AtLeast != 1 || got[i].Max != (Amount{want, true}) {
			t.Errorf("%d: %+v, want %v", i, got[i], want)
		}
	}
	if p.Gaps != 1 || p.InGaps != time.Minute {
		t.Errorf("%d gaps, %v", p.Gaps, p.InGaps)
	}
}

// A clock that is set does not change what has passed.
func TestClock(t *testing.T) {
	w, c := newWorld(1), New(Options{})
	before := w.snapshot()
	c.Begin(w.now, before)
	for n := range 2 {
		w.request(0, n, n, 2)
		after := w.snapshot()
		c.Apply(w.events(before, after))
		before = after
	}
	w.now = w.now.Add(10 * time.Second)
	c.Advance(w.now)
	w.now = w.now.Add(-time.Hour)
	c.Advance(w.now)
	w.now = w.now.Add(10 * time.Second)
	c.Advance(w.now)
	w.now = w.now.Add(2 * time.Hour)
	c.ClockSet(w.now, 2*time.Hour)
	p := c.Profile(w.now.Add(time.Second))
	if p.Waited != 21*time.Second || p.Watched != 21*time.Second {
		t.Errorf("waited %v in %v, want 21s", p.Waited, p.Watched)
	}
}

// What is beyond the limits counts as other, and nothing is lost.
func TestLimits(t *testing.T) {
	w, o, c := newWorld(7), newOracle(), New(Options{Limits: Limits{Names: 1, Chains: 3, Cells: 20, Parts: 10}})
	before := w.snapshot()
	c.Begin(w.now, before)
	for range 3000 {
		d := time.Duration(w.IntN(2000)) * time.Millisecond
		w.now = w.now.Add(d)
		o.pass(before, d)
		w.step(8, 6)
		after := w.snapshot()
		c.Apply(w.events(before, after))
		before = after
	}
	p := c.Profile(w.now)
	var classes, owners, chains, cells time.Duration
	for _, g := range p.Classes {
		classes += g.Waited
	}
	for _, g := range p.Owners {
		owners += g.Waited
	}
	for _, g := range p.Chains {
		chains += g.Waited
	}
	for _, g := range p.Cells {
		cells += g.Waited
	}
	if p.Waited != o.all || classes != o.all || owners != o.all || chains != o.all || cells != o.all {
		t.Errorf("waited %v: %v by class, %v by owner, %v by chain, %v by cell; want %v", p.Waited, classes, owners, chains, cells, o.all)
	}
	if len(p.Classes) != 2 || len(p.Owners) != 2 || len(p.Chains) > 4 || len(p.Cells) > 20 {
		t.Errorf("%d classes, %d owners, %d chains, %d cells", len(p.Classes), len(p.Owners), len(p.Chains), len(p.Cells))
	}
	if !slices.ContainsFunc(p.Chains, Chain.Other) || !slices.ContainsFunc(p.Owners, func(g Group) bool { return g.Other }) {
		t.Error("no other")
	}
}

// When all requests are gone, nothing is kept of them.
func TestForgets(t *testing.T) {
	w, c := newWorld(3), New(Options{})
	before := w.snapshot()
	c.Begin(w.now, before)
	for range 500 {
		w.step(8, 6)
		after := w.snapshot()
		c.Apply(w.events(before, after))
		before = after
	}
	for _, queue := range maps.Clone(w.locks) {
		for _, r := range slices.Clone(queue) {
			w.release(r)
			after := w.snapshot()
			c.Apply(w.events(before, after))
			before = after
		}
	}
	if n := len(c.entries) + len(c.locks) + len(c.sessions) + len(c.moved); n > 0 {
		t.Errorf("%d entries, %d locks, %d sessions, %d moved", len(c.entries), len(c.locks), len(c.sessions), len(c.moved))
	}
}
