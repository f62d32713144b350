package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

// key routes a key press: to the dialog, to what is typed, to the help, or to
// what works everywhere and then to the screen in front.
func (m *model) key(msg tea.KeyPressMsg) tea.Cmd {
	typing := m.dialog != nil || m.mode == modeFilter || m.mode == modePrompt || m.mode == modeCommand
	if key.Matches(msg, m.global.quit) && (!typing || msg.String() == "ctrl+c") {
		return tea.Quit
	}
	switch {
	case m.dialog != nil:
		return m.dialogMsg(msg)
	case typing:
		return m.typed(msg)
	case m.mode == modeHelp:
		return m.helpKey(msg)
	default:
		return m.browse(msg)
	}
}

func (m *model) browse(msg tea.KeyPressMsg) tea.Cmd {
	k := m.global
	switch {
	case key.Matches(msg, k.help):
		m.mode, m.help = modeHelp, helpView{w: m.help.w, h: m.help.h}
	case key.Matches(msg, k.command):
		m.openCommand()
	case key.Matches(msg, k.back):
		return m.back()
	case key.Matches(msg, k.pause):
		return m.togglePause()
	case key.Matches(msg, k.filter):
		m.openFilter()
	case key.Matches(msg, k.next):
		return m.turn(1)
	case key.Matches(msg, k.previous):
		return m.turn(-1)
	case key.Matches(msg, k.views...):
		m.nav.view(int(msg.String()[0] - '0'))
		return m.arrive()
	case key.Matches(msg, k.earlier):
		return m.step(m.at(), -1, true)
	case key.Matches(msg, k.later):
		return m.step(m.at(), 1, true)
	case key.Matches(msg, k.live) && m.inPast():
		return m.goLive()
	case key.Matches(msg, k.scenarios):
		m.nav.view(viewScenarios)
		return m.arrive()
	case key.Matches(msg, k.copy):
		return m.copyCmd()
	case key.Matches(msg, k.export):
		return m.exportTo("")
	default:
		return m.toScreen(msg)
	}
	return nil
}

// toScreen passes a key or a click to the screen in front. When it has sorted the
// table, that is kept.
func (m *model) toScreen(msg tea.Msg) tea.Cmd {
	s := m.nav.current()
	cmd := s.update(msg)
	if g := s.grid(); g != nil && g.sorted() != m.prefs.Sort[s.name()] {
		return tea.Batch(cmd, m.savePrefs())
	}
	return cmd
}

// enter puts a screen in front, as the user likes such ones to look.
func (m *model) enter(s screen) tea.Cmd {
	m.nav.open(s)
	m.prefer(s)
	return m.arrive()
}

// back undoes one thing that the user has set, or goes back to the screen
// before. It never quits.
func (m *model) back() tea.Cmd {
	s := m.nav.current()
	if b, ok := s.(backer); ok && b.back() {
		return nil
	}
	if g := s.grid(); g != nil && g.filtered() != "" {
		_ = g.setFilter("") // no pattern is a good one
		return nil
	}
	if m.nav.back() {
		return m.arrive()
	}
	return nil
}

// turn goes to the next view.
func (m *model) turn(step int) tea.Cmd {
	number := m.nav.number()
	for range maxView {
		number = (number-1+step+maxView)%maxView + 1
		if m.nav.view(number) {
			break
		}
	}
	return m.arrive()
}

func (m *model) paste(msg tea.PasteMsg) tea.Cmd {
	switch {
	case m.dialog != nil:
		return m.dialogMsg(msg)
	case m.mode == modeFilter || m.mode == modePrompt || m.mode == modeCommand:
		return m.typed(msg)
	default:
		return nil
	}
}

// mouse passes a click or the wheel to what is under it.
func (m *model) mouse(msg tea.MouseMsg) tea.Cmd {
	at := msg.Mouse()
	top := 1
	if m.height >= 10 {
		top = 2
	}
	_, h := m.body()
	y := at.Y - top
	switch msg.(type) {
	case tea.MouseClickMsg:
		if number := m.tabAt(at.X); m.height >= 10 && at.Y == 1 && number > 0 && m.dialog == nil {
			m.mode = modeBrowse
			m.nav.view(number)
			return m.arrive()
		}
		if m.dialog == nil && m.mode == modeBrowse && at.Button == tea.MouseLeft && y >= 0 && y < h {
			return m.toScreen(clickMsg{at.X, y})
		}
	case tea.MouseWheelMsg:
		return m.wheel(at, y)
	}
	return nil
}

// wheelStep is how many rows the wheel goes at a time.
const wheelStep = 3

func (m *model) wheel(at tea.Mouse, y int) tea.Cmd {
	delta := wheelStep
	if at.Button == tea.MouseWheelUp {
		delta = -wheelStep
	}
	switch {
	case m.dialog != nil:
		m.dialog.scroll(delta)
	case m.mode == modeHelp:
		m.help.scroll(delta, len(m.helpLines(m.help.w)))
	case m.mode == modeBrowse:
		return m.nav.current().update(wheelMsg{at.X, y, delta})
	}
	return nil
}

// copyCmd copies what stands for the rows, through the terminal.
func (m *model) copyCmd() tea.Cmd {
	g := m.nav.current().grid()
	if g == nil {
		return m.fail("there is nothing to copy here")
	}
	texts := g.copied()
	if len(texts) == 0 {
		return m.fail("there is nothing to copy")
	}
	what := safe(texts[0])
	if len(texts) > 1 {
		what = count(len(texts), "row", "rows")
	}
	m.flashUp(flashInfo, "copied, if the terminal allows it: "+what)
	return tea.SetClipboard(strings.Join(texts, "\n"))
}

// exportTo writes the table to a file.
func (m *model) exportTo(path string) tea.Cmd {
	g := m.nav.current().grid()
	if g == nil {
		return m.fail("there is no table to export here")
	}
	if path == "" {
		path = exportName(m.nav.current().name(), m.now)
	}
	return m.tasks.exportCmd(g.sheet(), path)
}

func (m *model) exported(msg exportedMsg) {
	if msg.err != nil {
		m.tell(entryError, "not exported: "+msg.err.Error())
		return
	}
	m.tell(entryNote, "exported "+count(msg.rows, "row", "rows")+" to "+msg.path)
}
