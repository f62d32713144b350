package tui

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
)

const (
	ttlEvery   = 2 * time.Second        // a TTL that is older is looked up again
	ttlSpacing = 250 * time.Millisecond // a new row does not wait for that, but look-ups keep this distance
	ttlTimeout = 2 * time.Second
)

// ttlBook is the leases' remaining times to live, counted down from when they
// were asked for, so that none is shown longer than it is.
type ttlBook struct {
	gen    uint64
	asking bool
	asked  time.Time // when the last look-up began
	known  map[int64]inspect.Lease
	at     time.Time // when known was asked for
	failed int       // look-ups in a row
}

// ttlsMsg answers a look-up. That of an older generation is dropped.
type ttlsMsg struct {
	gen    uint64
	at     time.Time
	leases map[int64]inspect.Lease
	err    error
}

// reset drops what is known and what is still to come.
func (b *ttlBook) reset() {
	b.gen++
	b.known = nil
}

// left is the remaining time of a lease, less than 0 when the lease is gone.
func (b *ttlBook) left(id int64, now time.Time) (time.Duration, bool) {
	switch lease := b.known[id]; lease.State {
	case inspect.LeaseAlive:
		return max(lease.Remaining-now.Sub(b.at), 0), true
	case inspect.LeaseGone:
		return -1, true
	default:
		return 0, false
	}
}

// due reports whether leases are to be looked up now.
func (b *ttlBook) due(leases []int64, now time.Time) bool {
	if b.asking || len(leases) == 0 {
		return false
	}
	since := now.Sub(b.asked)
	if since >= ttlEvery {
		return true
	}
	return b.failed == 0 && since >= ttlSpacing && slices.ContainsFunc(leases, func(l int64) bool {
		_, ok := b.known[l]
		return !ok
	})
}

// fetch looks the leases of the visible requests up when it is time to.
func (b *ttlBook) fetch(t *tasks, src Source, visible []inspect.Request, now time.Time) tea.Cmd {
	leases := leasesOf(visible)
	if !b.due(leases, now) {
		return nil
	}
	b.gen++
	b.asking, b.asked = true, now
	gen := b.gen
	return t.cmd(func() tea.Msg {
		ctx, cancel := context.WithTimeout(t.ctx, ttlTimeout)
		defer cancel()
		found, err := src.Leases(ctx, leases)
		return ttlsMsg{gen: gen, at: now, leases: found, err: err}
	})
}

// take notes an answer. It reports the second failure of a series: the first
// may be that of an etcd which is about to be reported as lost.
func (b *ttlBook) take(msg ttlsMsg) error {
	b.asking = false
	if msg.gen != b.gen {
		return nil
	}
	if msg.err != nil {
		b.failed++
		b.known = nil
		if b.failed == 2 {
			return msg.err
		}
		return nil
	}
	b.failed, b.at, b.known = 0, msg.at, msg.leases
	return nil
}

func leasesOf(requests []inspect.Request) []int64 {
	var leases []int64
	for _, r := range requests {
		if r.Lease != 0 && !slices.Contains(leases, r.Lease) {
			leases = append(leases, r.Lease)
		}
	}
	return leases
}
