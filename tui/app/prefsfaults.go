package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/screens"
	"etcd-lock/tui/state"
	"etcd-lock/tui/widget"
)

// sayFaults says what is wrong with the preferences. Those about screens and columns that there
// are not leave the rest of them in force.
func (m *Model) sayFaults() {
	prefs := m.effects.Chosen()
	faults := prefs.Faults(func() []string { return prefsFaults(m.Context, &prefs.Prefs) })
	if len(faults) == 0 {
		return
	}
	for _, f := range faults {
		m.Log.Add(state.EntryError, m.Now, f)
	}
	text := faults[0]
	if n := len(faults); n > 1 {
		text = fmt.Sprintf("1 of %d, see events: %s", n, text)
	}
	m.flashText(nav.Flash{Text: text, Error: true})
}

// prefsFaults are the places of the preferences that name what there is not, each with why.
func prefsFaults(c *nav.Context, p *backend.Prefs) []string {
	check := prefsCheck{c: c, anywhere: c.Roaming(), prefs: p}
	check.anywhere.Can.Clock = true
	for _, name := range slices.Sorted(maps.Keys(p.Sort)) {
		if k := check.screen("sort", name, nav.LastKind, "sort", name); k != 0 {
			check.sort("sort of "+name, k, p.Sort[name], "sort", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Hidden)) {
		if k := check.screen("hidden", name, nav.LastKind, "hidden", name); k != 0 {
			check.hidden(k, name)
		}
	}
	for i, v := range p.Views {
		check.view(i, v)
	}
	return check.faults
}

// prefsCheck looks for faults in preferences.
type prefsCheck struct {
	c *nav.Context
	// anywhere has every screen have all of its columns: preferences are for all ways to start
	// the UI, and some columns are there only with several clusters, or in a recording.
	anywhere *nav.Context
	prefs    *backend.Prefs
	faults   []string
}

// grid is the table of a screen, with all columns that it ever has.
func (p *prefsCheck) grid(k nav.Kind) widget.Grid {
	return screens.New(p.anywhere, nav.Ref{Kind: k}).Grid()
}

// here is the table of a screen as it is here, to say what there is.
func (p *prefsCheck) here(k nav.Kind) widget.Grid { return screens.New(p.c, nav.Ref{Kind: k}).Grid() }

// add adds a fault at a path.
func (p *prefsCheck) add(path []any, format string, args ...any) {
	p.faults = append(p.faults, p.prefs.At(path...)+fmt.Sprintf(format, args...))
}

// screen returns the kind of screen of that name, up to last; 0: there is none.
func (p *prefsCheck) screen(what, name string, last nav.Kind, path ...any) nav.Kind {
	k := nav.KindOf(name, last)
	if k == 0 {
		p.add(path, "%s: no screen %s; screens: %s", what, name, strings.Join(nav.KindNames(last), ", "))
	}
	return k
}

// sort checks an order.
func (p *prefsCheck) sort(what string, k nav.Kind, by string, path ...any) {
	if !p.grid(k).SetSort(by) {
		p.add(path, "%s: no column %s to sort by; columns: %s", what, strings.TrimPrefix(by, "-"), listed(p.here(k).Sortable()))
	}
}

// hidden checks the columns of a screen that are hidden.
func (p *prefsCheck) hidden(k nav.Kind, name string) {
	grid := p.grid(k)
	for i, column := range p.prefs.Hidden[name] {
		if !slices.Contains(grid.Columns(), grid.Named(column)) {
			p.add([]any{"hidden", name, i}, "hidden in %s: no column %s; columns: %s", name, column, listed(p.here(k).Columns()))
		}
	}
}

// view checks a saved view.
func (p *prefsCheck) view(i int, v backend.View) {
	what := "view " + v.Name
	k := p.screen(what, v.Screen, nav.LastView, "views", i, "screen")
	if k == 0 {
		return
	}
	p.sort(what, k, v.Sort, "views", i, "sort")
	grid, path := p.grid(k), []any{"views", i, "filter"}
	if err := grid.SetFilter(v.Filter); err != nil {
		p.add(path, "%s: filter: %s", what, err)
	} else if odd := grid.Odd(); odd != "" {
		p.add(path, "%s: filter: %s", what, odd)
	}
}

// listed lists names.
func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
