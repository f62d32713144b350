package screens

import (
	"slices"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/order"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
)

// potentialKind is the kind of a deadlock that could happen, among the findings.
const potentialKind diagnose.Kind = "potential"

// potentialProblems returns the deadlocks that could happen, as notices, but for those that
// have. They are learnt from the present only.
func potentialProblems(c *nav.Context) []*problem {
	if potentialCount(c) == 0 {
		return nil
	}
	locks := lockIDs(c)
	var rows []*problem
	for i := range c.Potential.Deadlocks {
		p := &c.Potential.Deadlocks[i]
		f := &diagnose.Finding{Kind: potentialKind, Severity: diagnose.Notice}
		for _, s := range p.Stories {
			for _, l := range []order.Lock{s.Held.Lock, s.Wanted.Lock} {
				if id := locks(l); !slices.Contains(f.Locks, id) {
					f.Locks = append(f.Locks, id)
				}
			}
		}
		if !happens(c, f.Locks) {
			rows = append(rows, &problem{Finding: f, potential: p, text: narrate.Potential(c.Flags, *p)})
		}
	}
	return rows
}

// happens reports whether there is a deadlock on all of these locks.
func happens(c *nav.Context, locks []inspect.LockID) bool {
	return slices.ContainsFunc(c.Shown().Verdict.Findings, func(f diagnose.Finding) bool {
		return f.Kind == diagnose.Deadlock && !slices.ContainsFunc(locks, func(id inspect.LockID) bool { return !slices.Contains(f.Locks, id) })
	})
}

// potentialCount returns how many of them there are in what is shown.
func potentialCount(c *nav.Context) int {
	if c.InPast() {
		return 0
	}
	return len(c.Potential.Deadlocks)
}

// lockIDs returns a function that finds a lock by its name and the word for its layout. One
// that does not exist now is taken for one of package rwlock, as one whose name is typed.
func lockIDs(c *nav.Context) func(order.Lock) inspect.LockID {
	known := map[order.Lock]inspect.LockID{}
	for _, p := range c.Potential.Deadlocks {
		for _, s := range p.Stories {
			for _, l := range []order.Lock{s.Held.Lock, s.Wanted.Lock} {
				known[l] = inspect.LockID{Layout: layout.RWLock, Name: l.Name}
			}
		}
	}
	for i := range c.Live.Locks {
		id := c.Live.Locks[i].ID
		l := order.Lock{Name: id.Name, Layout: id.Layout.String()}
		if _, wanted := known[l]; wanted {
			known[l] = id
		}
	}
	return func(l order.Lock) inspect.LockID { return known[l] }
}

// id identifies a problem, also in the next diagnosis.
func (p *problem) id() string {
	if p.potential == nil {
		return state.FindingID(p.Finding)
	}
	id := string(potentialKind)
	for i, s := range p.potential.Stories {
		id += "\x00" + p.potential.Classes[i] + "\x00" + s.Held.Lock.Name + "\x00" + s.Wanted.Lock.Name
	}
	return id
}

// potentialLines say all of a deadlock that could happen: who was seen to acquire which
// locks in which order, and what prevents it.
func potentialLines(c *nav.Context, p *problem, w int) []string {
	sign := SeveritySign(c.Theme, p.Severity)
	lines := term.Wrap(sign.Text+" "+term.Safe(p.text.Headline), w, sign.Style.Render)
	for _, clause := range p.text.Clauses {
		lines = append(lines, term.Wrap("  "+term.Safe(clause), w, c.Theme.Plain.Render)...)
	}
	lines = append(lines, "")
	return append(lines, term.Wrap(potentialNote(c), w, c.Theme.Dim.Render)...)
}

func potentialNote(c *nav.Context) string {
	note := "Potential only: it could happen, by the orders that the watch has seen since the UI began."
	if c.Potential.More {
		note += " There were more orders than are kept."
	}
	return note
}
