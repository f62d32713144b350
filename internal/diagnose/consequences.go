package diagnose

import (
	"slices"

	"etcd-lock/internal/inspect"
)

// causes are the kinds of findings that keep others waiting.
var causes = []Kind{Deadlock, NoLease, OtherKey, LeaseMissing, LeaseOverdue, Expiring, Lapsed, LongHold}

// Consequences returns which long waits would not be there without another finding that
// is at least as bad: by the index of that finding, the indexes of the waits. A wait with
// several causes, or with none that is found, is a consequence of none.
func (d Diagnosis) Consequences() map[int][]int {
	var deadlocks []int
	bySession := map[*inspect.Session][]int{} // findings that may be causes
	for i, f := range d.Findings {
		switch {
		case f.Kind == Deadlock:
			deadlocks = append(deadlocks, i)
		case slices.Contains(causes, f.Kind):
			for _, s := range f.Sessions {
				bySession[s] = append(bySession[s], i)
			}
		}
	}
	all := map[int][]int{}
	for i, wait := range d.Findings {
		candidates := deadlocks
		switch root := wait.Root; {
		case wait.Kind != LongWait:
			continue
		case root.Deadlock:
		case root.Entry.Session != nil:
			candidates = bySession[root.Entry.Session]
		case len(wait.Holders) > 0:
			candidates = bySession[wait.Holders[0]]
		default:
			continue
		}
		if cause := d.cause(wait, candidates); cause >= 0 {
			all[cause] = append(all[cause], i)
		}
	}
	return all
}

// cause returns the one of some findings that a wait lasts because of: the worst one, if
// all that come into question are about the same sessions. Otherwise it returns -1.
func (d Diagnosis) cause(wait Finding, candidates []int) int {
	found := -1
	for _, i := range candidates {
		f := d.Findings[i]
		switch {
		case f.Severity < wait.Severity || !f.keepsWaiting(wait):
		case found >= 0 && !slices.Equal(d.Findings[found].Sessions, f.Sessions):
			return -1
		case found < 0:
			found = i
		}
	}
	return found
}

// keepsWaiting reports whether a wait waits for what the finding is about.
func (f Finding) keepsWaiting(wait Finding) bool {
	switch root := wait.Root; {
	case root.Deadlock:
		return true
	case root.Entry.Session != nil:
		return f.isAbout(root.Entry)
	}
	return !slices.ContainsFunc(wait.Holders, func(s *inspect.Session) bool { return !slices.Contains(f.Sessions, s) }) &&
		slices.Contains(f.Locks, wait.first())
}

// isAbout reports whether the finding is about a request and its session.
func (f Finding) isAbout(e Entry) bool {
	return slices.Contains(f.Sessions, e.Session) && slices.Contains(f.Locks, e.Request.Lock)
}
