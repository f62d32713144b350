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
	// MaxLeases bounds how many leases Leases looks up.
	MaxLeases = 64

	leaseLookups = 8 // concurrently
)

// LeaseState says what is known of a lease.
type LeaseState uint8

// The states of a lease.
const (
	LeaseUnknown LeaseState = iota // not looked up, or etcd did not answer
	LeaseAlive
	LeaseGone // expired, revoked or never granted
)

// Lease is the answer to looking a lease up. Its times are set for LeaseAlive.
type Lease struct {
	State     LeaseState
	Granted   time.Duration // its TTL
	Remaining time.Duration // until it expires, in whole seconds, rounded down
}

// MissedRenewals reports whether the lease is older than a client lets it become:
// clients renew a lease each third of its TTL. Remaining is rounded down, so up to
// a second more may be left. The form in which it is computed cannot overflow.
func (l Lease) MissedRenewals() bool {
	return l.State == LeaseAlive && l.Remaining < l.Granted-l.Granted/3-time.Second
}

// Leases looks leases up. etcd's leader answers for one lease at a time, so only
// the first MaxLeases different ones are looked up: sort them by importance. The
// result has each of ids but 0, which is no lease. With an error, it has what was
// learned before.
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

// lookups returns the first MaxLeases different leases.
func lookups(leases []int64) []int64 {
	var ids []int64
	for _, id := range leases {
		if id != 0 && len(ids) < MaxLeases && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}
