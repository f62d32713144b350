package profile

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Profile is what waiting has cost in a time that was watched.
type Profile struct {
	From, To time.Time // by the clock of who watched
	Watched  time.Duration
	Gaps     int           // times in which not all events were seen
	InGaps   time.Duration // how long these took together
	Events   int
	Waited   time.Duration // by all requests together

	Classes []Group // those that waited longest first
	Owners  []Group
	Chains  []Chain

	Width time.Duration // of a part of the time
	Cells []Cell        // by part
}

// Group is a class of locks, or an owner.
type Group struct {
	Name       string
	Other      bool          // all those beyond the limits
	Waited     time.Duration // while it was watched
	Caused     time.Duration // of an owner: what others waited in chains that it is the last one of
	Share      float64       // of Profile.Waited
	Wait, Hold Spread
	First      time.Time // when it was first and last seen to begin or end something
	Last       time.Time
	Unrecorded bool // of a class: clients that wait for some of its locks leave no key, so that their waits are not known
}

// Chain is who waited for whom.
type Chain struct {
	Owners []string // the one that waits first, and each waits for the next; empty of all those beyond the limits
	End    End
	Waited time.Duration
	Share  float64
	Wait   Spread // of stretches in which a request waited for this chain
	First  time.Time
	Last   time.Time
}

// Other reports whether the chain is all those beyond the limits.
func (c Chain) Other() bool { return len(c.Owners) == 0 }

// Cell is what was waited in one part of the time at locks of one class for one chain.
type Cell struct {
	Part, Class, Chain int // indexes; the time since Profile.From is Part × Width
	Waited             time.Duration
}

// Profile returns what was seen up to a time. Waits and holds that go on count as at least
// so long.
func (c *Collector) Profile(t time.Time) Profile {
	c.settle()
	c.Advance(t)
	for _, e := range c.entries {
		if !e.holding {
			c.count(e)
		}
	}
	c.series.fit(c.now)
	p := Profile{
		From: c.started, To: c.now, Watched: c.elapsed, Gaps: c.gaps, InGaps: c.inGaps, Events: c.events, Width: c.series.width,
	}
	for _, g := range c.classes {
		p.Waited += g.waited
	}
	now := c.ongoing()
	var classes, order numbers
	p.Classes, classes = groupsOf(now.classes, c.classNames, p.Waited)
	p.Owners, _ = groupsOf(now.owners, c.ownerNames, p.Waited)
	p.Chains, order = c.chainsOf(now.chains, p.Waited)
	for at, d := range c.series.cells {
		p.Cells = append(p.Cells, Cell{Part: int(at.part), Class: classes[at.class], Chain: order[at.chain], Waited: d})
	}
	slices.SortFunc(p.Cells, func(a, b Cell) int {
		return cmp.Or(cmp.Compare(a.Part, b.Part), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Chain, b.Chain))
	})
	return p
}

// numbers says at which index of a Profile something is.
type numbers map[int32]int

// totals are the groups and costs with the waits and holds that go on.
type totals struct {
	classes, owners []group
	chains          []cost
}

// ongoing returns copies of what was added up, with what goes on added.
func (c *Collector) ongoing() totals {
	t := totals{classes: slices.Clone(c.classes), owners: slices.Clone(c.owners), chains: slices.Clone(c.costs)}
	for _, groups := range [][]group{t.classes, t.owners} {
		for i := range groups {
			groups[i].wait, groups[i].hold = groups[i].wait.clone(), groups[i].hold.clone()
		}
	}
	for i := range t.chains {
		t.chains[i].wait = t.chains[i].wait.clone()
	}
	for _, e := range c.entries {
		class, owner := groupAt(&t.classes, e.lock.class), groupAt(&t.owners, e.owner)
		lasts := c.elapsed - e.since
		if e.holding {
			class.hold.add(lasts, true)
			owner.hold.add(lasts, true)
			continue
		}
		class.wait.add(lasts, true)
		owner.wait.add(lasts, true)
		chain := groupAt(&t.chains, e.chain)
		chain.wait.add(c.elapsed-e.chained, true)
		if chain.first.IsZero() {
			chain.first = c.now.Add(e.chained - c.elapsed)
		}
		chain.last = c.now
	}
	return t
}

func share(part, all time.Duration) float64 {
	if all == 0 {
		return 0
	}
	return float64(part) / float64(all)
}

// groupsOf returns groups in the order of what they waited, and where each is in it.
func groupsOf(list []group, n names, waited time.Duration) ([]Group, numbers) {
	var order []int32
	for id, g := range list {
		if g.wait.count+g.hold.count > 0 || g.caused > 0 {
			order = append(order, int32(id))
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		x, y := &list[a], &list[b]
		return cmp.Or(cmp.Compare(y.waited, x.waited), cmp.Compare(y.caused, x.caused), cmp.Compare(y.hold.total, x.hold.total), cmp.Compare(n.list[a], n.list[b]))
	})
	all, at := make([]Group, 0, len(order)), numbers{}
	for i, id := range order {
		g := &list[id]
		at[id] = i
		all = append(all, Group{
			Name: n.list[id], Other: id == other, Waited: g.waited, Caused: g.caused, Share: share(g.waited, waited),
			Wait: g.wait.spread(), Hold: g.hold.spread(), First: g.first, Last: g.last, Unrecorded: g.unrecorded,
		})
	}
	return all, at
}

// chainsOf returns chains in the order of what was waited for them, and where each is in it.
func (c *Collector) chainsOf(list []cost, waited time.Duration) ([]Chain, numbers) {
	var order []int32
	for id, cost := range list {
		if cost.wait.count > 0 || cost.waited > 0 {
			order = append(order, int32(id))
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(list[b].waited, list[a].waited), cmp.Compare(a, b))
	})
	all, at := make([]Chain, 0, len(order)), numbers{}
	for i, id := range order {
		cost := &list[id]
		chain := Chain{
			Waited: cost.waited, Share: share(cost.waited, waited), Wait: cost.wait.spread(), First: cost.first, Last: cost.last,
		}
		chain.End = c.chains.end(id)
		for _, o := range c.chains.owners(id) {
			chain.Owners = append(chain.Owners, c.ownerNames.list[o])
		}
		at[id] = i
		all = append(all, chain)
	}
	return all, at
}

// String returns the chain as in "report → billing → [idle holder]". It is not printable as
// it is.
func (c Chain) String() string {
	if c.Other() {
		return otherName
	}
	return strings.Join(c.Owners, " → ") + " → " + c.End.String()
}
