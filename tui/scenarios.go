package tui

import (
	"context"
	"errors"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

// scenariosPane is the list of scenarios and the one that runs.
type scenariosPane struct {
	*common
	list    []Scenario
	cursor  cursor
	running *scenarioRun // nil when none runs
}

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
func (p *scenariosPane) start(t *tasks, s Scenarios) tea.Cmd {
	if p.running != nil || len(p.list) == 0 {
		return nil
	}
	name := p.list[p.cursor.at].Name
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
	return tea.Batch(work, run.next(t))
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

func (p *scenariosPane) stop() {
	if p.running != nil && !p.running.stopping {
		p.running.stopping = true
		p.running.cancel()
	}
}

func (p *scenariosPane) resize(_, h int) { p.cursor.settle(len(p.list), h) }

func (p *scenariosPane) title() string { return "scenarios" }

func (p *scenariosPane) view(w, h int, _ bool) string {
	if len(p.list) == 0 {
		return p.styles.dim.Render(cut("there are none", w))
	}
	cols := []column{{min: 1, want: 1}, {min: 10, want: 28}, {min: 9, want: 9}, {min: 10, want: 10, rank: 1, flex: true}}
	widths := fitColumns(cols, w)
	var lines []string
	from, to := p.cursor.window(len(p.list), h)
	for i := from; i < to; i++ {
		s, mark := p.list[i], " "
		if i == p.cursor.at {
			mark = ">"
		}
		lines = append(lines, tableRow(cols, widths, []cell{
			{text: mark, style: p.styles.bold},
			{text: safe(s.Name), style: p.styles.plain},
			{text: p.standing(s.Name), style: p.styles.holding},
			{text: safe(s.About), style: p.styles.dim},
		}, p.styles.row(i == p.cursor.at, true)))
	}
	return strings.Join(lines, "\n")
}

// standing is "running" for the one that runs.
func (p *scenariosPane) standing(name string) string {
	switch {
	case p.running == nil || p.running.name != name:
		return ""
	case p.running.stopping:
		return "■ stopping"
	default:
		return "▶ running"
	}
}

// summary is the running scenario in a few words.
func (p *scenariosPane) summary() string {
	if p.running == nil {
		return ""
	}
	sign := "▶ "
	if p.running.stopping {
		sign = "■ stopping "
	}
	return sign + safe(p.running.name) + " " + age(p.now, p.running.started)
}

// scenarioKey handles a key while the list is open.
func (m *model) scenarioKey(msg tea.KeyPressMsg) tea.Cmd {
	p := &m.scenarios
	switch {
	case key.Matches(msg, m.keys.scenarios, m.keys.back):
		m.mode = modeBrowse
	case key.Matches(msg, m.keys.stop):
		p.stop()
	case key.Matches(msg, m.keys.accept):
		if p.running != nil {
			m.say(flashError, "scenario "+p.running.name+" is running; "+m.keys.stop.Help().Key+" stops it")
			return nil
		}
		m.mode = modeBrowse
		cmd := p.start(m.tasks, m.opts.Scenarios)
		if p.running != nil {
			m.tell(entryScenario, p.running.name+": started")
		}
		return cmd
	default:
		p.cursor.move(m.step(msg, p.cursor.at, len(p.list)), len(p.list))
	}
	return nil
}

// scenarioLines logs what the running scenario says.
func (m *model) scenarioLines(msg scenarioLinesMsg) tea.Cmd {
	for _, l := range msg.lines {
		m.log.add(entryScenario, m.now, l)
	}
	if !msg.over {
		return msg.run.next(m.tasks)
	}
	name := msg.run.name
	switch err := msg.run.err; {
	case err == nil:
		m.tell(entryScenario, name+": done")
	case msg.run.stopping && errors.Is(err, context.Canceled):
		m.tell(entryScenario, name+": stopped")
	default:
		m.tell(entryError, "scenario "+name+": "+err.Error())
	}
	m.scenarios.running = nil
	return nil
}
