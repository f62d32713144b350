package forecast

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"etcd-lock/rwlock"

	"etcd-lock/simulate/scenario"
)

// Deadlock is clients that wait for each other in a circle. None gets what it
// waits for, until one gives up.
type Deadlock struct {
	At      time.Duration   // since the start
	Cycle   []Wanting       // each waits for the client of the next, the last one for the first
	By      string          // the client that gave up first; "" if none did
	How     scenario.Moment // in what way
	Until   time.Duration   // when
	Depends bool            // it comes about only if things that happen at about the same time happen so
}

// Wanting is a client that waits for another.
type Wanting struct {
	Client  string
	Wants   rwlock.LockRequest // what it waits for
	Other   string             // whom it waits for
	Has     rwlock.LockRequest // what that one has: the same lock
	Holding bool               // it holds it; otherwise it waits for it too, and asked before
}

// String says who waits for what, and until when.
func (d Deadlock) String() string {
	links := make([]string, len(d.Cycle))
	for i, l := range d.Cycle {
		verb := "holds"
		if !l.Holding {
			verb = "asked for before"
		}
		links[i] = fmt.Sprintf("%s waits to %s %q, which %s %s to %s", l.Client, l.Wants.Mode, l.Wants.Name, l.Other, verb, l.Has.Mode)
	}
	until := "for good"
	switch d.How {
	case "":
	case scenario.Deadline:
		until = fmt.Sprintf("until the deadline of %s at %s", d.By, d.Until)
	case scenario.Cancelled:
		until = fmt.Sprintf("until %s changes its mind at %s", d.By, d.Until)
	case scenario.Crashed:
		until = fmt.Sprintf("until the session of %s, which crashes at %s, is over", d.By, d.Until)
	default:
		until = fmt.Sprintf("until %s loses its session at %s", d.By, d.Until)
	}
	return fmt.Sprintf("deadlock %s: %s", until, strings.Join(links, "; "))
}

// key is the same for the same circle, however long it lasted.
func (d Deadlock) key() string {
	var links []string
	for _, l := range d.Cycle {
		links = append(links, fmt.Sprintf("%q", []string{l.Client, l.Wants.Name, l.Other}))
	}
	slices.Sort(links)
	return strings.Join(links, "")
}

// findDeadlock looks for the shortest circle that a has closed by waiting.
func (w *World) findDeadlock(a *actor) {
	if len(a.holds) == 0 { // nobody can wait for it
		return
	}
	type visit struct {
		from *visit
		link Wanting
		to   *actor
	}
	seen := map[*actor]bool{}
	queue := []*visit{{to: a}}
	for ; len(queue) > 0; queue = queue[1:] {
		v := queue[0]
		for _, l := range v.to.wanting() {
			next := &visit{from: v, link: l.Wanting, to: l.other}
			if l.other == a {
				d := &Deadlock{At: w.Now}
				for ; next.from != nil; next = next.from {
					d.Cycle = append(d.Cycle, next.link)
				}
				slices.Reverse(d.Cycle)
				w.deadlocks = append(w.deadlocks, d)
				return
			}
			if !seen[l.other] {
				seen[l.other] = true
				queue = append(queue, next)
			}
		}
	}
}

// wait is an edge of the graph of who waits for whom.
type wait struct {
	Wanting
	other *actor
}

// wanting are those that a waits for, if it does.
func (a *actor) wanting() []wait {
	b := a.asking
	if b == nil || !b.queued || b.free {
		return nil
	}
	var all []wait
	for _, c := range b.claims {
		for _, other := range a.lock(c.Name).claims {
			if other.request == b {
				break
			}
			if blocks(other.Mode, c.Mode) && other.actor != a {
				all = append(all, wait{Wanting{a.Name, c.LockRequest, other.actor.Name, other.LockRequest, other.free}, other.actor})
			}
		}
	}
	return all
}

// endDeadlocks notes that a waits no longer.
func (w *World) endDeadlocks(a *actor, how scenario.Moment) {
	for _, d := range w.deadlocks {
		if d.How == "" && slices.ContainsFunc(d.Cycle, func(l Wanting) bool { return l.Client == a.Name }) {
			d.By, d.How, d.Until = a.Name, how, w.Now
		}
	}
}
