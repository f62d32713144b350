package profile

import "time"

// group is what is known of a class or of an owner.
type group struct {
	waited      time.Duration // while it was watched
	caused      time.Duration // of an owner: what others have waited for it
	wait, hold  durations
	first, last time.Time
	unrecorded  bool // of some locks, clients that wait leave no key
}

func (g *group) see(t time.Time) {
	if g.first.IsZero() {
		g.first = t
	}
	g.last = t
}

// cost is what is known of a chain.
type cost struct {
	waited      time.Duration
	wait        durations // of requests that waited for this chain without a pause
	first, last time.Time
}

// groupAt returns an element of a list, which grows as it needs to.
func groupAt[T any](list *[]T, id int32) *T {
	for int(id) >= len(*list) {
		var zero T
		*list = append(*list, zero)
	}
	return &(*list)[id]
}

// count adds up what a request has waited since it was counted last.
func (c *Collector) count(e *entry) {
	d := c.elapsed - e.counted
	e.counted = c.elapsed
	if d <= 0 {
		return
	}
	groupAt(&c.classes, e.lock.class).waited += d
	groupAt(&c.owners, e.owner).waited += d
	groupAt(&c.costs, e.chain).waited += d
	if head, ok := c.chains.head(e.chain); ok {
		groupAt(&c.owners, head).caused += d
	}
	c.series.add(c.now.Add(-d), c.now, e.lock.class, e.chain)
}

// endChain takes in that a request that was counted waits for another chain, or not at all.
func (c *Collector) endChain(e *entry) {
	d := c.elapsed - e.chained
	if d <= 0 && e.chain == other { // it has just begun to wait
		return
	}
	cost := groupAt(&c.costs, e.chain)
	cost.wait.add(d, e.cut)
	if cost.first.IsZero() {
		cost.first = c.now.Add(-d)
	}
	cost.last = c.now
}
