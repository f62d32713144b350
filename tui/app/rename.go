package app

import (
	"context"
	"slices"
	"strings"

	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/screens"
	"etcd-lock/tui/widget"
)

// everywhere are the keys that work on all screens, as the user calls them on the one in
// front.
func (m *Model) everywhere() []widget.Group {
	return widget.Rename(m.keys, renames(m.options.Keys, m.screens.Front().Ref().Kind))
}

// frontKeys are the keys of the screen in front, as the user calls them.
func (m *Model) frontKeys() []widget.Group { return m.keysOf(m.screens.Front()) }

func (m *Model) keysOf(s nav.Screen) []widget.Group {
	groups := widget.Rename(s.Bindings(), renames(m.options.Keys, s.Ref().Kind))
	if own := m.commandBindings(s); len(own) > 0 {
		groups = append(slices.Clone(groups), widget.Group{Title: "your commands", Bindings: own})
	}
	return groups
}

// renames are the other names of keys on a screen. What is said of the screen goes before
// what is said of all.
func renames(keys []backend.Key, on nav.Kind) map[string][]string {
	to := map[string][]string{}
	for _, k := range keys {
		if _, ok := to[k.From]; k.Screen == on.String() || k.Screen == "" && !ok {
			to[k.From] = k.To
		}
	}
	return to
}

// CheckKeys returns what is wrong with the keys and the commands of the options, if anything
// is: a *backend.KeyError.
func CheckKeys(o backend.Options) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // nothing is run
	m := New(ctx, backend.Options{RowCommands: o.RowCommands, Keys: o.Keys, Now: o.Now})
	known := make([]bool, len(o.Keys))
	for kind := nav.KindLocks; kind <= nav.LastKind; kind++ {
		s := screens.New(m.Context, nav.Ref{Kind: kind, Lock: inspect.LockID{Name: "/a"}})
		if err := m.checkScreen(s, known); err != nil {
			return err
		}
	}
	for i, ok := range known {
		if !ok {
			on := "any screen"
			if o.Keys[i].Screen != "" {
				on = o.Keys[i].Screen
			}
			return &backend.KeyError{Index: i, Text: "there is no key " + o.Keys[i].From + " on " + on}
		}
	}
	return nil
}

// checkScreen finds keys that would have two meanings on a screen, and notes which names of
// keys there are.
func (m *Model) checkScreen(s nav.Screen, known []bool) error {
	kind := s.Ref().Kind
	for i, k := range m.options.Keys {
		if k.Screen == "" || k.Screen == kind.String() {
			known[i] = known[i] || slices.ContainsFunc(slices.Concat(m.keys, s.Bindings()), func(g widget.Group) bool {
				return slices.ContainsFunc(g.Bindings, func(b widget.Binding) bool { return b.Has(k.From) })
			})
		}
	}
	to := renames(m.options.Keys, kind)
	taken := map[string]string{} // by key: what it does
	for _, g := range slices.Concat(widget.Rename(m.keys, to), m.keysOf(s)) {
		for _, b := range g.Bindings {
			for _, key := range strings.Fields(b.Keys) {
				before, twice := taken[key]
				taken[key] = b.Short
				if err := m.clash(kind, key, before, b.Short); twice && err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// clash returns the error of a key with two meanings, if the user gave it one of them.
func (m *Model) clash(on nav.Kind, key, one, other string) error {
	text := key + " would have two meanings on " + on.String() + ": " + one + ", and " + other
	for i, k := range m.options.Keys {
		if (k.Screen == "" || k.Screen == on.String()) && slices.Contains(k.To, key) {
			return &backend.KeyError{Index: i, Text: text}
		}
	}
	if m.options.RowCommands == nil {
		return nil
	}
	for i, c := range m.options.RowCommands.List() {
		if c.Key == key && slices.Contains(c.Screens, on.String()) {
			return &backend.KeyError{Command: true, Index: i, Text: text}
		}
	}
	return nil
}

// renamed are the keys that the user calls otherwise, by screen, for texts that name them.
// One that is off keeps its name there.
func renamed(keys []backend.Key) map[string]map[string]string {
	names := map[string]map[string]string{}
	for kind := nav.Kind(0); kind <= nav.LastKind; kind++ { // 0 is all screens
		on := map[string]string{}
		for from, to := range renames(keys, kind) {
			if len(to) > 0 {
				on[from] = to[0]
			}
		}
		names[kind.String()] = on
	}
	return names
}
