package tui

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
)

const (
	leaseEvery   = 2 * time.Second        // what is in view is looked up again
	leaseSpacing = 250 * time.Millisecond // a new row does not wait for that, but look-ups keep this distance
	leaseTimeout = 2 * time.Second
	leaseRest    = 16 // of one look-up for leases that are not in view

	// leaseFresh is how long what was said of a lease is shown: those in view are
	// looked up more often, and of the others nobody knows whether they were
	// renewed meanwhile.
	leaseFresh = 3 * leaseEvery
)

// leaseBook is what etcd said of leases. Their times are counted down from when
// they were asked for, so that none is shown longer than it is.
//
// Look-ups are bounded, whatever there is to look up: those in view first, then
// a few others in turns, those that matter most first.
type leaseBook struct {
	gen    uint64
	asking bool
	next   time.Time // when those in view are due again
	asked  time.Time // when the last look-up began
	known  map[int64]fact
	failed int     // look-ups in a row
	others []int64 // in their turn
	turn   int
}

// fact is what was said of a lease, and when it was asked for.
type fact struct {
	inspect.Lease
	at time.Time
}

// leasesMsg answers a look-up. That of an older generation is dropped.
type leasesMsg struct {
	gen    uint64
	at     time.Time
	leases map[int64]inspect.Lease
	err    error
}

// reset drops what is known and what is still to come.
func (b *leaseBook) reset() {
	b.gen++
	b.known = nil
}

// want says which leases there are, those that matter most first. Others are
// forgotten.
func (b *leaseBook) want(ids []int64) {
	b.others = ids
	if len(b.known) <= 2*len(ids)+64 {
		return
	}
	there := make(map[int64]fact, len(ids))
	for _, id := range ids {
		if f, ok := b.known[id]; ok {
			there[id] = f
		}
	}
	b.known = there
}

// facts is all that is known, to diagnose with.
func (b *leaseBook) facts() map[int64]inspect.Lease {
	facts := make(map[int64]inspect.Lease, len(b.known))
	for id, f := range b.known {
		facts[id] = f.Lease
	}
	return facts
}

// fresh is what was said of a lease lately, nothing if that is long ago.
func (b *leaseBook) fresh(id int64, now time.Time) fact {
	if f := b.known[id]; now.Sub(f.at) <= leaseFresh {
		return f
	}
	return fact{}
}

// left is the remaining time of a lease, less than 0 when the lease is gone.
func (b *leaseBook) left(id int64, now time.Time) (time.Duration, bool) {
	switch f := b.fresh(id, now); f.State {
	case inspect.LeaseAlive:
		return max(f.Remaining-now.Sub(f.at), 0), true
	case inspect.LeaseGone:
		return -1, true
	default:
		return 0, false
	}
}

// due reports whether leases are to be looked up now.
func (b *leaseBook) due(visible []int64, now time.Time) bool {
	if b.asking || len(visible)+len(b.others) == 0 {
		return false
	}
	if !now.Before(b.next) {
		return true
	}
	visible = visible[:min(len(visible), inspect.MaxLeases)] // that are asked for
	return b.failed == 0 && now.Sub(b.asked) >= leaseSpacing && slices.ContainsFunc(visible, func(l int64) bool {
		return l != 0 && b.fresh(l, now).at.IsZero()
	})
}

// choose are the leases to look up: those in view, those that were late, and
// some of the others in their turn.
func (b *leaseBook) choose(visible []int64) []int64 {
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

// fetch looks leases up when it is time to.
func (b *leaseBook) fetch(t *tasks, src Source, visible []int64, now time.Time) tea.Cmd {
	if !b.due(visible, now) {
		return nil
	}
	ids := b.choose(visible)
	if len(ids) == 0 {
		return nil
	}
	b.gen++
	b.asking, b.asked = true, now
	b.next = now.Add(leaseEvery + rand.N(leaseEvery/8)) // not in step with others
	gen := b.gen
	return t.cmd(func() tea.Msg {
		ctx, cancel := context.WithTimeout(t.ctx, leaseTimeout)
		defer cancel()
		found, err := src.Leases(ctx, ids)
		return leasesMsg{gen: gen, at: now, leases: found, err: err}
	})
}

// take notes an answer, and reports whether a diagnosis would differ by it. Its
// error is the second failure of a series: the first may be that of an etcd
// which is about to be reported as lost.
func (b *leaseBook) take(msg leasesMsg) (news bool, err error) {
	b.asking = false
	if msg.gen != b.gen {
		return false, nil
	}
	if msg.err != nil {
		b.failed++
		news = len(b.known) > 0
		b.known = nil
		if b.failed == 2 {
			err = msg.err
		}
		return news, err
	}
	b.failed = 0
	if b.known == nil {
		b.known = map[int64]fact{}
	}
	for id, l := range msg.leases {
		news = news || condition(l) != condition(b.known[id].Lease)
		b.known[id] = fact{l, msg.at}
	}
	return news, nil
}

// condition is what a diagnosis goes by: a lease that is renewed in time is as
// good as one that nobody has asked for.
func condition(l inspect.Lease) [2]bool {
	return [2]bool{l.State == inspect.LeaseGone, l.MissedRenewals()}
}
