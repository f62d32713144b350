package app

import (
	"slices"
	"strconv"
	"strings"

	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/term"
	"etcd-lock/tui/widget"
)

// Saved views are reached by function keys, in the order in which they were saved; those
// beyond the last key by their names only.
const firstViewKey, lastViewKey = 2, 12

// savedTitle heads the keys of the saved views, in the help.
const savedTitle = "saved views"

// renameSaved has the help say what was saved.
func (m *Model) renameSaved() {
	i := slices.IndexFunc(m.keys, func(g widget.Group) bool { return g.Title == savedTitle })
	m.keys[i].Bindings = savedBindings(m.Context, &m.screens, &m.effects.Chosen().Prefs)
}

// savedBindings are the keys of the saved views.
func savedBindings(c *nav.Context, s *nav.Stack, prefs *backend.Prefs) []widget.Binding {
	var keys []widget.Binding
	for n := firstViewKey; n <= lastViewKey; n++ {
		i := n - firstViewKey
		b := widget.Binding{
			Keys: "f" + strconv.Itoa(n), Label: "F" + strconv.Itoa(n), Short: "saved view",
			Doc: "go to a [saved view](#saved-views)",
			Off: func() widget.Off {
				if i < len(prefs.Views) {
					return widget.Off{}
				}
				return widget.Off{Why: "no view saved here; :save NAME saves this filter and order"}
			},
			Do: func() nav.Action { return showSaved(c, s, prefs.Views[i]) },
		}
		if i < len(prefs.Views) {
			v := prefs.Views[i]
			b.Short, b.Long = term.Safe(v.Name), strings.TrimSpace(v.Screen+" "+term.Safe(v.Filter))
		}
		keys = append(keys, b)
	}
	return keys
}

// showSaved goes to a saved view. One that cannot be shown changes nothing.
func showSaved(c *nav.Context, s *nav.Stack, v backend.View) nav.Action {
	failed := func(why string) nav.Action { return nav.Fail("view " + v.Name + ": " + why) }
	k := nav.KindOf(v.Screen, nav.LastView)
	if k == 0 {
		return failed("there is no view of the screen " + v.Screen)
	}
	if off := offView(c, k); off.Why != "" {
		return failed(v.Screen + ": " + off.Why)
	}
	grid := s.Views[k].Grid()
	before := grid.Filtered()
	if err := grid.SetFilter(v.Filter); err != nil {
		return failed(err.Error())
	}
	if !grid.SetSort(v.Sort) {
		_ = grid.SetFilter(before) // which was a good one
		return failed("no column " + v.Sort + " to sort by")
	}
	return nav.OpenView(k)
}

// savedCommands save the filter and the order of the view in front by a name, go to them,
// and forget them. They are kept for the next time, or not.
func savedCommands(c *nav.Context, s *nav.Stack, prefs *backend.Preferences) []command {
	names := func() []string {
		var all []string
		for _, v := range prefs.Views {
			all = append(all, v.Name)
		}
		return all
	}
	find := func(what, name string) (i int, failed nav.Action) {
		i = slices.IndexFunc(prefs.Views, func(v backend.View) bool { return v.Name == name || term.Safe(v.Name) == name })
		switch {
		case i >= 0:
			return i, nil
		case len(prefs.Views) == 0:
			return i, nav.Fail(what + ": no view is saved; :save NAME saves one")
		default:
			return i, nav.Fail(what + ": no view " + name + "; saved: " + strings.Join(names(), ", "))
		}
	}
	return []command{
		{name: "save", args: "NAME", about: "save the filter and the order as a view", complete: names, run: func(name string) nav.Action {
			return saveView(s.Front(), prefs, name)
		}},
		{name: "view", args: "NAME", about: "go to a saved view", complete: names, run: func(name string) nav.Action {
			i, failed := find("view", name)
			if failed != nil {
				return failed
			}
			return showSaved(c, s, prefs.Views[i])
		}},
		{name: "forget", args: "NAME", about: "forget a saved view", complete: names, run: func(name string) nav.Action {
			i, failed := find("forget", name)
			if failed != nil {
				return failed
			}
			prefs.Views = slices.Delete(slices.Clone(prefs.Views), i, i+1)
			return nav.Batch{nav.SavePrefs{}, nav.Flash{Text: "forgotten: " + name}}
		}},
	}
}

// saveView saves the filter and the order of a view, in place of one of that name.
func saveView(front nav.Screen, prefs *backend.Preferences, name string) nav.Action {
	kind, grid := front.Ref().Kind, front.Grid()
	switch {
	case name == "":
		return nav.Fail("save: name missing: :save NAME")
	case !kind.IsView():
		return nav.Fail("save: the filter of one " + kind.String() + " cannot be saved; go to a view (1 to 8) first")
	}
	v := backend.View{Name: name, Screen: kind.String(), Filter: grid.Filtered(), Sort: grid.Sorted()}
	i := slices.IndexFunc(prefs.Views, func(old backend.View) bool { return old.Name == name })
	views := slices.Clone(prefs.Views)
	if i < 0 {
		i = len(views)
		views = append(views, v)
	}
	views[i] = v
	prefs.Views = views
	saved, how := "saved", ":view "+name
	if !prefs.Kept() {
		saved = "saved until you quit, since the file of preferences is not used"
	}
	if n := firstViewKey + i; n <= lastViewKey {
		how = "F" + strconv.Itoa(n)
	}
	return nav.Batch{nav.SavePrefs{}, nav.Flash{Text: saved + ": " + how + " goes to " + name}}
}
