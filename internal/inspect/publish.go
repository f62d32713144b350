package inspect

import (
	"iter"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// maxEvents bounds the events of an update: of those that a slow receiver missed, it
// has the last ones.
const maxEvents = 1000

// An update costs a copy of the list of locks, and of each queue that changes after
// it. So a rest follows it, restFactor times as long as the work since the update
// before, at most maxRest.
//
// A recorder needs no update at once, but the fewer it gets, the less it costs.
const (
	restFactor = 50
	maxRest    = 50 * time.Millisecond
	stepsRest  = 200 * time.Millisecond

	// While much happens, an update with steps is bare unless none with locks was made for so
	// long: at least the first, longer by the second for each key, at most the third.
	locksEvery, locksEveryKey, locksEveryAtMost = 5 * time.Second, 250 * time.Microsecond, 30 * time.Second
)

// change is what the goroutines that do I/O pass to the publisher. Exactly one of
// its fields is set, apart from at.
type change struct {
	listing  *listing           // everything, read anew
	events   []*clientv3.Event  // of whole revisions, in order
	at       time.Time          // when the events came
	progress int64              // all events up to this revision have been passed
	answered int64              // a probe read this revision
	failed   error              // etcd did not answer
	leases   []*mvccpb.KeyValue // keys that were read for their leases
	check    *checking          // everything, to be compared
	settled  int64              // all events up to this revision have been passed, although etcd does not say so
}

// feed passes changes to a publisher. While that rests, it is not woken for events: at
// thousands a second, that would cost as much as to apply them.
type feed struct {
	changes chan change
	urgent  chan struct{} // there is another change than events, or no room for more
}

func newFeed() feed {
	return feed{changes: make(chan change, maxChanges), urgent: make(chan struct{}, 1)}
}

// send passes a change on.
func (f feed) send(c change) {
	select {
	case f.changes <- c:
	default:
		f.wake()
		f.changes <- c
	}
	if len(c.events) == 0 {
		f.wake()
	}
}

// close says that there are no more changes.
func (f feed) close() {
	close(f.changes)
	f.wake()
}

func (f feed) wake() {
	select {
	case f.urgent <- struct{}{}:
	default:
	}
}

// publisher owns the state. It applies changes as they come and sends updates as
// fast as their receiver takes them, and no faster: what happens in between goes
// into the next update. So a slow receiver does not block the watch, and a fast one
// does not take up the processor.
type publisher struct {
	out    chan<- Update
	now    func() time.Time
	state  *state
	synced bool // a listing has been applied
	begun  bool // an update with locks has been made
	most   int  // events of an update, and half of its steps
	usual  int  // events of the last update: for so many, there is room in the next one
	steps  bool // updates have steps

	unstepped bool      // steps of next were dropped
	bare      bool      // the last update was
	quiet     bool      // nothing has happened since, up to the end of the rest
	told      time.Time // when the last update with locks was made
	health    health
	unread    *unread

	next  Update // what has not been offered yet; its snapshot is made then
	dirty bool   // next has something new
}

func newPublisher(prefixes keyspace.Prefixes, rules *layout.Set, out chan<- Update, now func() time.Time, u *unread) *publisher {
	return &publisher{out: out, now: now, state: newState(prefixes, newListing(prefixes, rules), nil), unread: u, most: maxEvents}
}

// noteSteps has updates have steps. It is called first.
func (p *publisher) noteSteps() {
	p.most, p.steps = maxSteps, true
	p.state.noteSteps()
}

// run publishes until the feed is closed.
func (p *publisher) run(f feed) {
	var offer Update
	var out chan<- Update     // nil while there is nothing to offer
	var rest <-chan time.Time // nil when the next update may be made
	var worked time.Duration  // since the last rest began
	for more := true; more; {
		began := time.Now()
		if out == nil && p.dirty && (rest == nil || len(p.next.Events) >= p.most/2) {
			offer, out = p.take(), p.out
			rest = time.After(p.rest(worked + time.Since(began)))
			worked = 0
		}
		changes := f.changes
		if rest != nil {
			changes = nil
		}
		select {
		case c, ok := <-changes:
			if !ok {
				return
			}
			began = time.Now()
			p.handle(c)
			more = p.handleAll(f.changes)
			worked += time.Since(began)
		case <-f.urgent:
			began = time.Now()
			more = p.handleAll(f.changes)
			worked += time.Since(began)
		case out <- offer:
			offer, out = Update{}, nil
		case <-rest:
			rest = nil
			began = time.Now()
			more = p.handleAll(f.changes)
			worked += time.Since(began)
			p.quiet = !p.dirty
			p.dirty = p.dirty || p.bare
		}
	}
}

// rest returns how long to rest after an update.
func (p *publisher) rest(worked time.Duration) time.Duration {
	if p.steps {
		return stepsRest
	}
	return min(restFactor*worked, maxRest)
}

// handleAll handles the changes that are buffered, so that a burst costs one
// snapshot. It takes a bounded number, since more keep coming. It reports false once
// there are no more.
func (p *publisher) handleAll(changes <-chan change) (more bool) {
	for range cap(changes) {
		select {
		case c, ok := <-changes:
			if !ok {
				return false
			}
			p.handle(c)
		default:
			return true
		}
	}
	return true
}

// take returns the next update.
func (p *publisher) take() Update {
	p.dropEvents()
	p.unread.add(p.state.unread())
	u := p.next
	u.Steps = p.state.takeSteps()
	dropped := p.steps && (u.Missed > 0 || p.unstepped)
	u.Bare = p.spares(u, dropped)
	u.Snapshot, u.Err = p.picture(u.Bare), p.health.err
	if dropped {
		read := u.Snapshot
		u.Steps, p.unstepped = []Step{p.readStep(&read, u.Resynced)}, false
	}
	if p.synced && !p.begun { // no earlier snapshot is known to the receiver, from which events lead to this one
		p.begun, u.Missed = true, 0
		if len(u.Steps) == 0 {
			u.Events = nil
		}
	}
	p.next, p.dirty, p.usual = Update{}, false, len(u.Events)
	p.bare = u.Bare
	return u
}

// spares reports whether an update is to be bare; steps of it may have been dropped.
func (p *publisher) spares(u Update, dropped bool) bool {
	return p.steps && p.begun && !p.quiet && !dropped && !u.Resynced.Happened() && p.now().Sub(p.told) < locksPause(p.state.below.keys().Len())
}

// locksPause returns for how long updates with steps are bare, given the number of keys.
func locksPause(keys int) time.Duration {
	return min(locksEvery+time.Duration(keys)*locksEveryKey, locksEveryAtMost)
}

// picture returns the locks as they are, or only what else a snapshot has.
func (p *publisher) picture(bare bool) Snapshot {
	if bare {
		return p.state.bare()
	}
	p.told = p.now()
	return p.state.snapshot()
}

// readStep returns the step of locks that are not known by the steps before.
func (p *publisher) readStep(read *Snapshot, resynced Resync) Step {
	return Step{Revision: read.Revision, Time: p.now(), Other: read.Other, Read: read, Resynced: resynced}
}

func (p *publisher) handle(c change) {
	revision, err := p.state.revision, p.health.err
	switch {
	case c.listing != nil:
		p.reset(*c.listing)
	case len(c.events) > 0:
		p.apply(c.events, c.at)
	case c.progress > 0:
		p.state.advance(c.progress)
		p.health.progress = true
	case c.answered > 0:
		p.health.answered(c.answered, p.state.revision)
	case c.failed != nil:
		p.health.failed(c.failed)
	case len(c.leases) > 0:
		p.state.at, p.state.late = p.now(), true // it was so before
		p.state.learn(c.leases)
		p.dirty = true
	case c.settled > 0:
		p.state.advance(c.settled)
	case c.check != nil:
		c.check.same <- p.state.matches(c.check.listing)
	}
	p.health.reached(p.state.revision)
	p.dirty = p.dirty || p.state.revision != revision || !sameError(p.health.err, err)
}

// sameError reports whether two errors have the same text: a repeated failure is
// not worth an update.
func sameError(a, b error) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.Error() == b.Error()
}

func (p *publisher) reset(l listing) {
	before := p.state
	var resynced Resync
	if p.synced {
		resynced = Resync{Cause: l.cause, From: before.revision, To: l.revision}
		p.next.Resynced = p.next.Resynced.then(resynced)
	}
	if l.cause.otherData() {
		before = newState(before.prefixes, newListing(before.prefixes, before.rules), nil)
	}
	steps, noting := p.state.takeSteps(), p.state.noting
	p.state = newState(before.prefixes, l, before)
	p.state.see(before, p.now())
	if noting {
		p.state.noteSteps()
		read := p.state.snapshot()
		steps = append(steps, p.readStep(&read, resynced))
		p.state.steps = steps
	}
	p.synced, p.dirty = true, true
	p.health = health{}
}

// apply applies events, which came now, revision by revision.
func (p *publisher) apply(events []*clientv3.Event, now time.Time) {
	p.state.late = p.health.err != nil
	if p.next.Events == nil {
		p.next.Events = make([]Event, 0, p.usual)
	}
	for revision := range revisions(events) {
		p.next.Events = p.state.applyTo(p.next.Events, revision, now)
	}
	p.dirty = true
	if len(p.next.Events) > 2*p.most { // rarely, because it moves all events
		p.dropEvents()
	}
	if len(p.state.steps) > 2*p.most {
		p.state.takeSteps()
		p.unstepped = true
	}
}

// revisions splits events by revision.
func revisions(events []*clientv3.Event) iter.Seq[[]*clientv3.Event] {
	return chunks(events, func(e *clientv3.Event) int64 { return e.Kv.ModRevision })
}

// chunks splits list where the revision changes.
func chunks[T any](list []T, revision func(T) int64) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for len(list) > 0 {
			n := 1
			for n < len(list) && revision(list[n]) == revision(list[0]) {
				n++
			}
			if !yield(list[:n]) {
				return
			}
			list = list[n:]
		}
	}
}

// dropEvents keeps the last events and counts those before.
func (p *publisher) dropEvents() {
	n := max(0, len(p.next.Events)-p.most)
	p.next.Events = slices.Delete(p.next.Events, 0, n)
	p.next.Missed += n
}
