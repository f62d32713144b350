package deterministic

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"etcd-lock/internal/locks"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/verify"
)

// doing is what an actor is at, as it is printed if it has to be.
type doing struct {
	format string
	args   []any
}

// String formats what the actor is at.
func (d doing) String() string { return fmt.Sprintf(d.format, d.args...) }

// at notes what an actor is at, for when it is stuck at it.
func (w *world) at(i int, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.doing[i] = doing{format, args}
	if format != "" {
		w.say("%s: %s", actorName(i), w.doing[i])
	}
}

// act makes the visits of an actor.
func (w *world) act(i int) {
	defer w.at(i, "")
	for _, v := range w.Actors[i].Visits {
		w.sleep(v.Gap)
		for {
			s, err := w.session(i)
			if err == nil {
				w.sleep(time.Duration(i) * time.Microsecond) // no two actors act at one instant
				w.visit(i, v, s)
				break
			}
			w.at(i, "has no session: %v", err)
			if w.ctx.Err() != nil {
				return
			}
			w.sleep(500 * time.Millisecond)
		}
		if w.ctx.Err() != nil {
			return
		}
	}
}

func (w *world) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-w.ctx.Done():
	}
}

// visit acquires locks, holds them and releases them.
func (w *world) visit(i int, v visit, s *rwlock.Session) {
	locker, err := w.locker(s)
	if err != nil {
		w.at(i, "has no locks: %v", err)
		return
	}
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	if v.Patience > 0 {
		ctx, cancel = context.WithTimeout(ctx, v.Patience)
		defer cancel()
	}
	if v.Weight > 0 && w.Impl == "" {
		w.visitSemaphore(ctx, i, v, s)
		return
	}
	if v.Keep > 0 && w.Impl == "" {
		w.visitKept(ctx, i, v, s)
		return
	}
	asked := time.Since(w.began)
	w.at(i, "requests %v, try %t", v.Locks, v.Try)
	hold, err := locker.Acquire(ctx, locks.Request{Wants: v.Locks, Together: len(v.Locks) > 1, Try: v.Try, Downgradable: v.Downgradable, Hook: w.hook(i)})
	if err != nil {
		w.at(i, "was not granted it: %v", err)
		w.waited(i, v, s, asked)
		return
	}
	h := &tenure{world: w, actor: i, visit: v, session: s, hold: hold, token: hold.Token()}
	h.begin(asked)
	if v.Change {
		h.change(ctx)
	}
	h.keep()
	h.end()
}

// waited notes an acquisition that failed.
func (w *world) waited(i int, v visit, s *rwlock.Session, asked time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v.Try || len(v.Locks) > 1 || s.Ctx().Err() != nil {
		return
	}
	l := v.Locks[0]
	w.waits = append(w.waits, verify.Wait{Client: actorName(i), Lock: l.Name, Mode: l.Mode, Lease: int64(s.Lease()), Asked: asked, Ended: time.Since(w.began)})
}

// tenure is what an actor holds.
type tenure struct {
	*world
	actor   int
	visit   visit
	session *rwlock.Session
	hold    locks.Hold
	token   int64 // of the acquisition
	seen    []*verify.Hold
	lost    <-chan struct{}
}

// begin notes the grant, and checks it.
func (h *tenure) begin(asked time.Duration) {
	h.at(h.actor, "holds %v, token %d", h.visit.Locks, h.token)
	if l, ok := h.hold.(interface{ Lost() <-chan struct{} }); ok {
		h.lost = l.Lost()
	}
	h.mu.Lock()
	for _, l := range h.visit.Locks {
		seen := &verify.Hold{Client: actorName(h.actor), Lock: l.Name}
		seen.Stages = append(seen.Stages, verify.Stage{Mode: l.Mode, Token: h.token, Asked: asked, Granted: time.Since(h.began)})
		h.seen = append(h.seen, seen)
	}
	if h.visit.Keep > 0 && h.Impl == "" {
		h.seen[0] = h.use(h.seen[0])
	} else {
		h.holds = append(h.holds, h.seen...)
	}
	h.mu.Unlock()
	for _, l := range h.visit.Locks {
		h.checkGrant(l, h.token)
	}
}

// change upgrades the hold if it is one for reading, and otherwise downgrades it.
func (h *tenure) change(ctx context.Context) {
	hold, ok := h.hold.(locks.Changeable)
	if !ok {
		return
	}
	asked := time.Since(h.began)
	next := verify.Stage{Mode: rwlock.Write, Asked: asked}
	var err error
	if h.visit.Locks[0].Mode == rwlock.Read {
		h.at(h.actor, "upgrades")
		err = hold.TryUpgrade(ctx)
	} else {
		h.at(h.actor, "downgrades")
		next.Mode = rwlock.Read
		err = hold.Downgrade(ctx)
		next.Unsure = err != nil
		if errors.Is(err, rwlock.ErrNoDowngrade) || errors.Is(err, rwlock.ErrNotHeld) {
			next.Unsure = false
		} else if err != nil {
			err = nil // from the call on, the lock is held for reading
		}
	}
	h.at(h.actor, "has changed its hold: %v", err)
	if err != nil {
		return
	}
	h.mu.Lock()
	next.Token, next.Granted = hold.Token(), time.Since(h.began)
	h.seen[0].Stages = append(h.seen[0].Stages, next)
	h.mu.Unlock()
	if next.Mode == rwlock.Write {
		h.checkGrant(rwlock.LockRequest{Name: h.visit.Locks[0].Name, Mode: rwlock.Write}, next.Token)
	}
}

// keep holds the locks for a while. If an administrator has ended the hold meanwhile, the
// actor learns of it in time.
func (h *tenure) keep() {
	timer := time.NewTimer(h.visit.Hold)
	defer timer.Stop()
	for {
		select {
		case <-h.lost:
			h.at(h.actor, "learns that it has lost its locks")
			return
		case <-h.session.Done():
			return
		case <-h.ctx.Done():
			return
		case <-timer.C:
		}
		gone, isGone := h.goneAt(never)
		if !isGone {
			return
		}
		left := time.Until(later(gone, h.calm).Add(patience))
		if left <= 0 {
			h.mu.Lock()
			h.fail("not told", "%s has lost its locks %s ago and was not told", actorName(h.actor), time.Since(gone))
			h.mu.Unlock()
			return
		}
		timer.Reset(left)
	}
}

// goneAt returns when an administrator first deleted a key of the hold, if that happened. The writer's
// key matters until a downgrade: what happens to it then is no loss.
func (h *tenure) goneAt(downgraded func(verify.Stage) time.Time) (at time.Time, isGone bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	stages := h.seen[0].Stages
	last := stages[len(stages)-1]
	for _, s := range stages { // an upgrade adds a key
		for e, end := range h.ended {
			matters := last.Mode == rwlock.Write || len(stages) == 1 || strings.HasSuffix(shape(e.key), "/read/") || end.at.Before(downgraded(last))
			if e.rev == s.Token && end.byAdmin && matters && (!isGone || end.at.Before(at)) {
				at, isGone = end.at, true
			}
		}
	}
	return at, isGone
}

// never is for a hold that can be reported as lost: the one for writing cannot any more.
func never(verify.Stage) time.Time { return time.Time{} }

// whenAsked is for a hold that others may have been granted meanwhile.
func (h *tenure) whenAsked(s verify.Stage) time.Time { return h.began.Add(s.Asked) }

// end releases the locks, or closes the session.
func (h *tenure) end() {
	now := time.Since(h.began)
	gone, isGone := h.goneAt(h.whenAsked)
	h.mu.Lock()
	for _, seen := range h.seen {
		seen.End, seen.Known = now, now
		if isGone {
			seen.End = min(now, gone.Sub(h.began))
		}
	}
	if ended := h.sessions[int64(h.session.Lease())].ended; !ended.IsZero() {
		for _, seen := range h.seen {
			seen.End = min(seen.End, ended.Sub(h.began))
			seen.Known = min(seen.Known, ended.Sub(h.began))
		}
	}
	p := h.kept[h.token]
	if p != nil {
		p.user = -1
	}
	h.mu.Unlock()
	h.at(h.actor, "releases")
	var err error
	if h.visit.Close {
		err = h.session.Close()
	} else {
		err = h.hold.Unlock()
	}
	h.at(h.actor, "has released: %v", err)
	if err == nil && p == nil { // else the key may stay
		h.mu.Lock()
		for _, seen := range h.seen {
			seen.Released = time.Since(h.began)
		}
		h.mu.Unlock()
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
