package narrate

import (
	"slices"
	"strconv"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
)

// maxMembers bounds how many members of a deadlock get a clause.
const maxMembers = 16

// names are the sessions of a deadlock in words, no two of them alike.
type names map[inspect.SessionID]string

// members describes the sessions of a deadlock in a tense.
type members struct {
	Tense
	names
}

func (tense Tense) deadlock(f diagnose.Finding) Text {
	n := members{tense, namesOf(f.Sessions)}
	var all []string
	for _, s := range f.Sessions {
		all = append(all, n.names[s.ID])
	}
	t := Text{Headline: "deadlock on " + list(lockNames(f.Locks)) + ": " + list(all) + " " + tense.say("wait", "waited") + " for each other"}
	var reports []string
	in := f.Cycle[len(f.Cycle)-1]
	for _, out := range f.Cycle[:min(len(f.Cycle), maxMembers)] {
		t.Clauses = append(t.Clauses, n.names[out.From.ID]+" "+n.has(in, out)+n.needs(in, out))
		if out.Kind == diagnose.EdgeInside {
			reports = append(reports, n.names[out.To.ID]+tense.say(" reports that it runs under ", " reported that it ran under ")+lock(out.Waiter))
		}
		in = out
	}
	if more := len(f.Cycle) - maxMembers; more > 0 {
		t.Clauses = append(t.Clauses, "and so on, "+strconv.Itoa(more)+" more")
	}
	t.Clauses = append(t.Clauses, reports...)
	t.Clauses = append(t.Clauses, tense.say("permanent until one of them gives up, unless a client releases its lock from another thread",
		"permanent until one of them gave up, unless a client released its lock from another thread"))
	if f.Behind > 0 {
		t.Clauses = append(t.Clauses, tense.behind(f))
	}
	return t
}

// lockNames returns the different names of locks.
func lockNames(ids []inspect.LockID) []string {
	var words []string
	for _, id := range ids {
		if name := format.Name(id.Name); !slices.Contains(words, name) {
			words = append(words, name)
		}
	}
	return words
}

// namesOf names sessions. Those of the same name get their IDs too.
func namesOf(sessions []*inspect.Session) names {
	n, count := names{}, map[string]int{}
	for _, s := range sessions {
		n[s.ID] = who(s) // once: it is told by all requests, of which there can be very many
		count[n[s.ID]]++
	}
	for _, s := range sessions {
		if count[n[s.ID]] > 1 {
			n[s.ID] += " (" + s.ID.String() + ")"
		}
	}
	return n
}

// has says why the member before this one in the cycle waits for it, given the
// edges that lead to it and from it.
func (n members) has(in, out diagnose.Edge) string {
	switch {
	case in.Kind == diagnose.EdgeHard:
		return n.say("holds ", "held ") + lock(in.Blocker) + " and "
	case in.Kind == diagnose.EdgeInside && out.Kind == diagnose.EdgeInside:
		return n.say("holds ", "held ") + lock(out.Waiter) + " and "
	case in.Kind == diagnose.EdgeSoft && in.Blocker.Key != out.Waiter.Key:
		return n.say("is", "was") + " ahead of " + n.names[in.From.ID] + " for " + lock(in.Blocker) + " and "
	default:
		return ""
	}
}

// needs says what a member of the cycle waits for, given the edges that lead to
// it and from it.
func (n members) needs(in, out diagnose.Edge) string {
	switch {
	case in.Kind == diagnose.EdgeSoft && in.Blocker.Key == out.Waiter.Key:
		return n.say("waits for ", "waited for ") + lock(out.Waiter) + " ahead of " + n.names[in.From.ID]
	case out.Kind != diagnose.EdgeInside:
		return n.say("waits for ", "waited for ") + lock(out.Waiter)
	case in.Kind == diagnose.EdgeInside || in.Blocker.Key == out.Waiter.Key:
		return n.say("runs ", "ran ") + n.names[out.To.ID] + " under it"
	default:
		return n.say("runs ", "ran ") + n.names[out.To.ID] + " under " + lock(out.Waiter)
	}
}
