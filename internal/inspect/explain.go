package inspect

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// WatchCauses is Watch, and says why requests were deleted: see EventExpired,
// EventRevoked, EventEnded and Event.Session. To find out, it looks up leases: those of
// existing requests now and then, a bounded number at a time, and those of deleted
// requests at once, a bounded number a second. What is beyond these bounds stays
// unexplained.
//
// It does not explain an update with missed events.
func (s *Source) WatchCauses(ctx context.Context, prefixes ...string) <-chan Update {
	return s.watchExplained(ctx, prefixes, &explainer{})
}

// WatchSteps is WatchCauses for a recorder: updates have the locks of each revision, in
// Update.Steps, and ten times as many events. The first update can have events, too: what
// led from the locks that were read to its snapshot.
//
// Since steps say what snapshots would, and snapshots cost much, updates are bare unless
// they are the first one, events or steps were dropped, or nothing has happened since the one
// before. While much happens, one has its locks after five seconds, or after up to thirty where
// there are very many keys.
func (s *Source) WatchSteps(ctx context.Context, prefixes ...string) <-chan Update {
	return s.watchExplained(ctx, prefixes, &explainer{steps: true})
}

// WatchKinds is WatchCauses for callers that do not need Event.Session: of deleted
// requests it looks up only those that may be EventExpired, EventRevoked or EventEnded.
// Locks that are unlocked, by far the most, take no look-up.
func (s *Source) WatchKinds(ctx context.Context, prefixes ...string) <-chan Update {
	return s.watchExplained(ctx, prefixes, &explainer{kinds: true})
}

func (s *Source) watchExplained(ctx context.Context, prefixes []string, x *explainer) <-chan Update {
	out := make(chan Update)
	x.source, x.causes, x.rounds = s, newExitCauses(), make(chan round, 1)
	go func() {
		defer close(out)
		x.run(ctx, s.watch(ctx, x.steps, prefixes), out)
	}()
	return out
}

// explainer passes a watch's updates on with causes. While it looks up leases, or
// the receiver is slow, the watch merges updates.
type explainer struct {
	source    *Source
	kinds     bool // only the events' kinds matter
	steps     bool // updates have steps
	causes    *exitCauses
	last      Snapshot // without its locks if bare
	bare      bool
	uncounted bool       // the requests of leases are to be counted when their locks are known
	counted   int64      // the revision of the snapshot whose requests were counted last
	rounds    chan round // receives the answers to the current round of look-ups
	lookingUp sync.WaitGroup
	next      time.Time     // when the next round is due; zero during one
	usual     time.Duration // from the last round to the next
}

// round is the answers to a round of look-ups.
type round struct {
	began  time.Time
	leases map[int64]Lease
}

// run passes updates on until the watch ends.
func (x *explainer) run(ctx context.Context, updates <-chan Update, out chan<- Update) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer x.lookingUp.Wait()
	for {
		select {
		case u, ok := <-updates:
			if !ok {
				return
			}
			x.explain(ctx, u)
			x.hurry(timer)
			select {
			case out <- u:
			case <-ctx.Done():
			}
		case <-timer.C:
			x.next = time.Time{}
			x.round(ctx)
		case r := <-x.rounds:
			x.causes.learn(r.began, r.leases)
			x.pause(timer)
		}
	}
}

// pause sets when the next round is due.
func (x *explainer) pause(timer *time.Timer) {
	now := x.source.tuning.now()
	x.usual = x.source.tuning.probe + rand.N(x.source.tuning.probe)
	pause := x.causes.pause(now, x.usual)
	x.next = now.Add(pause)
	timer.Reset(pause)
}

// hurry brings the next round forward if a lease was made that is to be looked up before.
func (x *explainer) hurry(timer *time.Timer) {
	now := x.source.tuning.now()
	if pause := x.causes.pauseForNew(now, x.usual); now.Add(pause).Before(x.next) {
		x.next = now.Add(pause)
		timer.Reset(pause)
	}
}

// round looks up the leases that are due, in the background.
func (x *explainer) round(ctx context.Context) {
	x.uncounted = x.uncounted || x.last.Revision != x.counted
	x.recount()
	ids := x.causes.due(x.last, x.source.tuning.now())
	x.lookingUp.Go(func() { x.rounds <- x.lookUp(ctx, ids) })
}

// lookUp looks up leases. Leases that it cannot look up remain unknown.
func (x *explainer) lookUp(ctx context.Context, ids []int64) round {
	r := round{began: x.source.tuning.now()}
	ctx, cancel := context.WithTimeout(ctx, x.source.tuning.patience)
	defer cancel()
	r.leases, _ = x.source.Leases(ctx, ids, Snapshot{})
	return r
}

// explain explains the events of u in place.
func (x *explainer) explain(ctx context.Context, u Update) {
	partial := u.Missed > 0 || u.Resynced.Happened() || x.last.Revision == 0
	x.last, x.bare = u.Snapshot, u.Bare
	if partial {
		x.uncounted = true
	} else {
		x.explainEvents(ctx, u.Events)
	}
	x.recount()
}

// recount counts the requests of leases anew, if that is to be done and can be.
func (x *explainer) recount() {
	if x.uncounted && !x.bare {
		x.causes.recount(x.last)
		x.uncounted, x.counted = false, x.last.Revision
	}
}

// explainEvents explains events in place, of which none are missing since those before.
func (x *explainer) explainEvents(ctx context.Context, events []Event) {
	open := x.causes.follow(events)
	if x.kinds {
		open = slices.DeleteFunc(open, func(o exit) bool { _, ok := x.causes.ifGone(o); return !ok })
	}
	if len(open) == 0 {
		return
	}
	answers := x.lookUp(ctx, x.causes.lookup(open, x.source.tuning.now()))
	for _, o := range open {
		x.causes.explain(o, answers.leases[o.event.Request.Lease])
	}
}
