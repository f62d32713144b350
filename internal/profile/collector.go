// Package profile says what waiting for locks has cost: by class of locks, by owner, and by
// chain of who waited for whom. docs/profile.md defines what is counted.
//
// A Collector follows what a watch or a recording says of locks, and does no I/O.
package profile

import (
	"slices"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/lockclass"
)

// Options are the options of a Collector.
type Options struct {
	Classes lockclass.Rules
	Limits  Limits // zero: DefaultLimits
}

// Limits bound the memory of a Collector, beside what it needs for each request that exists.
type Limits struct {
	Names  int // of classes, and of owners
	Chains int
	Cells  int // of the waits over time
	Parts  int // of the time
}

// DefaultLimits take at most about 60 MiB.
var DefaultLimits = Limits{Names: 2000, Chains: 4000, Cells: 100_000, Parts: 600}

// ModestLimits take at most about 10 MiB.
var ModestLimits = Limits{Names: 500, Chains: 1000, Cells: 20_000, Parts: 120}

// Collector follows locks and adds up waits and holds. It is not safe for concurrent use.
type Collector struct {
	rules    lockclass.Rules
	entries  map[string]*entry
	locks    map[inspect.LockID]*lock
	sessions map[int64]*session // by lease
	moved    []*lock            // whose waiters may wait for others now
	reached  []*session         // while settling: the locks that they hold are found anew

	classNames names
	ownerNames names
	recentName recent
	recentWho  recent
	chains     chains

	classes  []group // by number
	owners   []group
	costs    []cost // by chain
	series   series
	events   int
	gaps     int
	inGaps   time.Duration
	started  time.Time
	now      time.Time     // by the clock of who watched
	elapsed  time.Duration // since the start; it never goes back
	revision int64         // of the events that are being applied
}

// entry is a request.
type entry struct {
	lock    *lock
	owner   int32
	session *session
	under   *session // that holds the lock under which the program runs; nil if none is known
	key     string
	lease   int64
	holding bool
	since   time.Duration // when the wait or the hold began
	saw     bool          // it began then; else it had begun before

	counted time.Duration // of a wait: up to when its cost is added up
	chain   int32
	chained time.Duration // since when it waits for that chain
	cut     bool          // it may have waited for it before
}

// lock is a lock with requests.
type lock struct {
	class   int32
	holders []*entry // the first one has held it longest
	waiters []*entry
	others  []string // keys that are in the way
	tail    int32    // the chain that its waiters wait for
	step    step     // when tail was found; zero: it has to be found anew
	head    *session // of the first holder, when it was settled
	dirty   bool     // it is in moved
	forced  bool     // while settling: what its holder waits for has changed
	found   bool     // while settling: tail is found
	onPath  bool     // it is in the chain that is being followed
}

// session is the requests of a client.
type session struct {
	holds []*entry
	waits []*entry // and those of programs that run under its locks; the longest first

	reached bool // while settling
}

// New returns a collector that knows no locks.
func New(opts Options) *Collector {
	limits := opts.Limits
	if limits == (Limits{}) {
		limits = DefaultLimits
	}
	c := &Collector{
		rules: opts.Classes, entries: map[string]*entry{}, locks: map[inspect.LockID]*lock{}, sessions: map[int64]*session{},
		classNames: newNames(limits.Names), ownerNames: newNames(limits.Names), chains: newChains(limits.Chains),
		series: newSeries(limits),
	}
	c.recentName = newRecent(func(name string) int32 { return c.classNames.id(c.rules.Of(name)) })
	c.recentWho = newRecent(func(who string) int32 { return c.ownerNames.id(lockclass.Rules{}.Of(who)) })
	return c
}

// Begin takes in the locks at the start. What holds or waits by then has begun before.
func (c *Collector) Begin(t time.Time, s inspect.Snapshot) {
	c.started, c.now = t, t
	c.series.begin = t
	c.enterAll(s)
}

// Advance takes in that nothing has happened until a time. Where the clock goes back, no
// time has passed.
func (c *Collector) Advance(t time.Time) {
	if t.IsZero() {
		return
	}
	if d := t.Sub(c.now); d > 0 {
		c.elapsed += d
	}
	c.now = t
}

// ClockSet takes in that the clock was set forward by a duration: so much less time has
// passed than it seems.
func (c *Collector) ClockSet(t time.Time, by time.Duration) {
	if by > 0 {
		c.now = c.now.Add(by)
	}
	c.Advance(t)
}

// Apply takes in events, in their order.
func (c *Collector) Apply(events []inspect.Event) {
	for i := range events {
		e := &events[i]
		if e.Revision != c.revision || e.Revision == 0 {
			c.settle()
			c.revision = e.Revision
			c.Advance(e.Time)
		}
		c.apply(e)
	}
	c.settle()
}

func (c *Collector) apply(e *inspect.Event) {
	c.events++
	switch {
	case e.Kind == inspect.EventBlocks:
		l := c.lock(e.Blocked)
		l.others = append(l.others, e.Request.Key)
		c.touch(l)
	case e.Kind == inspect.EventCleared:
		l := c.lock(e.Blocked)
		l.others = slices.DeleteFunc(l.others, func(key string) bool { return key == e.Request.Key })
		c.touch(l)
		c.forget(e.Blocked, l)
	case e.Kind.Gone():
		if known, ok := c.entries[e.Request.Key]; ok {
			c.leave(known, false)
			c.forget(e.Request.Lock, known.lock)
		}
	default:
		known, ok := c.entries[e.Request.Key]
		switch {
		case !ok:
			c.enter(&e.Request)
		case known.holding != e.Request.Holding:
			c.change(known, e.Request.Holding, true)
		}
	}
}

// Gap takes in the locks after a time in which not all events were seen: since the last
// moment that was. A request that holds or waits as before did so all the time.
func (c *Collector) Gap(t time.Time, s inspect.Snapshot) {
	c.settle()
	c.gaps++
	c.inGaps += max(t.Sub(c.now), 0)
	left := make(map[string]bool, len(c.entries))
	for key := range c.entries {
		left[key] = true
	}
	var changed []*inspect.Request
	for i := range s.Locks {
		for j := range s.Locks[i].Queue {
			r := &s.Locks[i].Queue[j]
			e, ok := c.entries[r.Key]
			if !ok || r.Vacant() || r.Encrypted || c.locks[r.Lock] != e.lock {
				continue
			}
			delete(left, r.Key)
			if e.holding != r.Holding {
				changed = append(changed, r)
			}
		}
	}
	for key := range left {
		c.leave(c.entries[key], true)
	}
	for _, r := range changed { // its wait ended at some time in the gap
		c.change(c.entries[r.Key], r.Holding, false)
	}
	c.settle()
	c.Advance(t)
	for _, r := range changed {
		e := c.entries[r.Key]
		e.since, e.saw = c.begun(r)
	}
	c.locks = map[inspect.LockID]*lock{}
	for _, e := range c.entries {
		e.lock.others, e.lock.holders, e.lock.waiters = nil, e.lock.holders[:0], e.lock.waiters[:0]
	}
	c.enterAll(s)
}

// enterAll takes in all locks of a snapshot. Requests that are known stay as they are.
func (c *Collector) enterAll(s inspect.Snapshot) {
	var fresh []*inspect.Request
	for i := range s.Locks {
		for j := range s.Locks[i].Queue {
			r := &s.Locks[i].Queue[j]
			if e, ok := c.entries[r.Key]; ok {
				c.locks[r.Lock] = e.lock
				e.place()
			} else if !r.Vacant() && !r.Encrypted {
				fresh = append(fresh, r)
			}
		}
	}
	slices.SortFunc(fresh, (*inspect.Request).ComparePlace)
	for _, r := range fresh {
		c.enter(r)
	}
	for i := range s.Locks {
		if known := &s.Locks[i]; len(known.Others) > 0 {
			l := c.lock(known.ID)
			for _, o := range known.Others {
				l.others = append(l.others, o.Key)
			}
		}
	}
	for _, l := range c.locks {
		c.touch(l)
	}
	c.settle()
}
