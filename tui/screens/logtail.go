package screens

import (
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
)

// logTail draws the newest entries in w×h, those that are wanted: all, if want is
// nil.
func logTail(b *state.Log, t *theme.Theme, w, h int, want func(*state.Entry) bool) string {
	var entries []*state.Entry
	for i := len(b.Entries) - 1; i >= 0 && len(entries) < h; i-- {
		if want == nil || want(b.Entries[i]) {
			entries = append(entries, b.Entries[i])
		}
	}
	lines := make([]string, 0, len(entries))
	for _, e := range slices.Backward(entries) {
		s := entrySign(t, e.Kind)
		head := t.Dim.Render(e.At.Format(time.TimeOnly)) + " " + s.Style.Render(term.Pad(s.Text, 10, false)) + " "
		lines = append(lines, term.Cut(head+e.Text, w))
	}
	if len(lines) == 0 {
		lines = []string{t.Dim.Render(term.Cut(noEvents(b), w))}
	}
	return strings.Join(lines, "\n")
}

// shownLog is the log of what is shown. Where that is several clusters, it is the latest
// entries of each, with its name in front of them.
func shownLog(c *nav.Context, latest int) *state.Log {
	clusters := c.Clusters()
	if !c.Roams() {
		return c.ShownLog()
	}
	wide := 0
	for _, one := range clusters {
		wide = max(wide, term.Width(term.Cut(term.Safe(one.Etcd.Name), contextMost/2)))
	}
	all := &state.Log{}
	for _, one := range clusters {
		log := one.ShownLog()
		all.Past = all.Past || log.Past
		name := term.Pad(term.Safe(one.Etcd.Name), wide, false)
		for _, e := range log.Entries[max(len(log.Entries)-latest, 0):] {
			of := *e
			of.Text = name + " " + e.Text
			all.Entries = append(all.Entries, &of)
		}
	}
	slices.SortStableFunc(all.Entries, func(a, b *state.Entry) int { return a.At.Compare(b.At) })
	return all
}

// noEvents is what is shown where there are none.
func noEvents(b *state.Log) string {
	if b.Past {
		return "no events were recorded shortly before"
	}
	return "no events since the watch began"
}

// entrySign is the sign and the word of a kind of entry.
func entrySign(t *theme.Theme, kind state.EntryKind) theme.Text {
	switch kind {
	case state.EntryKind(inspect.EventGranted):
		return theme.Styled("● granted", t.Holding)
	case state.EntryKind(inspect.EventWaiting):
		return theme.Styled("○ waiting", t.Waiting)
	case state.EntryKind(inspect.EventReleased):
		return theme.Styled("· released", t.Free)
	case state.EntryKind(inspect.EventLeft):
		return theme.Styled("· canceled", t.Free)
	case state.EntryKind(inspect.EventEnded):
		return theme.Styled("· ended", t.Warning)
	case state.EntryKind(inspect.EventBlocks):
		return theme.Styled("▲ blocks", t.Contended)
	case state.EntryKind(inspect.EventCleared):
		return theme.Styled("· cleared", t.Free)
	case state.EntryKind(inspect.EventExpired), state.EntryKind(inspect.EventRevoked), state.EntryKind(inspect.EventDetached):
		return theme.Styled("✗ "+string(kind), t.Lost)
	case state.EntryOwn:
		return theme.Styled("* yours", t.Own)
	case state.EntryError:
		return theme.Styled("✗ error", t.Lost)
	case state.EntryScenario:
		return theme.Styled("▶ scenario", t.Title)
	case state.EntryEtcd:
		return theme.Styled("! etcd", t.Expiring)
	case state.EntryProblem:
		return theme.Styled("! problem", t.Warning)
	case state.EntryNote:
		return theme.Styled("· note", t.Dim)
	default:
		return theme.Styled("  "+term.Safe(string(kind)), t.Plain)
	}
}
