package tui

import "charm.land/bubbles/v2/key"

// keyMap is the keys that work everywhere. Screens and tables have their own;
// the help is made from all of them, so that a key that is taken away is gone
// from the help as well.
type keyMap struct {
	help, command, back, quit key.Binding
	pause, filter             key.Binding
	next, previous            key.Binding
	views                     []key.Binding // by number, from 1 on
	scenarios                 key.Binding
	copy, export              key.Binding
	accept, complete          key.Binding
	left, right, up, down     key.Binding
	yes, no                   key.Binding
	earlier, later, live      key.Binding
}

func bind(help, desc string, keys ...string) key.Binding {
	return key.NewBinding(key.WithKeys(keys...), key.WithHelp(help, desc))
}

func newKeyMap() keyMap {
	return keyMap{
		help:      bind("?", "help", "?"),
		command:   bind(":", "command: tab completes it", ":"),
		back:      bind("esc", "go back: it never quits", "esc", "alt+esc"),
		quit:      bind("q", "quit: our locks are given back", "q", "ctrl+c"),
		pause:     bind("space", "pause: the picture stands still, data goes on", "space"),
		filter:    bind("/", "filter: text, ~ expression, ! inverse", "/"),
		next:      bind("tab", "next view", "tab"),
		previous:  bind("shift+tab", "view before", "shift+tab"),
		scenarios: bind("x", "scenarios", "x"),
		copy:      bind("y", "copy: what is under the cursor or marked", "y"),
		export:    bind("e", "export: the table to a file", "e"),
		accept:    bind("enter", "accept", "enter"),
		complete:  bind("tab", "complete", "tab"),
		left:      bind("←/h", "left", "left", "h"),
		right:     bind("→/l", "right", "right", "l"),
		up:        bind("↑/k", "up", "up", "k"),
		down:      bind("↓/j", "down", "down", "j"),
		yes:       bind("y", "yes", "y"),
		no:        bind("n", "no", "n"),
		earlier:   bind("[", "earlier: the change before, in the past", "["),
		later:     bind("]", "later: the next change", "]"),
		live:      bind("b", "back to live", "b"),
	}
}

// travel says whether there is a past to go to.
func (k *keyMap) travel(can bool) {
	for _, b := range []*key.Binding{&k.earlier, &k.later, &k.live} {
		b.SetEnabled(can)
	}
}

func described(b key.Binding, desc string) key.Binding {
	b.SetHelp(b.Help().Key, desc)
	return b
}

// groups are the keys of everywhere, for the help.
func (k keyMap) groups() []keyGroup {
	return []keyGroup{
		{"views", append(append([]key.Binding{}, k.views...), k.next, k.previous, k.back)},
		{"time travel", []key.Binding{k.earlier, k.later, k.live}},
		{"everywhere", []key.Binding{k.help, k.command, k.filter, k.pause, k.copy, k.export, k.scenarios, k.quit}},
	}
}
