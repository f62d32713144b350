package forecast

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/scenario"
)

// Deadlock is a cycle of clients that wait for each other. None of them is granted
// what it waits for until one gives up.
type Deadlock struct {
	At      time.Duration   // when it begins, since the common start
	Cycle   []Wait          // each waits for the client of the next, the last one for the first
	By      string          // the client whose wait ended first; "" if none did
	How     scenario.Moment // how it ended
	Until   time.Duration   // when it ended
	Depends bool            // it happens only if things come in a certain order
}

// Wait is a client that waits for another.
type Wait struct {
	Client  string
	Wants   rwlock.LockRequest // what it waits for
	Other   string             // the client that it waits for
	Has     rwlock.LockRequest // what that one has: the same lock
	Holding bool               // that one holds it; otherwise it waits for it, too, and is ahead in the queue
}

// String says why the client waits.
func (w Wait) String() string {
	switch {
	case w.Wants.Mode == rwlock.Slot && w.Holding:
		return fmt.Sprintf("%s waits for %s of %q, of which %s holds %d", w.Client, permits(w.Wants), w.Wants.Name, w.Other, w.Has.Weight)
	case w.Wants.Mode == rwlock.Slot:
		return fmt.Sprintf("%s waits for %s of %q behind %s, which waits for %s", w.Client, permits(w.Wants), w.Wants.Name, w.Other, permits(w.Has))
	case w.Holding:
		return fmt.Sprintf("%s waits to %s %q, which %s holds to %s", w.Client, w.Wants.Mode, w.Wants.Name, w.Other, w.Has.Mode)
	}
	return fmt.Sprintf("%s waits to %s %q behind %s, which waits to %s it", w.Client, w.Wants.Mode, w.Wants.Name, w.Other, w.Has.Mode)
}

// permits returns the permits that a request is for, as in "2 of 3 permits".
func permits(l rwlock.LockRequest) string {
	return fmt.Sprintf("%d of %d permits", l.Weight, l.Permits)
}

// String says which client waits for which, and until when.
func (d Deadlock) String() string {
	links := make([]string, len(d.Cycle))
	for i, l := range d.Cycle {
		links[i] = l.String()
	}
	until := "without an end"
	switch d.How {
	case "":
	case scenario.Deadline:
		until = fmt.Sprintf("until the deadline of %s at %s", d.By, d.Until)
	case scenario.Cancelled:
		until = fmt.Sprintf("until %s cancels its wait at %s", d.By, d.Until)
	case scenario.Crashed:
		until = fmt.Sprintf("until the lease of %s, which crashes at %s, expires", d.By, d.Until)
	default:
		until = fmt.Sprintf("until %s loses its session at %s", d.By, d.Until)
	}
	return fmt.Sprintf("deadlock %s: %s", until, strings.Join(links, "; "))
}

// key is equal for the same cycle, however long it lasted.
func (d Deadlock) key() string {
	var links []string
	for _, l := range d.Cycle {
		links = append(links, fmt.Sprintf("%q", []string{l.Client, l.Wants.Name, l.Other}))
	}
	slices.Sort(links)
	return strings.Join(links, "")
}

// findDeadlock finds the shortest cycle that a has closed by waiting. A client that waits for
// permits waits for some of those ahead of it, not for each. So a cycle through a semaphore is a
// deadlock only if none of its clients can be granted what it waits for by the others.
func (w *world) findDeadlock(a *actor) {
	if len(a.holds) == 0 { // no other client can wait for it
		return
	}
	cycle := a.cycle(nil)
	if slices.ContainsFunc(cycle, func(l Wait) bool { return l.Wants.Mode == rwlock.Slot }) {
		stuck := w.stuck()
		if cycle = nil; stuck[a] {
			cycle = a.cycle(stuck)
		}
	}
	if cycle != nil {
		w.deadlocks = append(w.deadlocks, &Deadlock{At: w.now, Cycle: cycle})
	}
}

// stuck returns the clients that wait, and will still do so when all others have released what
// they hold.
func (w *world) stuck() map[*actor]bool {
	waiting := func(a *actor) bool { return a.pending != nil && a.pending.queued && !a.pending.first }
	stuck := map[*actor]bool{}
	for _, a := range w.actors {
		if waiting(a) {
			stuck[a] = true
		}
	}
	blocked := func(e *entry) bool { return w.lock(e.Name).of(stuck).isBlocked(e) }
	for before := -1; before != len(stuck); {
		before = len(stuck)
		maps.DeleteFunc(stuck, func(a *actor, _ bool) bool { return !slices.ContainsFunc(a.pending.entries, blocked) })
	}
	return stuck
}

// of returns the queue with the entries of some clients only.
func (q *queue) of(clients map[*actor]bool) *queue {
	return &queue{entries: slices.DeleteFunc(slices.Clone(q.entries), func(e *entry) bool { return !clients[e.actor] })}
}

// cycle returns the shortest cycle of waits that a is in, among some clients, or among all if
// that is nil. It returns nil if there is none. It searches breadth-first.
func (a *actor) cycle(among map[*actor]bool) []Wait {
	type visit struct {
		from *visit
		wait Wait
		to   *actor
	}
	seen := map[*actor]bool{}
	queue := []*visit{{to: a}}
	for ; len(queue) > 0; queue = queue[1:] {
		v := queue[0]
		for _, e := range v.to.waitsFor() {
			next := &visit{from: v, wait: e.Wait, to: e.other}
			if e.other == a {
				var cycle []Wait
				for ; next.from != nil; next = next.from {
					cycle = append(cycle, next.wait)
				}
				slices.Reverse(cycle)
				return cycle
			}
			if !seen[e.other] && (among == nil || among[e.other]) {
				seen[e.other] = true
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// edge is an edge of the wait-for graph.
type edge struct {
	Wait
	other *actor
}

// waitsFor returns the edges from a to the clients that it waits for.
func (a *actor) waitsFor() []edge {
	r := a.pending
	if r == nil || !r.queued || r.first {
		return nil
	}
	var all []edge
	for _, e := range r.entries {
		for _, other := range a.lock(e.Name).blockers(e) {
			if other.actor != a {
				all = append(all, edge{Wait{a.Name, e.LockRequest, other.actor.Name, other.LockRequest, other.first}, other.actor})
			}
		}
	}
	return all
}

// endDeadlocks notes that a no longer waits.
func (w *world) endDeadlocks(a *actor, how scenario.Moment) {
	for _, d := range w.deadlocks {
		if d.How == "" && slices.ContainsFunc(d.Cycle, func(l Wait) bool { return l.Client == a.Name }) {
			d.By, d.How, d.Until = a.Name, how, w.now
		}
	}
}
