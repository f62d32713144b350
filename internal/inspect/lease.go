package inspect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"etcd-lock/internal/format"
	"etcd-lock/internal/keyspace"
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
	LeaseUnknown LeaseState = iota // not looked up, or etcd did not answer, or another cluster did
	LeaseAlive
	LeaseGone    // expired, revoked or never granted
	LeaseOverdue // expired, but etcd has not revoked it: its keys still exist
	LeaseMissing // gone, but a request on it still exists: nothing will ever remove that
	// LeaseUnattached is there, but its requests are not attached to it, as when etcd had lost
	// it and it was granted again: nothing will ever remove them.
	LeaseUnattached
)

// Outlived reports whether requests outlive such a lease: nothing will ever remove them.
func (s LeaseState) Outlived() bool { return s == LeaseMissing || s == LeaseUnattached }

// Lease is the answer to looking a lease up. Its times are set for LeaseAlive and
// LeaseOverdue.
type Lease struct {
	State     LeaseState
	Granted   time.Duration // its TTL
	Remaining time.Duration // until it expires, in whole seconds, rounded towards 0; negative for LeaseOverdue

	// Term is the raft term in which etcd answered, 0 when it is not known. A new
	// leader starts all TTLs anew: a TTL that rose since another term says nothing
	// about the client.
	Term uint64
	// Unrenewed is for how long earlier look-ups have shown no renewal, where that is
	// too long for a client that renews; else 0.
	Unrenewed time.Duration
	// Restarted says that a leader change started the TTL anew meanwhile.
	Restarted bool
	// Lacks are keys of requests that have its ID and are not attached to it, beside others that
	// are: at least these.
	Lacks []string
}

// Of returns the lease as far as a key is concerned that has its ID.
func (l Lease) Of(key string) Lease {
	if slices.Contains(l.Lacks, key) {
		return Lease{State: LeaseUnattached, Term: l.Term}
	}
	return l
}

// A renewal may show later than a third of the TTL after the one before: what remains is
// rounded down by up to a second, and etcd's client looks only each half second whether a
// renewal is due. The rest is for the way to etcd.
const (
	remainingRounded = time.Second
	renewalSlack     = remainingRounded + time.Second
)

// MissedRenewals reports whether the lease has not been renewed for longer than a
// client lets it become: clients renew a lease each third of its TTL.
func (l Lease) MissedRenewals() bool { return l.late(renewalSlack) }

// late is MissedRenewals with that much slack. The form in which it is computed cannot
// overflow.
func (l Lease) late(slack time.Duration) bool {
	return l.State == LeaseAlive && (l.Remaining < l.Granted-l.Granted/3-slack || l.Unrenewed > max(l.Granted, 0)/3)
}

// NotRenewedFor returns for how long the lease has not been renewed, as far as is
// known: since it was granted, last renewed, or seen for the first time, or since a
// leader change.
func (l Lease) NotRenewedFor() time.Duration {
	return max(max(l.Granted, 0)-max(l.Remaining, 0), l.Unrenewed, 0)
}

// Leases looks leases up. etcd's leader answers for one lease at a time, so only
// the first MaxLeases different ones are looked up: sort them by importance. The
// result has each of ids but 0, which is no lease. With an error, it has what was
// learned before.
//
// A lease that is gone is LeaseMissing if one of its requests in the snapshot
// exists afterwards: etcd removes a lease together with its keys, but a restored
// backup can have keys without their lease. If that is granted again, they are not attached
// to it: so etcd is asked for its keys too, once in each term.
func (s *Source) Leases(ctx context.Context, ids []int64, in Snapshot) (map[int64]Lease, error) {
	leases := make(map[int64]Lease, len(ids))
	for _, id := range ids {
		leases[id] = Lease{}
	}
	delete(leases, 0)
	oldest := in.oldestOf(leases)
	err := lookUpEach(ctx, ids, leases, func(ctx context.Context, id int64) (Lease, error) { return s.lease(ctx, id, oldest[id], in) })
	return leases, err
}

// LeaseKeys returns the keys that are attached to leases, in no order, of the first
// MaxLeases different ones. A user has to be permitted to read all keys of a lease. With an error,
// the result has what was learned before.
func (s *Source) LeaseKeys(ctx context.Context, ids []int64) (map[int64][]string, error) {
	keys := map[int64][]string{}
	err := lookUpEach(ctx, ids, keys, s.leaseKeys)
	return keys, err
}

func (s *Source) leaseKeys(ctx context.Context, id int64) ([]string, error) {
	resp, err := s.client.TimeToLive(ctx, clientv3.LeaseID(id), clientv3.WithAttachedKeys())
	if err != nil {
		return nil, fmt.Errorf("inspect: keys of lease %s: %w", format.Lease(id), err)
	}
	return attachedKeys(resp), nil
}

// attachedKeys returns the keys that an answer lists.
func attachedKeys(resp *clientv3.LeaseTimeToLiveResponse) []string {
	keys := make([]string, 0, len(resp.Keys))
	for _, k := range resp.Keys {
		keys = append(keys, string(k))
	}
	return keys
}

// Keyless counts the leases without keys that were granted for as long as a lease of a
// lock, among the first MaxLeases that etcd lists and that no request of the snapshot is
// on; all reports whether those are all leases. Clients of some layouts leave such leases
// behind when they try in vain.
func (s *Source) Keyless(ctx context.Context, granted time.Duration, in Snapshot) (count int, all bool, err error) {
	listed, err := s.client.Leases(ctx)
	if err != nil {
		return 0, false, fmt.Errorf("inspect: list leases: %w", err)
	}
	used := map[int64]bool{}
	for _, l := range in.Locks {
		for _, r := range l.Queue {
			used[r.Lease] = true
		}
	}
	var ids []int64
	for _, l := range listed.Leases {
		if !used[int64(l.ID)] {
			ids = append(ids, int64(l.ID))
		}
	}
	found := map[int64]bool{}
	err = lookUpEach(ctx, ids, found, func(ctx context.Context, id int64) (bool, error) {
		resp, err := s.client.TimeToLive(ctx, clientv3.LeaseID(id), clientv3.WithAttachedKeys())
		return err == nil && len(resp.Keys) == 0 && seconds.Duration(resp.GrantedTTL) == granted, err
	})
	for _, keyless := range found {
		if keyless {
			count++
		}
	}
	return count, len(ids) <= MaxLeases, err
}

// lookUpEach puts what lookUp returns for leases into found, of the first MaxLeases
// different ones, a few at a time. It stops at the first error.
func lookUpEach[T any](ctx context.Context, ids []int64, found map[int64]T, lookUp func(context.Context, int64) (T, error)) error {
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(leaseLookups)
	for _, id := range lookups(ids) {
		g.Go(func() error {
			one, err := lookUp(ctx, id)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			found[id] = one
			return nil
		})
	}
	return g.Wait()
}

// lease looks a lease up, given the oldest of its requests in the snapshot, nil if it has none.
func (s *Source) lease(ctx context.Context, id int64, oldest *Request, in Snapshot) (Lease, error) {
	check := oldest != nil && !s.attached.known(id, oldest.Modified)
	resp, listed, err := s.timeToLive(ctx, id, check)
	if err != nil {
		return Lease{}, fmt.Errorf("inspect: lease %s: %w", format.Lease(id), err)
	}
	if id := resp.GetClusterId(); id != 0 && in.cluster != 0 && id != in.cluster {
		return Lease{}, nil // it was granted by the cluster of the snapshot
	}
	l := answered(resp.GrantedTTL, resp.TTL)
	l.Term = resp.GetRaftTerm()
	s.attached.answered(l.Term)
	switch {
	case l.State == LeaseGone && oldest != nil && len(s.unchanged(ctx, []*Request{oldest})) > 0:
		l.State = LeaseMissing
	case l.State == LeaseGone:
	case listed:
		return s.compare(ctx, oldest, l, attachedKeys(resp), in)
	case check: // etcd does not say, and is not asked each time
		s.attached.note(oldest, l.Term)
	}
	return l, nil
}

// timeToLive asks for a lease, and for its keys if they are wanted. They are not listed to a
// user who may not read one of them.
func (s *Source) timeToLive(ctx context.Context, id int64, keys bool) (resp *clientv3.LeaseTimeToLiveResponse, listed bool, err error) {
	if keys {
		resp, err = s.client.TimeToLive(ctx, clientv3.LeaseID(id), clientv3.WithAttachedKeys())
		if !errors.Is(err, rpctypes.ErrPermissionDenied) {
			return resp, err == nil, err
		}
	}
	resp, err = s.client.TimeToLive(ctx, clientv3.LeaseID(id))
	return resp, false, err
}

// answered is the lease of which etcd says that much, in seconds. Of one that
// does not exist, it says that nothing was granted.
func answered(granted, remaining int64) Lease {
	l := Lease{State: LeaseAlive, Granted: seconds.Duration(granted), Remaining: max(seconds.Duration(remaining), -math.MaxInt64)}
	switch {
	case remaining < 0 && granted <= 0:
		return Lease{State: LeaseGone}
	case remaining < 0:
		l.State = LeaseOverdue
	}
	return l
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

// Outside is what a session has that is not in a snapshot of some prefixes.
type Outside struct {
	Keys   []string // the keys of its lease that have none of the prefixes
	Hidden bool     // there are such keys, but etcd does not say which, because the user may not read them
}

// Outside returns what a session has that a snapshot of these prefixes does not show.
func (s *Source) Outside(ctx context.Context, lease int64, prefixes keyspace.Prefixes) (Outside, error) {
	if prefixes.All() {
		return Outside{}, nil
	}
	resp, err := s.client.TimeToLive(ctx, clientv3.LeaseID(lease), clientv3.WithAttachedKeys())
	switch {
	case errors.Is(err, rpctypes.ErrPermissionDenied): // some of the keys, and all that were read are permitted
		return Outside{Hidden: true}, nil
	case err != nil:
		return Outside{}, fmt.Errorf("inspect: keys of lease %s: %w", format.Lease(lease), err)
	}
	var o Outside
	for _, key := range resp.Keys {
		if !prefixes.Has(string(key)) {
			o.Keys = append(o.Keys, string(key))
		}
	}
	return o, nil
}
