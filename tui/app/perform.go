package app

import (
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/screens"
	"etcd-lock/tui/state"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"

	tea "charm.land/bubbletea/v2"
)

// perform does an action. What is not about the screens is for the effects.
func (m *model) perform(a widget.Action) tea.Cmd {
	switch a := a.(type) {
	case nil:
		return nil
	case nav.Batch:
		return m.performAll(a)
	case nav.Do:
		return a.Cmd
	case nav.Refresh:
		m.refresh(a.All)
	case nav.Restyle:
		m.restyle()
	case nav.PrefsLoaded:
		m.ascii = m.prefs().ASCII || m.options.ASCII
		m.restyle()
	case nav.Freeze:
		m.effects.Freeze(a.To)
		m.retheme()
		m.refresh(true)
	case nav.Open:
		m.open(a.Ref)
	case nav.Select:
		m.open(nav.Ref{Kind: nav.KindLocks})
		m.screens.Front().(nav.Chooser).Choose(a.Lock)
	case nav.SelectScenario:
		return m.perform(m.screens.Views[nav.KindScenarios].(nav.ScenarioChooser).ChooseScenario(a.Name))
	case nav.Say:
		m.say(a)
	case nav.Flash:
		m.flash.show(a.Text, a.Error, m.Now)
	case nav.Quiet:
		m.flash = flashLine{}
	case nav.Prompt:
		m.line.openPrompt(a)
		m.flash = flashLine{}
	case nav.Completions:
		m.line.completed(a)
	default:
		return m.performGrave(a)
	}
	return nil
}

// performGrave does an action that asks first, or is for the effects.
func (m *model) performGrave(a widget.Action) tea.Cmd {
	switch a := a.(type) {
	case nav.SavePrefs:
		m.noteSort()
		return m.perform(m.effects.Do(a))
	case nav.Ask:
		m.asked = &a
	case nav.Planned:
		m.planned(a)
	case nav.NotApplied:
		if m.asked == nil && !m.line.open() && !m.help.open {
			m.asked = m.askAgain(a.Target, a.Err)
		}
	default:
		return m.perform(m.effects.Do(a))
	}
	return nil
}

func (m *model) performAll(actions nav.Batch) tea.Cmd {
	var cmds []tea.Cmd
	for _, a := range actions {
		cmds = append(cmds, m.perform(a))
	}
	return tea.Batch(cmds...)
}

// open puts a screen in front, as the user likes such ones to look.
func (m *model) open(r nav.Ref) {
	s := m.screens.Views[r.Kind]
	if s == nil {
		s = screens.New(m.Context, r)
		m.prefer(s)
	}
	m.screens.Push(s)
	m.arrive()
}

// arrive brings the screen that has come to the front up to date.
func (m *model) arrive() {
	front := m.screens.Front()
	front.Fit(m.body())
	front.Refresh()
}

// refresh has the screen in front take in what has changed, or all screens.
func (m *model) refresh(all bool) {
	switch {
	case all:
		for _, s := range m.screens.All() {
			s.Refresh()
		}
	case m.Frozen == nil:
		m.screens.Front().Refresh()
	}
}

// say puts a text on the status line and into the log.
func (m *model) say(s nav.Say) {
	m.Log.Add(s.Kind, m.Now, s.Text)
	text := s.Text
	if s.Kind == state.EntryEtcd || s.Kind == state.EntryScenario { // which the log says in front of it
		text = string(s.Kind) + " " + text
	}
	m.flash.show(text, s.Kind == state.EntryError, m.Now)
}

// planned asks whether a plan is to be carried out, if the user still waits for
// it.
func (m *model) planned(p nav.Planned) {
	switch {
	case m.asked == nil || !m.asked.Waits:
	case p.Err != nil:
		m.asked = m.askAgain(p.Target, p.Err)
	default:
		m.asked = &nav.Ask{Dialog: planDialog(m.Context, p.Target, p.Plan), Yes: nav.ApplyRelease{Target: p.Target, Plan: p.Plan}}
	}
}

// askAgain offers to plan a release again that failed.
func (m *model) askAgain(t nav.Target, err error) *nav.Ask {
	w := min(max(m.width-8, 20), 100)
	return &nav.Ask{Dialog: failureDialog(m.Context, t, err, w), Yes: nav.PlanRelease{Target: t}}
}

// restyle has all screens look as the user has chosen.
func (m *model) restyle() {
	m.retheme()
	for _, s := range m.screens.All() {
		m.prefer(s)
	}
}

// retheme makes the theme again.
func (m *model) retheme() {
	dark := m.dark
	if to := m.prefs().Background; to != backend.BackgroundAuto {
		dark = to == backend.BackgroundDark
	}
	*m.Theme = theme.New(dark, m.options.NoColor)
	if m.InPast() {
		*m.Theme = m.Theme.OfPast()
	}
}

func (m *model) prefs() *backend.Prefs { return m.effects.Chosen() }

// prefer has a screen's table look as the user has chosen.
func (m *model) prefer(s nav.Screen) {
	name := s.Ref().Kind.String()
	s.Grid().SetSort(m.prefs().Sort[name])
	s.Grid().Hide(m.prefs().Hidden[name])
}
