package simetcd

import (
	"slices"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// Cut breaks the connection, and lets none be made for d.
func (l *Link) Cut(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Faults++
	l.cut = later(l.cut, time.Now().Add(d))
	for _, w := range slices.Clone(l.wires) {
		w.shut(errStopped)
	}
}

// Freeze keeps everything back for d.
func (l *Link) Freeze(d time.Duration) { l.until(&l.frozen, d) }

// Stale keeps renewals, and the answers to them, back for d.
func (l *Link) Stale(d time.Duration) { l.until(&l.stale, d) }

// Slow makes everything take up to by for d.
func (l *Link) Slow(d, by time.Duration) {
	l.mu.Lock()
	l.slowBy = by
	l.mu.Unlock()
	l.until(&l.slow, d)
}

// Lossy has some of a hundred calls go wrong for d: their requests are lost, or their
// replies, or they come late, or twice.
func (l *Link) Lossy(d time.Duration, percent int) {
	l.mu.Lock()
	l.losses = percent
	l.mu.Unlock()
	l.until(&l.lossy, d)
}

// BreakStreams breaks all streams, and no call.
func (l *Link) BreakStreams() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Faults++
	for _, p := range slices.Clone(l.pipes) {
		p.fail(errStopped)
	}
}

// until prolongs a fault.
func (l *Link) until(t *time.Time, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Faults++
	*t = later(*t, time.Now().Add(d))
}

// Leaderless leaves the cluster without a leader for d. The next one begins all leases
// anew, as etcd does.
func (c *Cluster) Leaderless(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Faults++
	c.leaderless = later(c.leaderless, time.Now().Add(d))
	for _, l := range c.links {
		for _, p := range slices.Clone(l.pipes) {
			if p.needs {
				p.fail(rpctypes.ErrGRPCNoLeader)
			}
		}
	}
	c.after(time.Until(c.leaderless), c.led)
}

// Stop stops a member for d. If it leads, another one does after an election.
func (c *Cluster) Stop(number int, d time.Duration) {
	m := c.members[number%len(c.members)]
	c.mu.Lock()
	c.stats.Faults++
	m.down = later(m.down, time.Now().Add(d))
	for _, l := range c.links {
		l.stopped(m)
	}
	leads := c.members[c.leader()] == m
	c.mu.Unlock()
	if leads {
		c.Leaderless(min(d, 1500*time.Millisecond))
	}
}

// stopped breaks everything that a member was to answer.
func (l *Link) stopped(m *member) {
	for _, p := range slices.Clone(l.pipes) {
		if p.at == m {
			p.fail(errStopped)
		}
	}
	for _, c := range slices.Clone(l.calls) {
		if c.at == m {
			l.finish(c, nil, errStopped)
		}
	}
}

// Lag has a member, unless it leads, learn of nothing for d.
func (c *Cluster) Lag(number int, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.members[number%len(c.members)]
	if c.members[c.leader()] != m {
		c.stats.Faults++
		m.lagging = later(m.lagging, time.Now().Add(d))
	}
}

// Compact has the cluster forget everything before the revision that was current back
// revisions ago.
func (c *Cluster) Compact(back int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.compact(max(c.store.rev-back, 1)) == nil {
		c.stats.Faults++
	}
}

// Revoke revokes a lease, as an administrator does.
func (c *Cluster) Revoke(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = c.revoke(id)
}

// Delete deletes a key, as an administrator does.
func (c *Cluster) Delete(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = c.members[c.leader()].deleteRange(&pb.DeleteRangeRequest{Key: []byte(key)})
}
