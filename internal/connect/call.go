package connect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"etcd-lock/internal/access"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/inspect"
)

// Do runs a call to etcd with a context that ends after the timeout. It replaces
// the error of a call that took too long by NoAnswer, and adds to a permission
// error what the user may do.
func (c *Conn) Do(ctx context.Context, call func(context.Context) error) error {
	timed, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	leaderless := make(chan bool, 1) // found out while the call goes on, so that it takes no longer
	late := time.AfterFunc(c.Timeout/2, func() { leaderless <- inspect.IsLeaderless(timed, c.Client) })
	defer late.Stop()
	err := call(timed)
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case timed.Err() != nil:
		return c.NoAnswer(!late.Stop() && <-leaderless)
	case errors.Is(err, rpctypes.ErrPermissionDenied):
		return c.denied(timed, err)
	default:
		return err
	}
}

// denied adds to a permission error what the user may do, if etcd says so.
func (c *Conn) denied(ctx context.Context, refusal error) error {
	grants, err := access.FindGrants(ctx, c.Client, c.User)
	if err != nil {
		return fmt.Errorf("%w: etcd at %s does not list the permissions of user %q", refusal, c.Endpoint, c.User)
	}
	return fmt.Errorf("%w: user %q %s", refusal, c.User, grants)
}

// NoAnswer returns the error of a call that took longer than the timeout, given what
// inspect.IsLeaderless says.
func (c *Conn) NoAnswer(leaderless bool) error {
	if leaderless {
		err := fmt.Errorf("etcd at %s has no leader: the members that answer know of none, and cannot read or write without one", c.Endpoint)
		return hint.Add(err, "more than half of the members must run and reach each other; if other members have a leader, name them with --endpoints too")
	}
	err := fmt.Errorf("etcd at %s did not answer within %s", c.Endpoint, c.Timeout)
	return hint.Add(err, "--command-timeout sets how long to wait for an answer")
}

// Snapshot reads all locks below prefixes as of a revision, or now if revision is 0.
func (c *Conn) Snapshot(ctx context.Context, revision int64, prefixes ...string) (s inspect.Snapshot, err error) {
	err = c.Do(ctx, func(ctx context.Context) error {
		s, err = c.Source.SnapshotAt(ctx, revision, prefixes...)
		return err
	})
	return s, err
}

// SnapshotOf reads the locks of a name, and others with keys there, as Snapshot does. Where
// keys there can be requests for a lock above the name, it reads that lock too, if the user
// may.
func (c *Conn) SnapshotOf(ctx context.Context, revision int64, name string) (s inspect.Snapshot, err error) {
	err = c.Do(ctx, func(ctx context.Context) error {
		prefix, err := c.Source.Around(ctx, revision, name)
		if err != nil {
			return err
		}
		if s, err = c.Source.SnapshotAt(ctx, revision, prefix); err != nil {
			return err
		}
		above, ok := s.Above(name)
		if !ok {
			return nil
		}
		whole, err := c.Source.SnapshotAt(ctx, revision, prefix, above+"/")
		switch {
		case errors.Is(err, rpctypes.ErrPermissionDenied):
			return nil
		case err == nil && whole.Partial == nil:
			s = whole
		}
		return err
	})
	return s, err
}

// Absence is inspect.Source.Absence, bounded as Do does.
func (c *Conn) Absence(ctx context.Context, name string, revision int64) (a inspect.Absence, err error) {
	err = c.Do(ctx, func(ctx context.Context) error {
		a, err = c.Source.Absence(ctx, name, revision)
		return err
	})
	return a, err
}

// AbsenceIn is inspect.Source.AbsenceIn, bounded as Do does.
func (c *Conn) AbsenceIn(ctx context.Context, s inspect.Snapshot, name string, past bool) (a inspect.Absence, err error) {
	err = c.Do(ctx, func(ctx context.Context) error {
		a, err = c.Source.AbsenceIn(ctx, s, name, past)
		return err
	})
	return a, err
}

// Leases looks leases up by ID, see inspect.Source.Leases.
func (c *Conn) Leases(ctx context.Context, ids []int64, in inspect.Snapshot) (leases map[int64]inspect.Lease, err error) {
	err = c.Do(ctx, func(ctx context.Context) error {
		leases, err = c.Source.Leases(ctx, ids, in)
		return err
	})
	return leases, err
}

// LeaseKeys looks up the keys of leases, see inspect.Source.LeaseKeys.
func (c *Conn) LeaseKeys(ctx context.Context, ids []int64) (keys map[int64][]string, err error) {
	err = c.Do(ctx, func(ctx context.Context) error {
		keys, err = c.Source.LeaseKeys(ctx, ids)
		return err
	})
	return keys, err
}

// History reads how the locks below prefixes were at the revision since, and can
// then read what changed; see inspect.Source.History.
func (c *Conn) History(ctx context.Context, since int64, prefixes ...string) (h *inspect.History, err error) {
	err = c.Do(ctx, func(ctx context.Context) error {
		h, err = c.Source.History(ctx, since, prefixes...)
		return err
	})
	return h, err
}
