package tui

import (
	"context"
	"errors"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

// scenariosScreen is the list of scenarios and the one that runs.
type scenariosScreen struct {
	*common
	table   *table[string, Scenario]
	w, h    int
	enter   key.Binding
	halt    key.Binding
	running *scenarioRun // nil when none runs
}

func newScenariosScreen(c *common) *scenariosScreen {
	s := &scenariosScreen{common: c, enter: bind("enter", "run: start it", "enter"), halt: bind("s", "stop: end the running one", "s")}
	s.table = newTable(c, []column[Scenario]{
		{title: "name", box: box{min: 12, want: 28}, cell: func(sc Scenario, _ int) cell { return cell{safe(sc.Name), s.theme.plain} }},
		{title: "state", box: box{min: 10}, cell: s.state},
		{title: "about", box: box{min: 10, rank: 1, flex: true}, cell: func(sc Scenario, _ int) cell { return cell{safe(sc.About), s.theme.dim} }},
	}, func(sc Scenario) string { return sc.Name })
	s.table.match = func(sc Scenario) string { return safe(sc.Name + " " + sc.About) }
	s.table.label = func(sc Scenario) string { return sc.Name }
	if s.available() {
		s.table.set(c.opts.Scenarios.List())
	}
	return s
}

// available reports whether scenarios can be run.
func (p *scenariosScreen) available() bool { return p.opts.Scenarios != nil && !p.opts.ReadOnly }

// scenarioRun is a run of a scenario.
type scenarioRun struct {
	name     string
	started  time.Time
	stopping bool
	cancel   context.CancelFunc
	lines    chan string // closed when the run is over and err is set
	err      error
}

// scenarioLinesMsg brings what the scenario has said since the last one.
type scenarioLinesMsg struct {
	run   *scenarioRun
	lines []string
	over  bool
}

// scenarioBurst bounds the lines of one message.
const scenarioBurst = 256

// start runs the scenario under the cursor.
func (p *scenariosScreen) start() tea.Cmd {
	sc, ok := p.table.current()
	if !ok {
		return nil
	}
	t, s, name := p.tasks, p.opts.Scenarios, sc.Name
	ctx, cancel := context.WithCancel(t.ctx)
	run := &scenarioRun{name: name, started: p.now, cancel: cancel, lines: make(chan string, scenarioBurst)}
	p.running = run
	work := t.cmd(func() tea.Msg {
		defer cancel()
		run.err = s.Run(ctx, name, func(line string) {
			select {
			case run.lines <- line:
			case <-t.ctx.Done(): // and not ctx's: a stopped scenario still says how it ended
			}
		})
		close(run.lines)
		return nil
	})
	return tea.Batch(work, run.next(t), p.request(noteMsg{entryScenario, name + ": started"}))
}

// next waits for the scenario's next lines.
func (r *scenarioRun) next(t *tasks) tea.Cmd {
	return t.cmd(func() tea.Msg {
		msg := scenarioLinesMsg{run: r}
		select {
		case line, ok := <-r.lines:
			if !ok {
				msg.over = true
				return msg
			}
			msg.lines = append(msg.lines, line)
		case <-t.ctx.Done():
			return nil
		}
		for len(msg.lines) < scenarioBurst {
			select {
			case line, ok := <-r.lines:
				if !ok {
					msg.over = true
					return msg
				}
				msg.lines = append(msg.lines, line)
			default:
				return msg
			}
		}
		return msg
	})
}

func (p *scenariosScreen) stop() {
	if p.running != nil && !p.running.stopping {
		p.running.stopping = true
		p.running.cancel()
	}
}

func (p *scenariosScreen) name() string { return "scenarios" }

func (p *scenariosScreen) grid() grid { return p.table }

func (p *scenariosScreen) keys() []keyGroup {
	return append([]keyGroup{{"scenarios", []key.Binding{p.enter, p.halt}}}, p.table.helpKeys()...)
}

func (p *scenariosScreen) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case sizeMsg:
		p.w, p.h = msg.w, msg.h
		p.table.resize(inner(msg.w, p.tableHeight(), false))
	case scenarioLinesMsg:
		return p.lines(msg)
	case wheelMsg:
		p.table.move(msg.delta)
	case clickMsg:
		p.table.click(msg.x, msg.y-1)
	case tea.KeyPressMsg:
		return p.key(msg)
	}
	return nil
}

func (p *scenariosScreen) key(msg tea.KeyPressMsg) tea.Cmd {
	switch {
	case key.Matches(msg, p.halt):
		p.stop()
	case key.Matches(msg, p.enter):
		if p.running != nil {
			return p.fail("scenario " + p.running.name + " is running; " + p.halt.Help().Key + " stops it")
		}
		return p.start()
	default:
		p.table.update(msg)
	}
	return nil
}

func (p *scenariosScreen) tableHeight() int { return max(min(len(p.table.rows)+2, p.h/2), 4) }

func (p *scenariosScreen) view(w, h int) string {
	th := p.tableHeight()
	parts := []string{p.theme.panel("scenarios"+filterTitle(p.table), p.table.view(true, "there are none"), w, th, true, false)}
	if h > th {
		iw, ih := inner(w, h-th, false)
		parts = append(parts, p.theme.panel("events", p.log.tail(p.theme, iw, ih, nil), w, h-th, false, false))
	}
	return strings.Join(parts, "\n")
}

func (p *scenariosScreen) state(sc Scenario, _ int) cell {
	switch {
	case p.running == nil || p.running.name != sc.Name:
		return cell{"", p.theme.plain}
	case p.running.stopping:
		return cell{"■ stopping", p.theme.title}
	default:
		return cell{"▶ running", p.theme.title}
	}
}

// summary is the running scenario in a few words.
func (p *scenariosScreen) summary() string {
	if p.running == nil {
		return ""
	}
	sign := "▶ "
	if p.running.stopping {
		sign = "■ stopping "
	}
	return sign + safe(p.running.name) + " " + age(p.now, p.running.started)
}

// lines logs what the running scenario says.
func (p *scenariosScreen) lines(msg scenarioLinesMsg) tea.Cmd {
	for _, l := range msg.lines {
		p.log.add(entryScenario, p.now, l)
	}
	if !msg.over {
		return msg.run.next(p.tasks)
	}
	name := msg.run.name
	p.running = nil
	switch err := msg.run.err; {
	case err == nil:
		return p.request(noteMsg{entryScenario, name + ": done"})
	case msg.run.stopping && errors.Is(err, context.Canceled):
		return p.request(noteMsg{entryScenario, name + ": stopped"})
	default:
		return p.request(noteMsg{entryError, "scenario " + name + ": " + err.Error()})
	}
}
