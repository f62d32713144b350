package inspect

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"
)

const (
	// MaxLeases is how many leases LeaseTTLs looks up at most.
	MaxLeases = 64

	leaseLookups = 8 // at a time
)

// LeaseTTLs returns the remaining time to live of each lease that still
// exists, in whole seconds. etcd's leader answers for one lease at a time, so
// only the first MaxLeases different ones are looked up; ask for those on the
// screen. The lease 0 is none.
func (s *Source) LeaseTTLs(ctx context.Context, leases []int64) (map[int64]time.Duration, error) {
	var mu sync.Mutex
	ttls := make(map[int64]time.Duration, len(leases))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(leaseLookups)
	for _, lease := range lookups(leases) {
		g.Go(func() error {
			resp, err := s.client.TimeToLive(ctx, clientv3.LeaseID(lease))
			if err != nil {
				return fmt.Errorf("inspect: lease %x: %w", lease, err)
			}
			if resp.TTL < 0 { // expired, or never granted
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			ttls[lease] = time.Duration(resp.TTL) * time.Second
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return ttls, nil
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
