package nav

import (
	"etcd-lock/internal/inspect"
	"etcd-lock/tui/state"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// Screen is one of the views, or a view into one thing. It does no I/O, and
// changes nothing but itself: what it wants done, it returns as an action.
type Screen interface {
	// Ref names the screen.
	Ref() Ref
	// Fit gives it w×h. That is called after every message, before the screen is
	// drawn.
	Fit(w, h int)
	// Refresh updates the screen from the state.
	Refresh()
	// Mouse handles a click or the wheel, at a place within the screen.
	Mouse(m widget.Mouse) Action
	// View draws the screen, in the size of the last Fit.
	View(w, h int) string
	// Bindings returns its keys in groups, those specific to the screen first.
	Bindings() []widget.Group
	// Grid is the table that filtering, sorting, copying and exporting act on.
	Grid() widget.Grid
}

// A screen may also be one of these.
type (
	// Leaser says which leases of a cluster are in view, to be looked up first.
	Leaser interface{ Leases(of *Context) []int64 }
	// Roamer has rows of several clusters. At returns the one of the row under the cursor,
	// nil without a row; MoveTo has the screen be about a cluster as it is now.
	Roamer interface {
		At() *Context
		MoveTo(to *Context)
	}
	// Alerter has a sign for its tab.
	Alerter interface{ Alert() theme.Text }
	// Rower knows the request that stands for the row under the cursor.
	Rower interface {
		Row() (r inspect.Request, ok bool)
	}
	// Notifiable returns what the user can be notified of about the row under the cursor,
	// the most likely first.
	Notifiable interface{ Notifiable() []state.Notification }
	// Describer says everything that is known of the row under its cursor: printable
	// lines of text. Without a row, of what the screen is about, none if it is about nothing.
	Describer interface{ Describe() []string }
	// Chooser puts its cursor on a lock of a cluster, which need not exist.
	Chooser interface {
		Choose(of *Context, id inspect.LockID)
	}
	// ScenarioChooser puts its cursor on a scenario.
	ScenarioChooser interface {
		ChooseScenario(name string) Action
	}
)

// Stack is which screens are open, the one in front last. Views are made once;
// screens opened from them are dropped by esc.
type Stack struct {
	Views map[Kind]Screen
	Open  []Screen
}

// Front returns the screen in front.
func (s *Stack) Front() Screen { return s.Open[len(s.Open)-1] }

// Push puts a screen in front. If it is open already, those opened from it are
// closed.
func (s *Stack) Push(to Screen) {
	for i, open := range s.Open {
		if open == to {
			s.Open = s.Open[:i+1]
			return
		}
	}
	s.Open = append(s.Open, to)
}

// Back closes the screen in front. The first one stays.
func (s *Stack) Back() bool {
	if len(s.Open) == 1 {
		return false
	}
	s.Open = s.Open[:len(s.Open)-1]
	return true
}

// View is the view in front, or the one that the screen in front was opened
// from.
func (s *Stack) View() Kind {
	for i := len(s.Open) - 1; i > 0; i-- {
		if k := s.Open[i].Ref().Kind; k.IsView() {
			return k
		}
	}
	return s.Open[0].Ref().Kind
}

// Next is the view that is step views further, around the end.
func (s *Stack) Next(step int) Kind {
	k := int(s.View())
	for range LastView {
		k = (k-1+step+int(LastView))%int(LastView) + 1
		if s.Views[Kind(k)] != nil {
			break
		}
	}
	return Kind(k)
}

// Kinds are the views that there are.
func (s *Stack) Kinds() []Kind {
	var kinds []Kind
	for k := KindLocks; k <= LastView; k++ {
		if s.Views[k] != nil {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// All are the views and the open screens, each once.
func (s *Stack) All() []Screen {
	all := make([]Screen, 0, len(s.Views)+len(s.Open))
	for _, k := range s.Kinds() {
		all = append(all, s.Views[k])
	}
	for _, open := range s.Open {
		if !open.Ref().Kind.IsView() {
			all = append(all, open)
		}
	}
	return all
}
