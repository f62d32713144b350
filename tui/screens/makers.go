// Package screens is the screens. Each is made here only, by its reference.
package screens

import (
	"slices"
	"strings"

	"etcd-lock/internal/format"
	"etcd-lock/internal/narrate"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// makers make the screens of each kind. Nothing else does.
var makers = map[nav.Kind]func(*nav.Context, nav.Ref) nav.Screen{
	nav.KindLocks:         func(c *nav.Context, _ nav.Ref) nav.Screen { return newLocksScreen(c) },
	nav.KindSessions:      func(c *nav.Context, _ nav.Ref) nav.Screen { return newSessionsScreen(c) },
	nav.KindProblems:      func(c *nav.Context, _ nav.Ref) nav.Screen { return newProblemsScreen(c) },
	nav.KindClients:       func(c *nav.Context, _ nav.Ref) nav.Screen { return newClientsScreen(c) },
	nav.KindHot:           func(c *nav.Context, _ nav.Ref) nav.Screen { return newHotScreen(c) },
	nav.KindScenarios:     func(c *nav.Context, _ nav.Ref) nav.Screen { return newScenariosScreen(c) },
	nav.KindPast:          func(c *nav.Context, r nav.Ref) nav.Screen { return newHistoryScreen(c, r) },
	nav.KindEvents:        func(c *nav.Context, _ nav.Ref) nav.Screen { return newEventsScreen(c) },
	nav.KindLock:          func(c *nav.Context, r nav.Ref) nav.Screen { return newLockScreen(c, r.Lock) },
	nav.KindSession:       func(c *nav.Context, r nav.Ref) nav.Screen { return newSessionScreen(c, r.Session) },
	nav.KindHistory:       func(c *nav.Context, r nav.Ref) nav.Screen { return newHistoryScreen(c, r) },
	nav.KindCommands:      func(c *nav.Context, _ nav.Ref) nav.Screen { return newCommandsScreen(c) },
	nav.KindNotifications: func(c *nav.Context, _ nav.Ref) nav.Screen { return newNotificationsScreen(c) },
	nav.KindText:          func(c *nav.Context, r nav.Ref) nav.Screen { return newTextScreen(c, r) },
}

// New makes the screen that a reference names.
func New(c *nav.Context, r nav.Ref) nav.Screen { return makers[r.Kind](c, r) }

// Together makes the screens whose tables show the rows of several clusters, of which c is
// one. Each follows its cursor: it is about the cluster of the row that is under it.
func Together(c *nav.Context) map[nav.Kind]nav.Screen {
	all := map[nav.Kind]nav.Screen{}
	for _, k := range []nav.Kind{nav.KindLocks, nav.KindSessions, nav.KindProblems} {
		all[k] = New(c.Roaming(), nav.Ref{Kind: k})
	}
	return all
}

// in identifies a row of one of several clusters.
type in[K comparable] struct {
	id K
	of string // the name of the cluster
}

// clusterNamed returns the cluster of that name among those whose rows are shown, nil if it
// is not one of them.
func clusterNamed(c *nav.Context, name string) *nav.Context {
	for _, one := range c.Clusters() {
		if one.Etcd.Name == name {
			return one
		}
	}
	return nil
}

// ofClusters names the clusters whose rows are shown, where there may be several. A screen
// that shows one of those that are open says so.
func ofClusters(c *nav.Context) string {
	switch {
	case !c.Roams() && len(c.Together)+len(c.Absent) > 1:
		return " · of " + term.Safe(c.Etcd.Name) + " only"
	case !c.Roams():
		return ""
	}
	var names []string
	for _, one := range c.Clusters() {
		names = append(names, term.Safe(one.Etcd.Name))
	}
	text := " · " + strings.Join(names, ", ")
	if c.InPast() {
		text += " alone, while history is shown"
	}
	return text
}

// The column of contexts is as wide as their names are, within bounds.
const contextLeast, contextMost = 4, 24

// contextColumn says of which cluster a row is. There is none where all are of one.
func contextColumn[R any](c *nav.Context, of func(R) *nav.Context) []widget.Column[R] {
	if !c.Roams() {
		return nil
	}
	widest := contextLeast
	for _, one := range c.Clusters() {
		widest = max(widest, term.Width(term.Safe(one.Etcd.Name)))
	}
	for _, one := range c.Absent {
		widest = max(widest, term.Width(term.Safe(one.Name)))
	}
	return []widget.Column[R]{{
		Title: "ctx", Long: "context", Box: widget.Box{Min: min(widest, contextMost/2), Want: min(widest, contextMost), Soon: true},
		Ascending: true, Compare: func(a, b R) int { return strings.Compare(of(a).Etcd.Name, of(b).Etcd.Name) },
		Text: func(r R) string { return of(r).Etcd.Name },
		Cell: func(r R, w int) theme.Text { return contextCell(c, of(r), w) },
	}}
}

// contextCell names a cluster, in its colour. What is shown of one that does not answer is as
// it was.
func contextCell(c, of *nav.Context, w int) theme.Text {
	name := term.Cut(term.Safe(of.Etcd.Name), w)
	switch {
	case of.Conn.Lost:
		return theme.Styled(name, c.Theme.Lost)
	case of.Etcd.Colour != "":
		return theme.Styled(name, of.Theme.Border)
	default:
		return theme.Styled(name, c.Theme.Plain)
	}
}

// emptyText says why a table has no rows: none, once the locks of a cluster are known.
func emptyText(c *nav.Context, none string) string {
	known := slices.ContainsFunc(c.Clusters(), func(c *nav.Context) bool { return c.Shown().Known() })
	return c.EmptyText(known, none)
}

// judged reports whether there is a verdict of a cluster: problems, and the sessions.
func judged(c *nav.Context) bool {
	return slices.ContainsFunc(c.Clusters(), func(c *nav.Context) bool { return c.Shown().Verdict.Known })
}

// noLocks says what was read where there is no lock, and what to try. Of several clusters, it
// says only what is true of all.
func noLocks(c *nav.Context) string {
	none, tries := "no locks", ""
	if !c.Prefixes.All() {
		none += " below " + format.List(c.Prefixes, "or")
	}
	switch other, known := otherKeys(c); {
	case !known:
	case other > 0:
		none += ", only " + format.Count(other, "other key", "other keys")
		tries = "to see why a key is no lock: " + c.Flags.Line("layouts", "explain", "KEY")
	default:
		none += ", and no other keys"
		if !c.Prefixes.All() && !c.Can.Limited {
			tries = "a prefix is how keys begin: " + c.Flags.Line("tui") + " shows all locks"
		}
	}
	lines := []string{term.Safe(none)}
	for _, one := range c.Clusters() {
		for _, says := range narrate.Unread(one.Shown().Snapshot) {
			lines = append(lines, term.Safe(one.Of(says)))
		}
	}
	if tries != "" && len(c.Clusters()) == 1 && !c.Can.Recording { // the command is about one etcd
		lines = append(lines, term.Safe(tries))
	}
	if c.OffTake().Why == "" {
		lines = append(lines, c.KeyOn(nav.KindLocks, newNameKey)+" to type a name and take it")
	}
	return strings.Join(lines, "\n")
}

// otherKeys counts the keys that were read and are no locks, if all that there are were read.
func otherKeys(c *nav.Context) (n int, known bool) {
	for _, one := range c.Clusters() {
		s := one.Shown()
		if !s.Known() || s.Other < 0 || len(s.Partial) > 0 {
			return 0, false
		}
		n += s.Other
	}
	return n, true
}
