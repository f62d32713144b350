package state

import (
	"math/rand/v2"
	"slices"
	"time"

	"etcd-lock/internal/inspect"
)

const (
	leaseEvery   = 2 * time.Second        // leases in view are looked up again after that
	leaseSpacing = 250 * time.Millisecond // a new row does not wait for that, but look-ups keep this distance
	leaseRest    = 16                     // leases of one look-up that are not in view

	// leaseFresh is how long an answer is shown: leases in view are looked up more
	// often, and others may have been renewed meanwhile.
	leaseFresh = 3 * leaseEvery
)

// LeaseCache is what etcd said of leases. Their times are counted down from when
// etcd was asked, so that no lease is shown with more time than it has.
//
// Look-ups are bounded, however many leases there are: first those in view, then
// a few of the others by turns, the most urgent first.
type LeaseCache struct {
	gen    uint64
	Asking bool
	next   time.Time // when those in view are due again
	asked  time.Time // when the latest look-up began
	known  map[int64]leaseFact
	seen   map[int64]*Renewals // by the look-ups so far, also while etcd does not answer
	term   uint64              // the last one that etcd answered in
	failed int                 // look-ups in a row
	others []int64             // looked up by turns
	turn   int                 // the next of these
}

// leaseFact is what etcd said of a lease, and when it was asked.
type leaseFact struct {
	inspect.Lease
	at time.Time
}

// LeaseAnswer answers a look-up. That of an older generation is dropped.
type LeaseAnswer struct {
	Gen    uint64
	At     time.Time // when etcd was asked
	Done   time.Time // when it had answered
	Leases map[int64]inspect.Lease
	Err    error
}

// Reset forgets all answers, and the one that is still to come.
func (b *LeaseCache) Reset() {
	b.gen++
	b.known = nil
}

// Due has leases be looked up at once.
func (b *LeaseCache) Due() { b.next = time.Time{} }

// Want sets which leases there are, the most urgent first. Others are forgotten.
func (b *LeaseCache) Want(ids []int64) {
	b.others = ids
	b.known, b.seen = keep(b.known, ids), keep(b.seen, ids)
}

// keep drops what is known of others once that is much.
func keep[T any](known map[int64]T, ids []int64) map[int64]T {
	if len(known) <= 2*len(ids)+64 {
		return known
	}
	there := make(map[int64]T, len(ids))
	for _, id := range ids {
		if f, ok := known[id]; ok {
			there[id] = f
		}
	}
	return there
}

// Facts returns all that is known, for a diagnosis.
func (b *LeaseCache) Facts() map[int64]inspect.Lease {
	facts := make(map[int64]inspect.Lease, len(b.known))
	for id, f := range b.known {
		facts[id] = f.Lease
	}
	return facts
}

// fresh returns what etcd said of a lease lately, the zero value if that was long
// ago.
func (b *LeaseCache) fresh(id int64, now time.Time) leaseFact {
	if f := b.known[id]; now.Sub(f.at) <= leaseFresh {
		return f
	}
	return leaseFact{}
}

// left returns the remaining time of the lease, less than 0 if it has expired, and
// whether it is known.
func (f leaseFact) left(now time.Time) (time.Duration, bool) {
	switch f.State {
	case inspect.LeaseAlive:
		return max(f.Remaining-max(now.Sub(f.at), 0), 0), true
	case inspect.LeaseOverdue:
		return f.Remaining - min(max(now.Sub(f.at), 0), leaseFresh), true
	case inspect.LeaseGone, inspect.LeaseMissing, inspect.LeaseUnattached:
		return -1, true
	default:
		return 0, false
	}
}

// due reports whether leases are to be looked up now.
func (b *LeaseCache) due(visible []int64, now time.Time) bool {
	if b.Asking || len(visible)+len(b.others) == 0 {
		return false
	}
	if !now.Before(b.next) {
		return true
	}
	visible = visible[:min(len(visible), inspect.MaxLeases)] // that are looked up
	return b.failed == 0 && now.Sub(b.asked) >= leaseSpacing && slices.ContainsFunc(visible, func(l int64) bool {
		return l != 0 && b.fresh(l, now).at.IsZero()
	})
}

// choose returns the leases to look up: those in view, some of the others by
// turns, and those that missed renewals.
func (b *LeaseCache) choose(visible []int64) []int64 {
	ids := make([]int64, 0, inspect.MaxLeases)
	add := func(id int64) {
		if id != 0 && len(ids) < inspect.MaxLeases && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, id := range visible {
		add(id)
	}
	few := min(len(b.others), leaseRest)
	for i := range few {
		add(b.others[(b.turn+i)%len(b.others)])
	}
	if few > 0 {
		b.turn = (b.turn + few) % len(b.others)
	}
	for _, id := range b.others[:min(len(b.others), inspect.MaxLeases)] {
		if f, ok := b.known[id]; ok && f.MissedRenewals() {
			add(id)
		}
	}
	return ids
}

// Request returns the leases to look up now, empty when it is not time to, and the
// number that the answer has to carry.
func (b *LeaseCache) Request(visible []int64, now time.Time) (ids []int64, gen uint64) {
	if !b.due(visible, now) {
		return nil, 0
	}
	ids = b.choose(visible)
	if len(ids) == 0 {
		return nil, 0
	}
	b.gen++
	b.Asking, b.asked = true, now
	b.next = now.Add(leaseEvery + rand.N(leaseEvery/8)) // not in step with others
	return ids, b.gen
}

// Take notes an answer, and reports whether it changes a diagnosis. The error is
// the second failure in a row: the first may be from an etcd that is about to be
// reported as lost.
func (b *LeaseCache) Take(msg LeaseAnswer) (news bool, err error) {
	b.Asking = false
	if msg.Gen != b.gen {
		return false, nil
	}
	if msg.Err != nil {
		b.failed++
		news = len(b.known) > 0
		b.known = nil
		if b.failed == 2 {
			err = msg.Err
		}
		return news, err
	}
	b.failed = 0
	if b.known == nil {
		b.known = map[int64]leaseFact{}
	}
	if b.seen == nil {
		b.seen = map[int64]*Renewals{}
	}
	before := b.term
	for id, l := range msg.Leases {
		if l.State != inspect.LeaseUnknown {
			l = b.learn(id, l, msg, before)
		}
		news = news || condition(l) != condition(b.known[id].Lease)
		b.known[id] = leaseFact{l, msg.At}
	}
	return news, nil
}

// learn returns a lease with what look-ups up to this answer have shown of it. The
// term was known before.
func (b *LeaseCache) learn(id int64, l inspect.Lease, msg LeaseAnswer, term uint64) inspect.Lease {
	r := b.seen[id]
	if r == nil {
		r = &Renewals{}
		b.seen[id] = r
	}
	done := msg.At
	if msg.Done.After(done) {
		done = msg.Done
	}
	r.take(l, msg.At, done, term)
	b.term = max(b.term, l.Term)
	return r.facts(l, done)
}

// Renewals returns what look-ups have shown of whether a lease is renewed.
func (b *LeaseCache) Renewals(id int64) Renewals {
	if r := b.seen[id]; r != nil {
		return *r
	}
	return Renewals{}
}

// condition is what matters to a diagnosis, to which a lease that is renewed in
// time is as good as an unknown one.
func condition(l inspect.Lease) leaseCondition {
	c := leaseCondition{l.State, l.MissedRenewals(), len(l.Lacks)}
	if c.state == inspect.LeaseAlive {
		c.state = inspect.LeaseUnknown
	}
	return c
}

type leaseCondition struct {
	state  inspect.LeaseState
	missed bool
	lacks  int
}
