package app

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/screens"
	"etcd-lock/tui/term"
	"etcd-lock/tui/widget"
)

// key passes a key press to the dialog, to the line that is typed, to the help,
// or to the binding that it belongs to.
func (m *Model) key(msg tea.KeyPressMsg) nav.Action {
	switch {
	case msg.String() == "ctrl+c":
		return nav.Do{Cmd: tea.Quit}
	case m.asked != nil || m.line.open():
		return m.typed(msg)
	case m.help.open && msg.String() == m.Key("?"): // it may have another name
		m.help.open = false
		return nil
	case m.help.open:
		return m.help.key(msg, len(m.helpLines()))
	default:
		return m.press(msg)
	}
}

// press does what the binding of a key does, or says why it is off.
func (m *Model) press(msg tea.KeyPressMsg) nav.Action {
	b, ok := widget.FindBinding(slices.Concat(m.everywhere(), m.frontKeys()), msg)
	if !ok {
		return m.once(msg.String(), "does nothing here; "+m.Key("?")+" lists the keys that do")
	}
	if off := b.WhyOff(); off.Why != "" {
		return nav.Flash{Text: b.Name() + ": " + off.Why}
	}
	then := b.Do()
	if msg.String() == "ctrl+d" && m.releases() {
		return nav.Batch{then, m.once("ctrl+d", "half a page down; "+m.KeyOn(m.screens.Front().Ref().Kind, screens.ReleaseKey)+" releases the request, as ctrl+d did before")}
	}
	return nav.Batch{then, m.keepSort()}
}

// once says something of a key, the first time that it is pressed.
func (m *Model) once(key, text string) nav.Action {
	if m.hinted[key] {
		return nil
	}
	m.hinted[key] = true
	return nav.Flash{Text: term.Safe(key) + ": " + text}
}

// releases reports whether the screen in front has the key that releases a request by force.
func (m *Model) releases() bool {
	return slices.ContainsFunc(m.screens.Front().Bindings(), func(g widget.Group) bool {
		return slices.ContainsFunc(g.Bindings, func(b widget.Binding) bool { return b.Keys == screens.ReleaseKey })
	})
}

// typed passes a key or a paste to the open dialog or line.
func (m *Model) typed(msg tea.Msg) nav.Action {
	_, paste := msg.(tea.PasteMsg)
	switch {
	case m.asked != nil && (!paste || m.asked.Dialog.Word != ""):
		return m.answer(msg)
	case m.asked == nil && m.line.open():
		return m.line.update(msg)
	default:
		return nav.Flash{Text: "paste: there is nothing to type into here"}
	}
}

// answer passes a key or a paste to the dialog, and does what its answer leads
// to.
func (m *Model) answer(msg tea.Msg) nav.Action {
	ask := m.asked
	ask.Dialog.Fit(m.body()) // the user has seen it so
	switch ask.Dialog.Update(msg) {
	case widget.AnswerYes:
		m.asked = nil
		return ask.Yes
	case widget.AnswerNo:
		m.asked = nil
		if ask.Yes != nil {
			title := strings.TrimPrefix(ask.Dialog.Title, m.Etcd.Name+": ") // a note has it where it matters
			return nav.Note(strings.TrimSuffix(title, notDone) + notDone)
		}
	}
	return nil
}

// keepSort returns what keeps the order of the table in front, if the user has
// changed it.
func (m *Model) keepSort() nav.Action {
	if m.noteSort() {
		return nav.SavePrefs{}
	}
	return nil
}

// noteSort notes the order of the table in front, and reports whether the user
// has changed it.
func (m *Model) noteSort() bool {
	front := m.screens.Front()
	name, by := front.Ref().Kind.String(), front.Grid().Sorted()
	chosen := m.effects.Chosen().Sort[name]
	if by == chosen || by == "" && !sorts(front.Grid(), chosen) {
		return false
	}
	m.effects.Chosen().Sort[name] = by
	if by == "" {
		delete(m.effects.Chosen().Sort, name)
	}
	return true
}

// sorts reports whether a table can be sorted so. One that was chosen for other tables of the
// kind, such as by context, stays chosen while a table without it has its own order.
func sorts(g widget.Grid, by string) bool {
	name := strings.TrimPrefix(by, "-")
	return name == "" || slices.Contains(g.Sortable(), g.Named(name))
}

// back undoes the filter, or goes back to the screen before. It never quits.
func (m *Model) back() nav.Action {
	if g := m.screens.Front().Grid(); g.Filtered() != "" {
		_ = g.SetFilter("") // no pattern is a good one
		return nil
	}
	if m.screens.Back() {
		m.arrive()
	}
	return nil
}

// wheelStep is how many rows the wheel goes at a time.
const wheelStep = 3

// mouse passes a click or the wheel to the part of the screen under it.
func (m *Model) mouse(msg tea.MouseMsg) nav.Action {
	at := msg.Mouse()
	place := widget.Mouse{X: at.X, Y: at.Y - m.top()}
	switch msg.(type) {
	case tea.MouseClickMsg:
		return m.click(at, place)
	case tea.MouseWheelMsg:
		place.Wheel = wheelStep
		if at.Button == tea.MouseWheelUp {
			place.Wheel = -wheelStep
		}
		return m.wheel(place)
	}
	return nil
}

// click goes to the view whose tab was clicked, or passes the click to the
// screen in front.
func (m *Model) click(at tea.Mouse, place widget.Mouse) nav.Action {
	if m.asked != nil {
		return nav.Flash{Text: "a dialog is answered with keys, not with clicks"}
	}
	if kind := tabAt(&m.screens, m.Context, m.width, at.X); m.height >= barHeight && at.Y == 1 && kind != 0 {
		m.line.close()
		m.help.open = false
		return nav.Open{Ref: nav.Ref{Kind: kind}}
	}
	top := 2 + len(m.silent())
	if rows := m.scrubber.rows(m.height); at.Y >= top && at.Y < top+rows && !m.line.open() && !m.help.open {
		if t, ok := m.scrubber.timeAt(at.X); ok {
			return nav.GoTo{Place: backend.Place{Time: t}}
		}
		return nil
	}
	_, h := m.body()
	if at.Button != tea.MouseLeft || place.Y < 0 || place.Y >= h {
		return nil
	}
	if m.line.mode == linePick && m.line.picker.Click(place.Y-1) {
		return m.line.acceptPick()
	}
	if m.line.open() || m.help.open {
		return nil
	}
	then := m.screens.Front().Mouse(place)
	return nav.Batch{then, m.keepSort()}
}

func (m *Model) wheel(place widget.Mouse) nav.Action {
	switch {
	case m.asked != nil:
		m.asked.Dialog.Scroll(place.Wheel)
	case m.help.open:
		m.help.scroll(place.Wheel, len(m.helpLines()))
	case m.line.mode == linePick:
		m.line.picker.Move(place.Wheel)
	case !m.line.open():
		return m.screens.Front().Mouse(place)
	}
	return nil
}
