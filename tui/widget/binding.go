// Package widget is what screens are made of: key bindings, tables, pagers,
// dialogs, lines to type in, and lanes. None of it knows what a lock is.
package widget

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// Action is what a key asks the root to do once its own work is done; nil is
// nothing. Package nav has the actions that there are.
type Action any

// Binding is one key: what it is called, what it does, where it is shown, and
// why it is off. Key presses, the help, the bottom line and the documentation
// all come from it.
type Binding struct {
	Keys  string // as Bubble Tea names them, with a space between two
	Label string // how they are shown; empty: as the first of them
	Short string // what it does, in a word or two: in the bottom line
	Long  string // the same in full, after Short: in the help
	Doc   string // the same with all there is to know: in the documentation; empty: as in the help
	Where Place

	Now  func() string // what it does right now, in the bottom line; nil: Short
	When func() bool   // the bottom line shows it; nil: always
	Off  func() Off    // why it does nothing right now; nil: it always works
	Do   func() Action // called in Update
}

// Place is where a binding is shown.
type Place int

// The documentation has all bindings of the screens.
const (
	InHelp      Place = iota // in the help only
	InFooter                 // in the bottom line too, with those of the screen
	FooterHead               // at the beginning of the bottom line
	FooterStart              // after these, before those of the screen
	FooterEnd                // at the end of the bottom line
	InNone                   // in neither help nor bottom line
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

// Name returns how the keys are shown.
func (b Binding) Name() string {
	if b.Label != "" {
		return b.Label
	}
	first, _, _ := strings.Cut(b.Keys, " ")
	return first
}

// Brief returns what it does right now, in a word or two.
func (b Binding) Brief() string {
	if b.Now != nil {
		return b.Now()
	}
	return b.Short
}

// Text returns the description in full.
func (b Binding) Text() string {
	if b.Long == "" {
		return b.Short
	}
	return b.Short + ": " + b.Long
}

// WhyOff returns why the binding does nothing, its zero value if it works.
func (b Binding) WhyOff() Off {
	if b.Off == nil {
		return Off{}
	}
	return b.Off()
}

// Shown reports whether help and bottom line show the binding.
func (b Binding) Shown() bool {
	off := b.WhyOff()
	return off.Why == "" || off.Shown
}

// InFooter reports whether the bottom line shows the binding.
func (b Binding) InFooter() bool { return b.Shown() && (b.When == nil || b.When()) }

// matches reports whether the key is one of the binding's.
func (b Binding) matches(msg tea.KeyPressMsg) bool {
	return slices.Contains(strings.Fields(b.Keys), msg.String())
}

// FindBinding returns the binding that a key belongs to. One that is on is found
// before one that is off, and that before one which the help does not show.
func FindBinding(groups []Group, msg tea.KeyPressMsg) (found Binding, ok bool) {
	for _, g := range groups {
		for _, b := range g.Bindings {
			if !b.matches(msg) {
				continue
			}
			off := b.WhyOff()
			switch {
			case off.Why == "":
				return b, true
			case !ok || off.Shown && !found.WhyOff().Shown:
				found, ok = b, true
			}
		}
	}
	return found, ok
}
