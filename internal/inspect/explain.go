package inspect

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// WatchEnds is Watch, and says of requests that are gone why: see EventExpired,
// EventRevoked, and Event.Session for what is certain. To know, it looks up
// leases: those of requests that are there now and then, a bounded number at a
// time, and those of requests that are gone at once, a bounded number a second.
// What is beyond these bounds stays unexplained.
//
// An update that sums up more than it tells is passed on as it is.
func (s *Source) WatchEnds(ctx context.Context, prefix string) <-chan Update {
	return s.watchExplained(ctx, prefix, false)
}

// WatchKinds is WatchEnds for whoever does not ask for Event.Session: of what is
// gone it looks up only what may be called EventExpired or EventRevoked for that.
// Locks that are given back, which is nearly all that happens, take no look-up.
func (s *Source) WatchKinds(ctx context.Context, prefix string) <-chan Update {
	return s.watchExplained(ctx, prefix, true)
}

func (s *Source) watchExplained(ctx context.Context, prefix string, kinds bool) <-chan Update {
	out := make(chan Update)
	x := &explainer{source: s, kinds: kinds, ends: newEnds(), rounds: make(chan round, 1)}
	go func() {
		defer close(out)
		x.run(ctx, s.Watch(ctx, prefix), out)
	}()
	return out
}

// explainer stands between a watch and its receiver. While it looks up leases,
// or the receiver takes its time, the watch sums up what comes.
type explainer struct {
	source *Source
	kinds  bool // only the events' kinds are asked for
	ends   *ends
	last   Snapshot
	rounds chan round // the answers to the round that is under way, if one is
	asking sync.WaitGroup
}

// round is the answers to a round of look-ups.
type round struct {
	asked  time.Time
	leases map[int64]Lease
}

// run passes updates on until there are no more.
func (x *explainer) run(ctx context.Context, updates <-chan Update, out chan<- Update) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer x.asking.Wait()
	for {
		select {
		case u, ok := <-updates:
			if !ok {
				return
			}
			x.explain(ctx, u)
			select {
			case out <- u:
			case <-ctx.Done():
			}
		case <-timer.C:
			x.round(ctx)
		case r := <-x.rounds:
			x.ends.learn(r.asked, r.leases)
			timer.Reset(x.source.tuning.probe + rand.N(x.source.tuning.probe))
		}
	}
}

// round looks up the leases whose turn it is, while updates go on.
func (x *explainer) round(ctx context.Context) {
	x.ends.reckon(x.last)
	ids := x.ends.due(x.last, x.source.tuning.now())
	x.asking.Go(func() { x.rounds <- x.ask(ctx, ids) })
}

// ask looks up leases. What it does not learn remains unknown.
func (x *explainer) ask(ctx context.Context, ids []int64) round {
	r := round{asked: x.source.tuning.now()}
	ctx, cancel := context.WithTimeout(ctx, x.source.tuning.patience)
	defer cancel()
	r.leases, _ = x.source.Leases(ctx, ids)
	return r
}

// explain explains the events of u where they are.
func (x *explainer) explain(ctx context.Context, u Update) {
	partial := u.Missed > 0 || u.Resynced || x.last.Revision == 0
	x.last = u.Snapshot
	if partial {
		x.ends.reckon(x.last)
		return
	}
	open := x.ends.follow(u.Events)
	if x.kinds {
		open = slices.DeleteFunc(open, func(o end) bool { _, ok := x.ends.ifGone(o); return !ok })
	}
	if len(open) == 0 {
		return
	}
	answers := x.ask(ctx, x.ends.lookups(open, x.source.tuning.now()))
	for _, o := range open {
		x.ends.explain(o, answers.leases[o.event.Request.Lease])
	}
}
