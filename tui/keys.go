package tui

import "charm.land/bubbles/v2/key"

// keyMap is all keys. The help is made from it, so that a key that is taken
// away is gone from the help as well.
type keyMap struct {
	up, down, top, bottom, pageUp, pageDown key.Binding
	next, previous                          key.Binding
	filter, sortName, sortWaiters, sortAge  key.Binding
	pause                                   key.Binding
	read, write, release, name              key.Binding
	scenarios, stop                         key.Binding
	accept, back, help, quit                key.Binding
}

func newKeyMap(o Options) keyMap {
	bind := func(help, desc string, keys ...string) key.Binding {
		return key.NewBinding(key.WithKeys(keys...), key.WithHelp(help, desc))
	}
	k := keyMap{
		up:          bind("↑/k", "up", "up", "k"),
		down:        bind("↓/j", "down", "down", "j"),
		top:         bind("g/home", "first", "g", "home"),
		bottom:      bind("G/end", "last", "G", "end"),
		pageUp:      bind("pgup", "page up", "pgup", "ctrl+b"),
		pageDown:    bind("pgdn", "page down", "pgdown", "ctrl+f"),
		next:        bind("tab", "next pane", "tab"),
		previous:    bind("shift+tab", "pane before", "shift+tab"),
		filter:      bind("/", "filter", "/"),
		sortName:    bind("N", "sort by name", "N"),
		sortWaiters: bind("W", "sort by waiters", "W"),
		sortAge:     bind("A", "sort by age", "A"),
		pause:       bind("space", "pause", "space"),
		read:        bind("r", "read lock", "r"),
		write:       bind("w", "write lock", "w"),
		release:     bind("u", "unlock", "u"),
		name:        bind("n", "new name", "n"),
		scenarios:   bind("x", "scenarios", "x"),
		stop:        bind("s", "stop it", "s"),
		accept:      bind("enter", "accept", "enter"),
		back:        bind("esc", "back", "esc"),
		help:        bind("?", "help", "?"),
		quit:        bind("q", "quit", "q", "ctrl+c"),
	}
	canLock := o.Locker != nil && !o.ReadOnly
	for _, b := range []*key.Binding{&k.read, &k.write, &k.release, &k.name} {
		b.SetEnabled(canLock)
	}
	canRun := o.Scenarios != nil && !o.ReadOnly
	k.scenarios.SetEnabled(canRun)
	k.stop.SetEnabled(canRun)
	return k
}

// short is the keys of the line at the bottom.
func (k keyMap) short(mode mode) []key.Binding {
	switch mode {
	case modeFilter, modeName:
		return []key.Binding{described(k.accept, "keep"), described(k.back, "clear")}
	case modeHelp:
		return []key.Binding{described(k.back, "close"), k.up, k.down, k.quit}
	case modeScenarios:
		return []key.Binding{described(k.accept, "run"), k.stop, described(k.back, "close"), k.up, k.down}
	default:
		return []key.Binding{
			k.help, k.quit, described(k.read, "read"), described(k.write, "write"), k.release,
			described(k.name, "new"), k.filter, k.pause, described(k.next, "pane"), k.scenarios,
		}
	}
}

func described(b key.Binding, desc string) key.Binding {
	b.SetHelp(b.Help().Key, desc)
	return b
}

// keyGroup is a part of the full help.
type keyGroup struct {
	title string
	keys  []key.Binding
}

// full is all keys, with all that is to be said of each.
func (k keyMap) full() []keyGroup {
	return []keyGroup{
		{"move", []key.Binding{k.up, k.down, k.top, k.bottom, k.pageUp, k.pageDown, k.next, k.previous}},
		{"look", []key.Binding{
			described(k.filter, "filter names; enter keeps, esc clears"),
			described(k.sortName, "sort by name; again reverses"),
			described(k.sortWaiters, "sort by waiters; again reverses"),
			described(k.sortAge, "sort by age; again reverses"),
			described(k.pause, "pause the picture; data goes on"),
		}},
		{"take and give back", []key.Binding{
			described(k.read, "ask for a read lock on the name"),
			described(k.write, "ask for a write lock on the name"),
			described(k.release, "release ours, or cancel our waiter; latest first"),
			described(k.name, "type the name of a lock to take"),
		}},
		{"scenarios", []key.Binding{
			described(k.scenarios, "list of scenarios; enter runs one"),
			described(k.stop, "stop the running one, in the list"),
		}},
		{"other", []key.Binding{
			described(k.back, "go back; never quits"),
			k.help,
			described(k.quit, "quit; our locks are given back"),
		}},
	}
}
