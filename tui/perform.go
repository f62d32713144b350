package tui

import tea "charm.land/bubbletea/v2"

// perform does an action. What is not about the screens is for the effects.
func (m *model) perform(a Action) tea.Cmd {
	switch a := a.(type) {
	case nil:
		return nil
	case Batch:
		return m.performAll(a)
	case Do:
		return a.Cmd
	case Refresh:
		m.refresh(a.All)
	case Restyle:
		m.restyle()
	case PrefsLoaded:
		m.ascii = m.prefs().ASCII || m.options.ASCII
		m.restyle()
	case Freeze:
		m.effects.freeze(a.To)
		m.retheme()
		m.refresh(true)
	case Open:
		m.open(a.Ref)
	case Select:
		m.open(Ref{Kind: KindLocks})
		m.screens.front().(chooser).Choose(a.Lock)
	case SelectScenario:
		return m.perform(m.screens.views[KindScenarios].(scenarioChooser).ChooseScenario(a.Name))
	case Say:
		m.say(a)
	case Flash:
		m.flash.show(a.Text, a.Error, m.now)
	case Quiet:
		m.flash = flashLine{}
	case Prompt:
		m.line.openPrompt(a)
		m.flash = flashLine{}
	case Completions:
		m.line.completed(a)
	default:
		return m.performGrave(a)
	}
	return nil
}

// performGrave does an action that asks first, or is for the effects.
func (m *model) performGrave(a Action) tea.Cmd {
	switch a := a.(type) {
	case SavePrefs:
		m.noteSort()
		return m.perform(m.effects.do(a))
	case Ask:
		m.asked = &a
	case Planned:
		m.planned(a)
	case NotApplied:
		if m.asked == nil && !m.line.open() && !m.help.open {
			m.asked = m.askAgain(a.Target, a.Err)
		}
	default:
		return m.perform(m.effects.do(a))
	}
	return nil
}

func (m *model) performAll(actions Batch) tea.Cmd {
	var cmds []tea.Cmd
	for _, a := range actions {
		cmds = append(cmds, m.perform(a))
	}
	return tea.Batch(cmds...)
}

// open puts a screen in front, as the user likes such ones to look.
func (m *model) open(r Ref) {
	s := m.screens.views[r.Kind]
	if s == nil {
		s = newScreen(m.Context, r)
		m.prefer(s)
	}
	m.screens.push(s)
	m.arrive()
}

// arrive brings the screen that has come to the front up to date.
func (m *model) arrive() {
	front := m.screens.front()
	front.Fit(m.body())
	front.Refresh()
}

// refresh has the screen in front take in what has changed, or all screens.
func (m *model) refresh(all bool) {
	switch {
	case all:
		for _, s := range m.screens.all() {
			s.Refresh()
		}
	case m.frozen == nil:
		m.screens.front().Refresh()
	}
}

// say puts a text on the status line and into the log.
func (m *model) say(s Say) {
	m.log.add(s.Kind, m.now, s.Text)
	text := s.Text
	if s.Kind == entryEtcd || s.Kind == entryScenario { // which the log says in front of it
		text = string(s.Kind) + " " + text
	}
	m.flash.show(text, s.Kind == entryError, m.now)
}

// planned asks whether a plan is to be carried out, if the user still waits for
// it.
func (m *model) planned(p Planned) {
	switch {
	case m.asked == nil || !m.asked.Waits:
	case p.Err != nil:
		m.asked = m.askAgain(p.Target, p.Err)
	default:
		m.asked = &Ask{Dialog: planDialog(m.Context, p.Target, p.Plan), Yes: ApplyRelease{p.Target, p.Plan}}
	}
}

// askAgain offers to plan a release again that failed.
func (m *model) askAgain(t Target, err error) *Ask {
	w := min(max(m.width-8, 20), 100)
	return &Ask{Dialog: failureDialog(m.Context, t, err, w), Yes: PlanRelease{t}}
}

// restyle has all screens look as the user has chosen.
func (m *model) restyle() {
	m.retheme()
	for _, s := range m.screens.all() {
		m.prefer(s)
	}
}

// retheme makes the theme again.
func (m *model) retheme() {
	dark := m.dark
	if to := m.prefs().Background; to != backgroundAuto {
		dark = to == backgroundDark
	}
	*m.theme = newTheme(dark, m.options.NoColor)
	if m.inPast() {
		*m.theme = m.theme.ofPast()
	}
}

func (m *model) prefs() *Prefs { return m.effects.chosen() }

// prefer has a screen's table look as the user has chosen.
func (m *model) prefer(s screen) {
	name := s.Ref().Kind.String()
	s.Grid().setSort(m.prefs().Sort[name])
	s.Grid().hide(m.prefs().Hidden[name])
}
