package connect

import (
	"context"
	"fmt"
	"maps"
	"time"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
)

// MostLeases is how many leases are looked up to explain locks.
const MostLeases = 8 * inspect.MaxLeases

// leasePause is the longest pause between batches of leases.
const leasePause = 20 * time.Millisecond

// UrgentLeases looks up the leases of a snapshot, those of blockers first, and says what
// remains unknown. It spares etcd: it looks up at most a number of them, in batches, with a
// pause between them that is as long as the batch took.
func (c *Conn) UrgentLeases(ctx context.Context, s inspect.Snapshot, most int) (leases map[int64]inspect.Lease, unknown []string) {
	ids := s.LeasesByUrgency()
	skipped := max(0, len(ids)-most)
	ids = ids[:len(ids)-skipped]
	leases = make(map[int64]inspect.Lease, len(ids))
	var took time.Duration
	for batch := 0; len(ids) > 0; batch++ {
		if batch > 0 && !backoff.Pause(ctx, min(took, leasePause)) {
			break
		}
		began := time.Now()
		n := min(len(ids), inspect.MaxLeases)
		found, err := c.Leases(ctx, ids[:n], s)
		maps.Copy(leases, found)
		if err != nil {
			return leases, append(unknown, fmt.Sprintf("remaining TTLs of leases: %s", format.Plainly(err)))
		}
		ids, took = ids[n:], time.Since(began)
	}
	if skipped += len(ids); skipped > 0 {
		unknown = append(unknown, fmt.Sprintf("remaining TTLs of the %d least relevant leases: too many to look up", skipped))
	}
	return leases, unknown
}
