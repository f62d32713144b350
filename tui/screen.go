package tui

import "etcd-lock/internal/inspect"

// screen is one of the views, or a view into one thing. It does no I/O, and
// changes nothing but itself: what it wants done, it returns as an action.
type screen interface {
	// Ref names the screen.
	Ref() Ref
	// Fit gives it w×h. That is called after every message, before the screen is
	// drawn.
	Fit(w, h int)
	// Refresh takes in what has changed of the locks and of what is wrong with
	// them.
	Refresh()
	// Mouse handles a click or the wheel, at a place within the screen.
	Mouse(m mouse) Action
	// View draws the screen, in the size of the last Fit.
	View(w, h int) string
	// Bindings are its keys, the ones of its own first.
	Bindings() []Group
	// Grid is the table that filtering, sorting, copying and exporting act on.
	Grid() grid
}

// A screen may also be one of these.
type (
	// leaser says which leases are in view, to be looked up first.
	leaser interface{ Leases() []int64 }
	// alerter has a sign for its tab.
	alerter interface{ Alert() sign }
	// chooser puts its cursor on a lock, which need not exist.
	chooser interface{ Choose(id inspect.LockID) }
	// scenarioChooser puts its cursor on a scenario.
	scenarioChooser interface{ ChooseScenario(name string) Action }
)

// stack is which screens are open, the one in front last. Views are made once;
// what is opened from them lives until esc.
type stack struct {
	views map[Kind]screen
	open  []screen
}

func (s *stack) front() screen { return s.open[len(s.open)-1] }

// push puts a screen in front. A view that is open already is gone back to.
func (s *stack) push(to screen) {
	for i, open := range s.open {
		if open == to {
			s.open = s.open[:i+1]
			return
		}
	}
	s.open = append(s.open, to)
}

// back closes the screen in front. The first one stays.
func (s *stack) back() bool {
	if len(s.open) == 1 {
		return false
	}
	s.open = s.open[:len(s.open)-1]
	return true
}

// view is the view in front, or the one that the screen in front was opened
// from.
func (s *stack) view() Kind {
	for i := len(s.open) - 1; i > 0; i-- {
		if k := s.open[i].Ref().Kind; k.IsView() {
			return k
		}
	}
	return s.open[0].Ref().Kind
}

// next is the view that is step views further, around the end.
func (s *stack) next(step int) Kind {
	k := int(s.view())
	for range lastView {
		k = (k-1+step+int(lastView))%int(lastView) + 1
		if s.views[Kind(k)] != nil {
			break
		}
	}
	return Kind(k)
}

// kinds are the views that there are.
func (s *stack) kinds() []Kind {
	var kinds []Kind
	for k := KindLocks; k <= lastView; k++ {
		if s.views[k] != nil {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// all are the views and the open screens, each once.
func (s *stack) all() []screen {
	all := make([]screen, 0, len(s.views)+len(s.open))
	for _, k := range s.kinds() {
		all = append(all, s.views[k])
	}
	for _, open := range s.open {
		if !open.Ref().Kind.IsView() {
			all = append(all, open)
		}
	}
	return all
}
