// Package simetcd is a small etcd in memory, for simulations in virtual time.
//
// It serves unmodified clients (clientv3.Client) at the level of gRPC calls: a client of
// Client has a real connection whose interceptors hand each call to the cluster, so that
// nothing below them runs, no socket and no HTTP/2. In a bubble of testing/synctest,
// delays cost nothing.
//
// What every call takes, and what goes wrong with it, follows from the seed, the name of
// the client and the instant. So one seed is one schedule. Faults are begun by the caller
// and end by themselves: see Link and Cluster.
package simetcd

import (
	"slices"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// Options are the options of New.
type Options struct {
	Seed    uint64
	Members int
	Instant bool // no delay, and no choice that depends on the seed
}

// Cluster is an etcd cluster: one history that its members learn with delays.
type Cluster struct {
	mu      sync.Mutex
	opts    Options
	store   *store
	log     []applied // what members apply, in order
	members []*member
	leases  map[int64]*lease
	term    uint64
	links   []*Link

	leaderless time.Time // there is no leader until then
	waiting    []*proposal
	stats      Stats
	granted    int // number of leases that it has named
	written    func(rev int64, events []*mvccpb.Event)
	expired    func(lease int64)
}

// Stats counts what a cluster has served.
type Stats struct {
	Calls   int // unary calls that have arrived
	Streams int // of watches, that were opened
	Writes  int // revisions
	Faults  int // that were begun, and calls that went wrong
}

// applied is one entry of the log: the state after it.
type applied struct {
	rev       int64
	compacted int64
}

// member is a member of the cluster.
type member struct {
	*Cluster
	id        uint64
	next      int       // entry of the log to apply
	due       time.Time // when the last entry that is known to it is applied
	rev       int64
	compacted int64
	down      time.Time // it is stopped until then
	lagging   time.Time // it applies nothing until then
	streams   []*watchStream
	pending   []pendingRead
}

// pendingRead is called when the member has applied an entry.
type pendingRead struct {
	entry int
	f     func()
}

// New starts a cluster.
func New(opts Options) *Cluster {
	c := &Cluster{opts: opts, store: newStore(), leases: map[int64]*lease{}, term: 2, log: []applied{{rev: 1}}}
	for i := range max(opts.Members, 1) {
		c.members = append(c.members, &member{Cluster: c, id: uint64(i + 1), next: 1, rev: 1})
	}
	return c
}

// Observe has written called with the events of each revision, and expired with each lease
// that is revoked because it has expired, at that instant. They must not call the cluster.
func (c *Cluster) Observe(written func(rev int64, events []*mvccpb.Event), expired func(lease int64)) {
	c.written, c.expired = written, expired
}

// Stats returns what the cluster has served so far.
func (c *Cluster) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// Revision returns the current revision.
func (c *Cluster) Revision() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.store.rev
}

// Keys returns the keys that begin with prefix as they were at a revision, or are now when
// that is 0.
func (c *Cluster) Keys(prefix string, rev int64) []*mvccpb.KeyValue {
	c.mu.Lock()
	defer c.mu.Unlock()
	if rev == 0 {
		rev = c.store.rev
	}
	end := []byte(prefix)
	end[len(end)-1]++
	return c.store.list([]byte(prefix), end, rev)
}

// Leases returns the leases that exist.
func (c *Cluster) Leases() []int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leaseIDs()
}

// Watches returns how many streams of watches are open.
func (c *Cluster) Watches() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, m := range c.members {
		n += len(m.streams)
	}
	return n
}

// head is the view of the leader.
func (c *Cluster) head() view {
	last := c.log[len(c.log)-1]
	return view{store: c.store, rev: last.rev, compacted: last.compacted}
}

// view is what the member knows.
func (m *member) view() view { return view{store: m.store, rev: m.rev, compacted: m.compacted} }

// write carries out a transaction, which all members learn of in time.
func (c *Cluster) write(r *pb.TxnRequest) (*pb.TxnResponse, error) {
	t := &txn{view: c.head(), leases: c.leases}
	resp, err := t.run(r)
	if err == nil {
		c.publish(t.events)
	}
	return resp, err
}

// publish appends a revision to the history.
func (c *Cluster) publish(events []*mvccpb.Event) {
	last := c.log[len(c.log)-1]
	if len(events) > 0 {
		c.stats.Writes++
		c.store.rev++
		c.store.changes[c.store.rev] = events
		last.rev = c.store.rev
		if c.written != nil {
			c.written(last.rev, events)
		}
	}
	c.append(last)
}

// append appends an entry to the log, and has all members apply it.
func (c *Cluster) append(a applied) {
	c.log = append(c.log, a)
	for i, m := range c.members {
		m.learn(c.opts.Instant || i == c.leader())
	}
}

// leader returns the index of the leader, or of the one that was it last.
func (c *Cluster) leader() int { return int(c.term) % len(c.members) }

// learn has the member apply the last entry of the log: at once, or when it has got it.
func (m *member) learn(now bool) {
	at := time.Now()
	if !now {
		at = at.Add(m.dice("member", m.id).upTo(3 * time.Millisecond))
	}
	if at.Before(m.due) {
		at = m.due.Add(1)
	}
	if free := later(m.lagging, m.down); at.Before(free) {
		at = free.Add(m.dice("catch up", m.id).upTo(5 * time.Millisecond))
	}
	m.due = at
	if wait := time.Until(at); wait > 0 {
		m.after(wait, m.apply)
	} else {
		m.apply()
	}
}

// apply applies the next entry of the log.
func (m *member) apply() {
	if free := later(m.lagging, m.down); time.Now().Before(free) { // which it became meanwhile
		m.due = later(m.due, free.Add(time.Millisecond))
		m.after(time.Until(free)+1, m.apply)
		return
	}
	entry := m.log[m.next]
	m.next++
	changed := entry.rev > m.rev
	m.rev, m.compacted = entry.rev, entry.compacted
	if changed {
		for _, s := range slices.Clone(m.streams) {
			s.changed()
		}
	}
	for len(m.pending) > 0 && m.pending[0].entry < m.next {
		f := m.pending[0].f
		m.pending = m.pending[1:]
		f()
	}
}

// whenApplied calls f when the member has applied all that is in the log now.
func (m *member) whenApplied(f func()) {
	if m.next == len(m.log) {
		f()
		return
	}
	m.pending = append(m.pending, pendingRead{entry: len(m.log) - 1, f: f})
}

// after calls f after d, unless the caller is to do it at once.
func (c *Cluster) after(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		f()
	})
}

func (m *member) header(rev int64) *pb.ResponseHeader {
	return &pb.ResponseHeader{ClusterId: 1, MemberId: m.id, Revision: rev, RaftTerm: m.term}
}

// compact makes all members forget what was before a revision.
func (c *Cluster) compact(rev int64) error {
	last := c.log[len(c.log)-1]
	switch {
	case rev > last.rev:
		return errFutureRev
	case rev <= last.compacted:
		return errCompacted
	}
	last.compacted = rev
	c.append(last)
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// proposal is what waits for a leader.
type proposal struct {
	run   func()
	fail  func(error)
	write bool
	over  bool
}

// proposalTimeout is how long etcd waits for a leader: 5 s and two election timeouts.
const proposalTimeout = 7 * time.Second

// lead runs f when there is a leader, or fails. What timed out may be carried out yet.
func (c *Cluster) lead(write bool, run func(), fail func(error)) {
	if !time.Now().Before(c.leaderless) {
		run()
		return
	}
	p := &proposal{run: run, fail: fail, write: write}
	c.waiting = append(c.waiting, p)
	c.after(proposalTimeout, func() {
		if !p.over {
			p.over = true
			fail(rpctypes.ErrGRPCTimeoutDueToLeaderFail)
		}
	})
}

// led ends a time without a leader. Some of what has waited is lost: requests that were
// dropped, and replies to requests that were not.
func (c *Cluster) led() {
	if time.Now().Before(c.leaderless) { // it was prolonged
		return
	}
	c.term++
	for _, id := range c.leaseIDs() {
		c.leases[id].refresh()
	}
	waiting := c.waiting
	c.waiting = nil
	for _, p := range waiting {
		fate := c.dice("leader change", 0)
		switch {
		case p.over && (!p.write || !fate.oneIn(2)):
		case p.over:
			p.run()
		case !fate.oneIn(3):
			p.over = true
			p.run()
		case !p.write:
			p.over = true
			p.fail(rpctypes.ErrGRPCLeaderChanged)
		default:
			p.over = true
			if fate.oneIn(2) {
				p.run() // its reply comes second, and is dropped
			}
			p.fail(rpctypes.ErrGRPCTimeoutDueToLeaderFail)
		}
	}
}
