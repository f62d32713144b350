package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"
)

// Action is what a key asks the root to do once its own work is done; nil is
// nothing. Package nav has the actions that there are.
type Action any

// Binding is one key: what it is called, what it does, where it is shown, and
// why it is off. Key presses, the help, the bottom line and the documentation
// all come from it.
type Binding struct {
	Keys  []string // as Bubble Tea names them
	Label string   // how the keys are shown
	Short string   // what it does, in a word or two: in the bottom line
	Long  string   // the same in full, after Short: in the help and the documentation
	Where Place

	When func() bool   // the bottom line shows it; nil: always
	Off  func() Off    // why it does nothing right now; nil: it always works
	Do   func() Action // called in Update
}

// Place is where a binding is shown.
type Place int

// Every binding is in the documentation.
const (
	InHelp      Place = iota // in the help only
	InFooter                 // in the bottom line too, with those of the screen
	FooterHead               // at the beginning of the bottom line
	FooterStart              // after these, before those of the screen
	FooterEnd                // at the end of the bottom line
	InDocs                   // in neither help nor bottom line
)

// Off is why a binding does nothing. The zero value says that it is on.
type Off struct {
	Why   string // said when the key is pressed
	Shown bool   // the help shows the key all the same, as one move of the cursor turns it on
}

// Group is a part of the help: bindings under a title.
type Group struct {
	Title    string
	Bindings []Binding
}

func bind(label, short string, do func() Action, keys ...string) Binding {
	return Binding{Keys: keys, Label: label, Short: short, Do: do}
}

// describe returns the binding with its description in full.
func (b Binding) describe(text string) Binding {
	b.Long = text
	return b
}

// offIf returns the binding with what turns it off.
func (b Binding) offIf(off func() Off) Binding {
	b.Off = off
	return b
}

// in returns the binding shown in another place.
func (b Binding) in(where Place) Binding {
	b.Where = where
	return b
}

// showIf returns the binding shown in the bottom line under a condition.
func (b Binding) showIf(when func() bool) Binding {
	b.When = when
	return b
}

// text is the description in full.
func (b Binding) text() string {
	if b.Long == "" {
		return b.Short
	}
	return b.Short + ": " + b.Long
}

// whyOff returns why the binding does nothing, its zero value if it works.
func (b Binding) whyOff() Off {
	if b.Off == nil {
		return Off{}
	}
	return b.Off()
}

// shown reports whether help and bottom line show the binding.
func (b Binding) shown() bool {
	off := b.whyOff()
	return off.Why == "" || off.Shown
}

// inFooter reports whether the bottom line shows the binding.
func (b Binding) inFooter() bool { return b.shown() && (b.When == nil || b.When()) }

// matches reports whether the key is one of the binding's.
func (b Binding) matches(msg tea.KeyPressMsg) bool { return slices.Contains(b.Keys, msg.String()) }

// findBinding returns the binding that a key belongs to. One that is on is found
// before one that is off.
func findBinding(groups []Group, msg tea.KeyPressMsg) (found Binding, ok bool) {
	for _, g := range groups {
		for _, b := range g.Bindings {
			if !b.matches(msg) {
				continue
			}
			if b.whyOff().Why == "" {
				return b, true
			}
			if !ok {
				found, ok = b, true
			}
		}
	}
	return found, ok
}
