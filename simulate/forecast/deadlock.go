package forecast

import (
	"fmt"
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
	if w.Holding {
		return fmt.Sprintf("%s waits to %s %q, which %s holds to %s", w.Client, w.Wants.Mode, w.Wants.Name, w.Other, w.Has.Mode)
	}
	return fmt.Sprintf("%s waits to %s %q behind %s, which waits to %s it", w.Client, w.Wants.Mode, w.Wants.Name, w.Other, w.Has.Mode)
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

// findDeadlock finds the shortest cycle that a has closed by waiting. It searches
// breadth-first.
func (w *world) findDeadlock(a *actor) {
	if len(a.holds) == 0 { // no other client can wait for it
		return
	}
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
				d := &Deadlock{At: w.now}
				for ; next.from != nil; next = next.from {
					d.Cycle = append(d.Cycle, next.wait)
				}
				slices.Reverse(d.Cycle)
				w.deadlocks = append(w.deadlocks, d)
				return
			}
			if !seen[e.other] {
				seen[e.other] = true
				queue = append(queue, next)
			}
		}
	}
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
		for _, other := range a.lock(e.Name).entries {
			if other.request == r {
				break
			}
			if blocks(other.Mode, e.Mode) && other.actor != a {
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
