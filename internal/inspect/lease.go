package inspect

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"etcd-lock/internal/format"
	"etcd-lock/internal/seconds"
)

const (
	// MaxLeases is how many leases Leases looks up at most.
	MaxLeases = 64

	leaseLookups = 8 // at a time
)

// LeaseState says what etcd answered when it was asked for a lease.
type LeaseState uint8

// What can be known of a lease.
const (
	LeaseUnknown LeaseState = iota // etcd was not asked, or did not answer
	LeaseAlive
	LeaseGone // it ran out or was revoked, or never was
)

// Lease is what etcd says of a lease. Its times are those of one that is alive.
type Lease struct {
	State     LeaseState
	Granted   time.Duration // how long it lives without a renewal
	Remaining time.Duration // in whole seconds, rounded down
}

// MissedRenewals reports whether the lease is older than a client lets it
// become: clients renew it each third of its time. What remains is rounded
// down, so up to a second more may be left. The form that it is computed in
// cannot overflow.
func (l Lease) MissedRenewals() bool {
	return l.State == LeaseAlive && l.Remaining < l.Granted-l.Granted/3-time.Second
}

// Leases looks leases up. etcd's leader answers for one at a time, so only the
// first MaxLeases different ones are asked for: begin with those that matter.
// The answer has each of ids but the lease 0, which is none; with an error too,
// where it holds what was learned before.
func (s *Source) Leases(ctx context.Context, ids []int64) (map[int64]Lease, error) {
	var mu sync.Mutex
	leases := make(map[int64]Lease, len(ids))
	for _, id := range ids {
		leases[id] = Lease{}
	}
	delete(leases, 0)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(leaseLookups)
	for _, id := range lookups(ids) {
		g.Go(func() error {
			lease, err := s.lease(ctx, id)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			leases[id] = lease
			return nil
		})
	}
	err := g.Wait()
	return leases, err
}

func (s *Source) lease(ctx context.Context, id int64) (Lease, error) {
	resp, err := s.client.TimeToLive(ctx, clientv3.LeaseID(id))
	if err != nil {
		return Lease{}, fmt.Errorf("inspect: lease %s: %w", format.Lease(id), err)
	}
	return answered(resp.GrantedTTL, resp.TTL), nil
}

// answered is the lease of which etcd says that much, in seconds.
func answered(granted, remaining int64) Lease {
	if remaining < 0 {
		return Lease{State: LeaseGone}
	}
	return Lease{State: LeaseAlive, Granted: seconds.Duration(granted), Remaining: seconds.Duration(remaining)}
}

// lookups are the first MaxLeases different leases.
func lookups(leases []int64) []int64 {
	var ids []int64
	for _, id := range leases {
		if id != 0 && len(ids) < MaxLeases && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}
