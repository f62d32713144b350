package tui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

// screen is one of the views, or a view into one thing. It is told of all that
// happens by messages, and does no I/O but in the commands that it returns. Each
// message that the root does not know goes to every open screen, so an answer
// carries what tells whose it is, or a generation.
type screen interface {
	// name is what the screen is called in the bar, in commands and in files.
	name() string
	// update takes sizeMsg, refreshMsg, clickMsg, wheelMsg, the keys that are
	// nobody else's, and the answers to its commands.
	update(msg tea.Msg) tea.Cmd
	// view draws w×h; its size has come by sizeMsg before.
	view(w, h int) string
	// keys are its own, for the help. Those of the first group also stand in the
	// line at the bottom, with what is before a colon in their description.
	keys() []keyGroup
	// grid is the table that filtering, sorting, copying and exporting act on,
	// or nil.
	grid() grid
}

// A screen may also be one of these.
type (
	// backer undoes one thing that the user has set, for esc, and reports
	// whether there was any.
	backer interface{ back() bool }
	// leaser says whose leases are in view, to be looked up first.
	leaser interface{ leases() []int64 }
	// commander has commands of its own for the command line.
	commander interface{ commands() []command }
)

// keyGroup is a part of the help.
type keyGroup struct {
	title string
	keys  []key.Binding
}

// sizeMsg is the room that a screen has. refreshMsg says that what all screens
// show has changed: the locks, what is wrong with them, leases, or what is ours.
type (
	sizeMsg    struct{ w, h int }
	refreshMsg struct{}
)

// clickMsg and wheelMsg are the mouse's, at a place within the screen.
type (
	clickMsg struct{ x, y int }
	wheelMsg struct{ x, y, delta int }
)

// openMsg puts a screen in front of the others; esc goes back. viewMsg goes to
// a view by its number, closing what was opened from it.
type (
	openMsg struct{ screen screen }
	viewMsg struct{ number int }
)

// request asks the root for something that the screens share. It is done before
// the next message is looked at, so that what is typed meanwhile goes where it
// should. Only Update may call it: a command returns the message instead.
func (c *common) request(msg tea.Msg) tea.Cmd {
	c.requests = append(c.requests, msg)
	return nil
}

func (c *common) open(s screen) tea.Cmd    { return c.request(openMsg{s}) }
func (c *common) say(text string) tea.Cmd  { return c.request(sayMsg{flashInfo, text}) }
func (c *common) fail(text string) tea.Cmd { return c.request(sayMsg{flashError, text}) }

// sayMsg puts a text on the flash line, and into the log.
type sayMsg struct {
	kind flashKind
	text string
}

// The numbers of the views.
const (
	viewLocks = iota + 1
	viewSessions
	viewProblems
	viewClients
	viewScenarios
	viewPast
	viewEvents
	maxView = viewEvents
)

// navigation is which screens are open, the one in front last. Views are made
// once; what is opened from them lives until esc.
type navigation struct {
	views map[int]screen
	stack []screen
}

func (n *navigation) current() screen { return n.stack[len(n.stack)-1] }

// open puts a screen in front.
func (n *navigation) open(s screen) { n.stack = append(n.stack, s) }

// view goes to a view. One that is open already is gone back to.
func (n *navigation) view(number int) bool {
	s, ok := n.views[number]
	if !ok {
		return false
	}
	for i, open := range n.stack {
		if open == s {
			n.stack = n.stack[:i+1]
			return true
		}
	}
	n.stack = append(n.stack, s)
	return true
}

// back closes the screen in front. The first one stays.
func (n *navigation) back() bool {
	if len(n.stack) == 1 {
		return false
	}
	n.stack = n.stack[:len(n.stack)-1]
	return true
}

// number is that of the view in front, or of the one that the screen in front
// was opened from.
func (n *navigation) number() int {
	for i := len(n.stack) - 1; i >= 0; i-- {
		for number, s := range n.views {
			if s == n.stack[i] {
				return number
			}
		}
	}
	return viewLocks
}

// all are the open screens and the views, each once.
func (n *navigation) all() []screen {
	all := make([]screen, 0, len(n.views)+len(n.stack))
	for number := 1; number <= maxView; number++ {
		if s, ok := n.views[number]; ok {
			all = append(all, s)
		}
	}
	for _, s := range n.stack {
		if !n.isView(s) {
			all = append(all, s)
		}
	}
	return all
}

func (n *navigation) isView(s screen) bool {
	for _, v := range n.views {
		if v == s {
			return true
		}
	}
	return false
}
