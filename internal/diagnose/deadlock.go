package inspect

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// maxMembers bounds how many members of a deadlock its text names.
const maxMembers = 16

// deadlock makes the finding of a deadlock, and its remedies.
func (e *examiner) deadlock(d *deadlock) {
	f := Finding{Kind: FindingDeadlock, Severity: Critical}
	var members []int32
	named := map[LockID]bool{}
	shown := map[string]bool{}
	for _, edge := range d.circle {
		members = append(members, e.ids[edge.From])
		f.Sessions = append(f.Sessions, edge.From)
		for _, r := range []Request{edge.Waiter, edge.Blocker} {
			if !named[r.Lock] {
				named[r.Lock] = true
				f.Locks = append(f.Locks, r.Lock)
			}
			if !shown[r.Key] {
				shown[r.Key] = true
				f.Requests = append(f.Requests, r)
			}
		}
	}
	f.Behind = e.behind(members...)
	f.Text = e.deadlockText(d.circle)
	if f.Behind > 0 {
		f.Text += "; " + behindText(f.Behind)
	}
	d.remedies = e.breakers(d)
	f.Remedies = d.remedies
	e.findings = append(e.findings, f)
}

// deadlockText names each member, what it has that the one before it in the
// circle needs, and what it waits for.
func (e *examiner) deadlockText(circle []Edge) string {
	names := e.members(circle)
	var text, accounts []string
	in := circle[len(circle)-1]
	for _, out := range circle[:min(len(circle), maxMembers)] {
		text = append(text, names[out.From]+" "+has(in, out, names)+needs(in, out, names))
		if out.Kind == EdgeInside {
			accounts = append(accounts, "; that "+names[out.To]+" runs under "+claim(out.Waiter)+" is its own account")
		}
		in = out
	}
	if n := len(circle) - maxMembers; n > 0 {
		text = append(text, "and so on, "+strconv.Itoa(n)+" more")
	}
	return "deadlock: " + strings.Join(text, "; ") +
		"; it lasts until one of them gives up, unless one has several jobs at once and another of them unlocks" +
		strings.Join(accounts, "")
}

// has says why the one before in the circle waits for this member.
func has(in, out Edge, names map[SessionID]string) string {
	switch {
	case in.Kind == EdgeHard:
		return "holds " + claim(in.Blocker) + " and "
	case in.Kind == EdgeInside && out.Kind == EdgeInside:
		return "holds " + claim(out.Waiter) + " and "
	case in.Kind == EdgeSoft && in.Blocker.Key != out.Waiter.Key:
		return "is ahead of " + names[in.From] + " for " + claim(in.Blocker) + " and "
	default:
		return ""
	}
}

// needs says what this member of the circle waits for.
func needs(in, out Edge, names map[SessionID]string) string {
	switch {
	case in.Kind == EdgeSoft && in.Blocker.Key == out.Waiter.Key:
		return "waits for " + claim(out.Waiter) + " ahead of " + names[in.From]
	case out.Kind != EdgeInside:
		return "waits for " + claim(out.Waiter)
	case in.Kind == EdgeInside || in.Blocker.Key == out.Waiter.Key:
		return "runs " + names[out.To] + " under it"
	default:
		return "runs " + names[out.To] + " under " + claim(out.Waiter)
	}
}

// members names the sessions of a circle so that no two are named alike.
func (e *examiner) members(circle []Edge) map[SessionID]string {
	count := map[string]int{}
	for _, edge := range circle {
		count[e.who(edge.Waiter)]++
	}
	names := map[SessionID]string{}
	for _, edge := range circle {
		name := e.who(edge.Waiter)
		if count[name] > 1 {
			name += " (" + edge.From.String() + ")"
		}
		names[edge.From] = name
	}
	return names
}

// breakers are the remedies of a deadlock: to end one of its members, whole,
// since without its wait alone it would keep what it holds. The best is the one
// whose loss untangles the whole knot and costs least: one that waits, rather
// than one that holds a lock for a program that waits, for the program would go
// on unprotected, while its end makes the other unlock; that holds few locks;
// and that has waited least.
func (e *examiner) breakers(d *deadlock) []Remedy {
	type member struct {
		edge           Edge
		session        *Session
		partial, holds int
	}
	var members []member
	for _, edge := range d.circle {
		s := &e.sessions[e.ids[edge.From]]
		m := member{edge: edge, session: s, holds: len(s.Holds())}
		if !e.untangles(d, s.ID) {
			m.partial = 1
		}
		members = append(members, m)
	}
	slices.SortStableFunc(members, func(a, b member) int {
		return cmp.Or(
			cmp.Compare(inside(a.edge), inside(b.edge)),
			cmp.Compare(a.partial, b.partial),
			cmp.Compare(a.holds, b.holds),
			cmp.Compare(b.edge.Waiter.Revision, a.edge.Waiter.Revision),
		)
	})
	var remedies []Remedy
	for _, m := range members[:min(len(members), maxCures)] {
		remedies = append(remedies, e.breaker(d.circle, m.edge, m.session))
	}
	return remedies
}

func inside(e Edge) int {
	if e.Kind == EdgeInside {
		return 1
	}
	return 0
}

// untangles reports whether the end of a session leaves no deadlock in its
// knot. A circle that is the whole knot has no smaller one in it, being a
// shortest. In a huge knot it is not found out.
func (e *examiner) untangles(d *deadlock, id SessionID) bool {
	if len(d.knot) == len(d.circle) || len(d.knot)*len(d.circle) > maxEffort {
		return true
	}
	others := slices.DeleteFunc(slices.Clone(d.knot), func(v int32) bool { return e.sessions[v].ID == id })
	rest := e.among(others)
	return len(rest.components()) == len(others)
}

// breaker is the remedy that ends a member of a circle.
func (e *examiner) breaker(circle []Edge, out Edge, s *Session) Remedy {
	r := e.end(s)
	for _, edge := range circle {
		if edge.Kind == EdgeInside && edge.To == s.ID {
			r.Text += "; when that makes it exit, " + e.who(edge.Waiter) + " unlocks " + claim(edge.Waiter)
		}
	}
	if out.Kind == EdgeInside {
		r.Text += "; " + e.who(out.Blocker) + " may go on without the lock it runs under"
	}
	return r
}
