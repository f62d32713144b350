package supervise

import (
	"context"
	"errors"
	"math"
	"time"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/rwlock"
)

// How often a waiter looks up who holds the locks. The answer is only for people,
// so the lookups get rarer the longer the wait lasts.
const (
	firstLookup   = 500 * time.Millisecond
	lookupPause   = 30 * time.Second // at most
	lookupTimeout = 2 * time.Second
)

// acquirer acquires the locks of a Spec, and reports who holds them meanwhile.
type acquirer struct {
	*Spec
	conn     *connect.Conn
	session  *rwlock.Session
	reported map[string]string // by lock, the blocker that was reported last
}

func newAcquirer(spec *Spec, c *connect.Conn, s *rwlock.Session) *acquirer {
	return &acquirer{Spec: spec, conn: c, session: s, reported: map[string]string{}}
}

// acquire returns when the locks are held.
func (a *acquirer) acquire(ctx context.Context, set *rwlock.Set) error {
	if !a.Quiet {
		a.warnForeign(ctx)
	}
	began := time.Now()
	reporting, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.reportBlockers(reporting)
	}()
	err := a.lock(ctx, set)
	stop()
	<-done
	switch {
	case err == nil && len(a.reported) > 0:
		a.reportf("acquired %s after %s", a.locks(), format.Duration(time.Since(began)))
	case errors.Is(err, rwlock.ErrLocked):
		return a.notAcquired(ctx, 0)
	case a.Wait > 0 && errors.Is(err, context.DeadlineExceeded):
		return a.notAcquired(ctx, a.Wait)
	}
	return err
}

func (a *acquirer) lock(ctx context.Context, set *rwlock.Set) error {
	if a.Try {
		return a.conn.Do(ctx, set.TryLock)
	}
	if a.Wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.Wait)
		defer cancel()
	}
	return set.Lock(ctx)
}

// notAcquired returns the error of locks that others hold.
func (a *acquirer) notAcquired(ctx context.Context, waited time.Duration) error {
	failure := &NotAcquiredError{Waited: waited, Locks: a.locks()}
	if a.Quiet {
		return failure
	}
	for _, l := range a.Locks {
		if b, ok, err := a.lookUp(ctx, l); err == nil && ok {
			failure.Blocker = b.text(time.Now())
			break
		}
	}
	return failure
}

// reportBlockers reports who holds the locks until ctx ends, each time that
// changes.
func (a *acquirer) reportBlockers(ctx context.Context) {
	if a.Quiet || a.Try {
		return
	}
	for delay := firstLookup; backoff.Pause(ctx, delay); delay = min(2*delay, lookupPause) {
		for _, l := range a.Locks {
			b, ok, err := a.lookUp(ctx, l)
			id, text := b.id, b.text(time.Now())
			if err != nil {
				id, text = err.Error(), l.Name+": cannot find out who holds it: "+err.Error()
			}
			if (ok || err != nil) && a.reported[l.Name] != id && ctx.Err() == nil {
				a.reported[l.Name] = id
				a.reportf("waiting for %s", text)
			}
		}
	}
}

// warnForeign reports keys of the locks' names that other software has as locks: nobody
// waits for those.
func (a *acquirer) warnForeign(ctx context.Context) {
	for _, want := range a.Locks {
		if !a.conn.Source.Layouts().Reads(want.Name) { // as good as always
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
		defer cancel()
		prefix, err := a.conn.Source.Around(ctx, 0, want.Name)
		if err != nil || prefix != want.Name {
			continue
		}
		s, err := a.conn.Source.Snapshot(ctx, prefix)
		if err != nil {
			continue
		}
		for _, l := range s.Named(want.Name) {
			if l.ID.Layout.OneKey() {
				a.reportf("%s is also the key of a lock of %s, for which this does not wait", want.Name, l.ID.Layout)
			}
		}
	}
}

// lookUp finds out who blocks the request for a lock. It reports false when that
// is nobody.
func (a *acquirer) lookUp(ctx context.Context, want rwlock.LockRequest) (b blocker, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	s, err := a.conn.Source.Snapshot(ctx, want.Name+"/")
	if err != nil && ctx.Err() != nil {
		return blocker{}, false, errors.New("etcd does not answer")
	}
	if err != nil {
		return blocker{}, false, err
	}
	b, ok = findBlocker(s, requestFor(want), int64(a.session.Lease()))
	return b, ok, nil
}

// requestFor is a request that would be made now.
func requestFor(want rwlock.LockRequest) inspect.Request {
	r := inspect.Request{
		Lock: inspect.LockID{Layout: layout.RWLock, Name: want.Name}, Mode: keyspace.Mode(want.Mode),
		Owned: true, Revision: math.MaxInt64,
	}
	if want.Mode == rwlock.Slot {
		r.Lock.Layout = layout.Semaphores
		r.Owner = keyspace.Owner{Weight: want.Weight, Permits: want.Permits}.Ref()
	}
	return r
}
