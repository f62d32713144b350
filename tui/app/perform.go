package app

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/diagnose"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/screens"
	"etcd-lock/tui/state"
	"etcd-lock/tui/theme"
)

// perform does an action. What is not about the screens is for the effects.
func (m *Model) perform(a nav.Action) tea.Cmd {
	switch a := a.(type) {
	case nil:
		return nil
	case nav.Batch:
		return m.performAll(a)
	case nav.Do:
		return a.Cmd
	case nav.Refresh:
		m.refresh(a)
	case nav.Restyle:
		m.restyle()
	case nav.Freeze:
		m.effects.Freeze(a.To)
		m.retheme()
		m.refresh(nav.Refresh{All: true})
	case nav.Open:
		m.open(a.Ref)
	case nav.Select:
		m.choose(a)
	case nav.SelectScenario:
		return m.perform(m.screens.Views[nav.KindScenarios].(nav.ScenarioChooser).ChooseScenario(a.Name))
	case nav.Say:
		m.say(a)
	case nav.Flash:
		m.flashText(m.from(a))
	case nav.Quiet:
		m.flash = flashLine{}
	case nav.Prompt:
		m.line.openPrompt(a)
		m.flash = flashLine{}
	case nav.Pick:
		m.line.openPick(a)
		m.flash = flashLine{}
	case nav.Completions:
		m.line.completed(a)
	case nav.Copy:
		m.flash.show("sent to the clipboard of the terminal: "+a.What, false, m.Now)
		return tea.SetClipboard(strings.Join(a.Texts, "\n"))
	default:
		return m.performGrave(a)
	}
	return nil
}

// takePrefs has the UI be as the user has chosen.
func (m *Model) takePrefs() {
	m.ascii = m.effects.Chosen().ASCII || m.options.ASCII
	m.renameSaved()
	m.restyle()
}

// choose opens the locks, with the cursor on one.
func (m *Model) choose(a nav.Select) {
	m.open(nav.Ref{Kind: nav.KindLocks})
	m.screens.Front().(nav.Chooser).Choose(m.Context, a.Lock)
}

// performGrave does an action that asks first, or is for the effects.
func (m *Model) performGrave(a nav.Action) tea.Cmd {
	switch a := a.(type) {
	case nav.SavePrefs:
		m.noteSort()
		m.renameSaved()
		return m.perform(m.effects.Do(a))
	case nav.Take:
		if !a.Sure {
			return m.perform(screens.Taking(m.Context, a, m.effects.Chosen().Ask == backend.AskAlways))
		}
		return m.perform(m.effects.Do(a))
	case nav.FilterLocks:
		return m.filterLocks(a.Filter)
	case nav.Ask:
		m.ask(a)
	case nav.Planned:
		m.planned(a)
	case nav.NotApplied:
		if m.asked == nil && !m.line.open() && !m.help.open {
			m.ask(m.askAgain(a.Target, a.Err))
		}
	default:
		return m.performOutside(a)
	}
	return nil
}

// performOutside does an action that is about clusters or programs, or is for the effects.
func (m *Model) performOutside(a nav.Action) tea.Cmd {
	switch a := a.(type) {
	case nav.GoContext:
		return m.toContext(a.Name)
	case nav.In:
		return m.openIn(a)
	case nav.ReadOnly:
		return m.perform(m.setReadOnly(a.On))
	case nav.RunCommand:
		return m.perform(m.effects.RunCommand(a))
	default:
		return m.perform(m.effects.Do(a))
	}
}

// filterLocks goes to the locks that a filter shows.
func (m *Model) filterLocks(filter string) tea.Cmd {
	if err := m.screens.Views[nav.KindLocks].Grid().SetFilter(filter); err != nil {
		return m.perform(nav.Fail("filter: " + err.Error()))
	}
	m.open(nav.Ref{Kind: nav.KindLocks})
	return nil
}

func (m *Model) performAll(actions nav.Batch) tea.Cmd {
	var cmds []tea.Cmd
	for _, a := range actions {
		cmds = append(cmds, m.perform(a))
	}
	return tea.Batch(cmds...)
}

// open puts a screen in front, as the user likes such ones to look.
func (m *Model) open(r nav.Ref) {
	if m.screens.Front().Ref() == r {
		return
	}
	s := m.screens.Views[r.Kind]
	if s == nil {
		s = screens.New(m.Context, r)
		prefer(s, &m.effects.Chosen().Prefs)
	}
	m.screens.Push(s)
	m.arrive()
}

// arrive brings the screen that has come to the front up to date.
func (m *Model) arrive() {
	front := m.screens.Front()
	front.Fit(m.body())
	front.Refresh()
}

// refresh updates the front screen, or all screens. Problems notes a verdict also while it is
// behind another screen: what is resolved is shown as that for a while, from then on.
func (m *Model) refresh(r nav.Refresh) {
	switch {
	case r.All:
		for _, s := range m.screens.All() {
			s.Refresh()
		}
	case m.Frozen == nil:
		m.screens.Front().Refresh()
	}
	if problems := m.screens.Views[nav.KindProblems]; r.Judged && problems != m.screens.Front() {
		problems.Refresh()
	}
}

// say puts a text on the status line and into the log.
func (m *Model) say(s nav.Say) {
	m.Log.Add(s.Kind, m.Now, s.Text)
	text := s.Text
	if s.Kind == state.EntryEtcd || s.Kind == state.EntryScenario { // which the log says in front of it
		text = string(s.Kind) + " " + text
	}
	m.flashText(nav.Flash{Text: m.Of(text), Error: s.Kind == state.EntryError})
}

// planned asks whether to apply a plan, if its dialog is still open.
func (m *Model) planned(p nav.Planned) {
	switch {
	case m.asked == nil || !m.asked.Waits:
	case p.Err != nil:
		m.ask(m.askAgain(p.Target, p.Err))
	default:
		m.ask(nav.Ask{Dialog: planDialog(m.Context, p.Target, p.Plan), Yes: nav.ApplyRelease{Target: p.Target, Plan: p.Plan}})
	}
}

// askAgain offers to plan a release again that failed.
func (m *Model) askAgain(t diagnose.Target, err error) nav.Ask {
	w := min(max(m.width-8, 20), 100)
	return nav.Ask{Dialog: failureDialog(m.Context, t, err, w), Yes: nav.PlanRelease{Target: t}}
}

// restyle has all screens look as the user has chosen.
func (m *Model) restyle() {
	m.retheme()
	for _, s := range m.screens.All() {
		prefer(s, &m.effects.Chosen().Prefs)
	}
}

// retheme makes the theme again.
func (m *Model) retheme() {
	dark := m.dark
	if to := m.effects.Chosen().Background; to != backend.BackgroundAuto {
		dark = to == backend.BackgroundDark
	}
	*m.Theme = theme.New(dark, m.options.NoColor)
	*m.Theme = m.Theme.OfContext(m.Etcd.Colour, dark, m.options.NoColor)
	if m.InPast() {
		*m.Theme = m.Theme.OfPast()
	}
}

// prefer has a screen's table look as the user has chosen.
func prefer(s nav.Screen, chosen *backend.Prefs) {
	name := s.Ref().Kind.String()
	s.Grid().SetSort(chosen.Sort[name])
	s.Grid().Hide(chosen.Hidden[name])
}
