package app

import (
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/format"
	"etcd-lock/tui/effects"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/screens"
	"etcd-lock/tui/term"
)

// Shared makes the screens that show all of the clusters that are shown with the model's.
func (m *Model) Shared() map[nav.Kind]nav.Screen { return screens.Together(m.Context) }

// Join has screens that show several clusters take the place of the model's views; without
// any, the model has its own again. It begins with the first view.
func (m *Model) Join(shared map[nav.Kind]nav.Screen) {
	for k, s := range m.own {
		m.screens.Views[k] = s
	}
	m.own = map[nav.Kind]nav.Screen{}
	for k, s := range shared {
		m.own[k], m.screens.Views[k] = m.screens.Views[k], s
	}
	m.screens.Open = []nav.Screen{m.screens.Views[nav.KindLocks]}
	m.restyle()
}

// Behind has the model be one of several, of which another one is in front; say says something
// there. nil puts it in front.
func (m *Model) Behind(say func(nav.Flash)) { m.behind = say }

// TakeOver has the model go on in front where another one was: with its views, and with what
// the user has typed and chosen there.
func (m *Model) TakeOver(from *Model) {
	m.Mirror(from)
	m.flash, m.line.history, m.hinted = from.flash, from.line.history, from.hinted
	m.ascii = from.ascii
	m.renameSaved()
	m.Now = m.options.Now()
	m.arrive()
	m.frame.dirty = true
}

// Mirror has the model have those views open that are open in another one: what is in view
// there is looked up here.
func (m *Model) Mirror(of *Model) {
	m.screens.Open = nil
	for _, s := range of.screens.Open {
		if k := s.Ref().Kind; k.IsView() && m.screens.Views[k] != nil {
			m.screens.Open = append(m.screens.Open, m.screens.Views[k])
		}
	}
}

// Screen is the one in front.
func (m *Model) Screen() nav.Screen { return m.screens.Front() }

// At is the cluster of the row under the cursor, nil where the screen in front shows only one.
func (m *Model) At() *nav.Context {
	if r, ok := m.screens.Front().(nav.Roamer); ok {
		return r.At()
	}
	return nil
}

// Asks reports whether a dialog is open.
func (m *Model) Asks() bool { return m.asked != nil }

// Busy reports whether keys go to a dialog, to a line that is typed, or to the help.
func (m *Model) Busy() bool { return m.asked != nil || m.line.open() || m.help.open }

// Travels reports whether the past is shown, or on its way.
func (m *Model) Travels() bool { return m.effects.Travelling() }

// Paused reports whether the display is frozen, in the present.
func (m *Model) Paused() bool { return m.Frozen != nil && !m.InPast() }

// SetPaused freezes the display, or resumes.
func (m *Model) SetPaused(on bool) tea.Cmd {
	if on == (m.Frozen != nil) {
		return nil
	}
	return m.Perform(togglePause(m.Context))
}

// Redraw says that something has changed that the screen in front shows.
func (m *Model) Redraw() tea.Cmd {
	m.Now = m.options.Now()
	return m.requestFrame(nil)
}

// Refit fits the screen in front, after the number of lines above it may have changed.
func (m *Model) Refit() {
	m.refresh(nav.Refresh{All: true})
	m.arrive()
	m.frame.dirty = true
}

// requestFrame says that something may have changed. A model that is not in front is not
// drawn.
func (m *Model) requestFrame(msg tea.Msg) tea.Cmd {
	if _, due := msg.(frameMsg); m.behind != nil && !due {
		return nil
	}
	var wait time.Duration
	if _, tick := msg.(tickMsg); tick || effects.ComesAgain(msg) {
		wait = m.effects.UntilUpdate()
	}
	return m.frame.request(msg, m.Now, wait, m.effects.Tasks)
}

// from says which cluster a text is of, unless that one is in front.
func (m *Model) from(f nav.Flash) nav.Flash {
	if m.behind != nil {
		f.Text = m.Of(f.Text)
	}
	return f
}

// flashText puts a text on the status line. Behind another model, that one has the line.
func (m *Model) flashText(f nav.Flash) {
	if m.behind != nil {
		m.behind(f)
		return
	}
	m.flash.show(f.Text, f.Error, m.Now)
}

// ask opens a dialog, which says what it is about.
func (m *Model) ask(a nav.Ask) {
	if m.Etcd.Name != "" && !a.Program {
		a.Dialog.Title = m.Etcd.Name + ": " + a.Dialog.Title
	}
	m.asked = &a
}

// openIn opens a lock of one of the clusters whose rows the table shows.
func (m *Model) openIn(a nav.In) tea.Cmd {
	if a.Of == m.Context {
		return m.perform(nav.OpenLock(a.Lock))
	}
	m.open(nav.Ref{Kind: nav.KindLocks})
	m.screens.Front().(nav.Chooser).Choose(a.Of, a.Lock)
	return m.goIn(a)
}

// silent are the lines that name the clusters that do not answer, of those that the table
// shows.
func (m *Model) silent() []string {
	if m.Together == nil {
		return nil
	}
	var lines []string
	for _, c := range m.Together {
		name := term.Safe(c.Etcd.Name)
		switch {
		case !c.Conn.Begun:
			lines = append(lines, m.Theme.Waiting.Render(term.Cut("○ "+name+": connecting", m.width)))
		case c.Conn.Lost:
			lines = append(lines, m.Theme.Lost.Render(term.Cut("✗ "+name+": "+lostText(c, m.width)+": "+c.Conn.Reason(), m.width)))
		}
	}
	for _, a := range m.Absent {
		name := term.Safe(a.Name)
		text, style := "○ "+name+": connecting", m.Theme.Waiting
		switch {
		case a.Again != "":
			text, style = "✗ "+name+": not connected, "+term.Safe(a.Again)+" tries again: "+term.Safe(a.Why), m.Theme.Lost
		case a.Why != "":
			text, style = "✗ "+name+": not connected for "+format.Since(a.Since, m.Now)+": "+term.Safe(a.Why), m.Theme.Lost
		}
		lines = append(lines, style.Render(term.Cut(text, m.width)))
	}
	if most := max(m.height/6, 1); len(lines) > most {
		more := len(lines) - most + 1
		lines = append(lines[:most-1], m.Theme.Lost.Render(term.Cut("✗ "+strconv.Itoa(more)+" contexts do not answer", m.width)))
	}
	return lines
}
