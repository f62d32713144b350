package tui

import (
	"slices"
	"strconv"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// scenariosScreen is the list of scenarios and the latest run of one.
type scenariosScreen struct {
	*common
	table *table[string, Scenario]
	w, h  int
	below below

	enter, pause, step, halt, file, faster, slower, record key.Binding

	files    []Scenario // that were read
	run      *scenarioRun
	outcomes map[string]sign // of the latest runs, by name
	speed    int             // in speeds
	tape     *tape           // nil: nothing is recorded
}

func newScenariosScreen(c *common) *scenariosScreen {
	s := &scenariosScreen{
		common: c, below: newBelow(), outcomes: map[string]sign{},
		enter:  bind("enter", "run: start it", "enter"),
		pause:  bind("p", "pause: the running one; p again has it go on", "p"),
		step:   bind(".", "step: on to the next thing that happens, and pause; starts one paused", "."),
		halt:   bind("s", "stop: end the running one", "s"),
		file:   bind("o", "open: a scenario from a file", "o"),
		faster: bind("+", "faster: the running one and the next", "+", "="),
		slower: bind("-", "slower: the running one and the next", "-"),
		record: bind("R", "record: what is watched into a scenario's file; R again ends it", "R"),
	}
	s.table = newTable(c, []column[Scenario]{
		{title: "name", box: box{min: 12, want: 28}, cell: func(sc Scenario, w int) cell { return cell{cutMiddle(safe(sc.Name), w), s.theme.plain} }},
		{title: "state", box: box{min: 14}, cell: s.state},
		{title: "about", box: box{min: 10, rank: 1, flex: true}, cell: func(sc Scenario, _ int) cell { return cell{safe(sc.About), s.theme.dim} }},
	}, func(sc Scenario) string { return sc.Name })
	s.table.match = func(sc Scenario) string { return safe(sc.Name + " " + sc.About) }
	s.table.label = func(sc Scenario) string { return sc.Name }
	s.record.SetEnabled(c.opts.Recorder != nil)
	if s.available() {
		s.table.set(c.opts.Scenarios.List())
	}
	return s
}

// available reports whether scenarios can be run.
func (p *scenariosScreen) available() bool { return p.opts.Scenarios != nil && !p.opts.ReadOnly }

// speeds are those at which durations can pass.
func speeds() []float64 { return []float64{0.25, 0.5, 1, 2, 5, 10} }

// normalSpeed is where 1 is among them.
const normalSpeed = 2

func (p *scenariosScreen) speedText(speed float64) string {
	return strconv.FormatFloat(speed, 'g', -1, 64) + "×"
}

func (p *scenariosScreen) name() string { return "scenarios" }

func (p *scenariosScreen) grid() grid { return p.table }

func (p *scenariosScreen) keys() []keyGroup {
	own := append(p.acting(), p.below.down, p.below.up)
	return append([]keyGroup{{"scenarios", own}}, p.table.helpKeys()...)
}

// acting are the keys that do more than show. In the past nothing is begun, but
// what was begun before goes on and can be steered and ended.
func (p *scenariosScreen) acting() []key.Binding {
	begin := inPresent(p.common, p.enter, p.step, p.record)
	enter, step, record := begin[0], begin[1], begin[2]
	if p.running() {
		step = p.step
	}
	if p.tape != nil {
		record = p.record
	}
	return []key.Binding{enter, p.pause, step, p.halt, p.file, p.faster, p.slower, record}
}

func (p *scenariosScreen) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case sizeMsg:
		p.w, p.h = msg.w, msg.h
		p.table.resize(inner(msg.w, p.tableHeight(), false))
		if p.run != nil {
			p.run.look()
		}
	case scenarioNewsMsg:
		return p.news(msg)
	case scenarioReadMsg:
		return p.read(msg)
	case recordedMsg:
		return p.recorded(msg)
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
	case p.below.update(msg):
	case !key.Matches(msg, p.acting()...):
		p.table.update(msg)
	case key.Matches(msg, p.halt):
		return p.stop()
	case key.Matches(msg, p.enter):
		return p.start(false)
	case key.Matches(msg, p.pause):
		return p.togglePause()
	case key.Matches(msg, p.step):
		return p.stepOn()
	case key.Matches(msg, p.file):
		return p.askFile()
	case key.Matches(msg, p.record):
		return p.toggleRecord()
	case key.Matches(msg, p.faster):
		p.speedUp(1)
	case key.Matches(msg, p.slower):
		p.speedUp(-1)
	}
	return nil
}

func (p *scenariosScreen) nextSpeed() float64 { return speeds()[normalSpeed+p.speed] }

// speedUp goes up or down the speeds.
func (p *scenariosScreen) speedUp(by int) {
	p.speed = min(max(p.speed+by, -normalSpeed), len(speeds())-1-normalSpeed)
	if p.running() {
		p.run.setSpeed(p.nextSpeed())
	}
}

func (p *scenariosScreen) togglePause() tea.Cmd {
	if !p.running() {
		return p.say("no scenario is running; " + p.step.Help().Key + " starts one paused")
	}
	p.run.togglePause()
	return nil
}

// stepOn has the running scenario go on until something has happened. Where none
// runs, it starts one that stands still before its first step.
func (p *scenariosScreen) stepOn() tea.Cmd {
	if !p.running() {
		return p.start(true)
	}
	p.run.play.Step()
	return nil
}

// start runs the scenario under the cursor, once that is agreed to where others
// use its locks.
func (p *scenariosScreen) start(paused bool) tea.Cmd {
	sc, ok := p.table.current()
	switch {
	case !ok:
		return nil
	case p.running():
		return p.fail("scenario " + p.run.name + " is running; " + p.halt.Help().Key + " stops it")
	}
	if used := p.used(sc); len(used) > 0 {
		return p.request(askMsg{p.askUsed(sc, used, paused)})
	}
	return p.begin(sc, paused)
}

// used are the locks of a scenario that somebody holds or waits for where it
// would run.
func (p *scenariosScreen) used(sc Scenario) []string {
	if sc.Alone {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(sc.Locks), func(name string) bool {
		_, there := p.live.snapshot.Find(inspect.LockID{Layout: keyspace.RWLock, Name: name})
		return !there
	})
}

func (p *scenariosScreen) askUsed(sc Scenario, used []string, paused bool) *dialog {
	lines := []string{"It would take these locks, which are in use in this etcd:"}
	for _, name := range used {
		lines = append(lines, p.theme.warning.Render("!")+" "+safe(name))
	}
	lines = append(lines, "", "Its clients wait for those who hold them, and hold up those who come later.")
	return &dialog{title: "run " + sc.Name, lines: lines, yes: "Run it", run: func() tea.Cmd {
		if p.running() {
			return nil
		}
		return p.begin(sc, paused)
	}}
}

// begin runs a scenario.
func (p *scenariosScreen) begin(sc Scenario, paused bool) tea.Cmd {
	p.below.top = 0
	p.run = newScenarioRun(p.opts.Scenarios.Play(sc.Name, p.nextSpeed()), sc, p.nextSpeed())
	said := sc.Name + ": started"
	if paused {
		p.run.play.Pause()
		said += ", paused"
	}
	if p.run.speed != 1 {
		said += " at " + p.speedText(p.run.speed)
	}
	return tea.Batch(p.run.start(p.tasks), p.run.next(p.tasks), p.request(noteMsg{entryScenario, said}))
}

func (p *scenariosScreen) running() bool { return p.run != nil && !p.run.over }

func (p *scenariosScreen) stop() tea.Cmd {
	if !p.running() {
		return p.say("no scenario is running")
	}
	if !p.run.stopping {
		p.run.stopping = true
		p.run.cancel()
	}
	return nil
}

// news takes what the running scenario says.
func (p *scenariosScreen) news(msg scenarioNewsMsg) tea.Cmd {
	for _, step := range msg.steps {
		msg.run.take(step)
		p.log.add(entryScenario, p.now, step.Text)
	}
	if !msg.over {
		msg.run.look() // also for the other screens
		return msg.run.next(p.tasks)
	}
	run := msg.run
	run.finish()
	p.outcomes[run.name] = run.outcome(p.theme)
	switch err := run.err; {
	case run.stopped():
		return p.request(noteMsg{entryScenario, run.name + ": stopped"})
	case err != nil:
		return p.request(noteMsg{entryError, "scenario " + run.name + ": " + err.Error()})
	case len(run.failures) > 0:
		return p.request(noteMsg{entryError, "scenario " + run.name + ": " + count(len(run.failures), "failure", "failures")})
	default:
		return p.request(noteMsg{entryScenario, run.name + ": passed"})
	}
}

// scenarioReadMsg brings a scenario from a file.
type scenarioReadMsg struct {
	scenario Scenario
	err      error
}

func (p *scenariosScreen) askFile() tea.Cmd {
	t, from := p.tasks, p.opts.Scenarios
	return p.request(promptMsg{prompt{label: "scenario's file: ", accept: func(path string) (tea.Cmd, error) {
		if path == "" {
			return nil, errNoName
		}
		return p.readCmd(path), nil
	}, complete: func(text string) tea.Cmd {
		return t.cmd(func() tea.Msg { return completedMsg{text, from.Paths(text)} })
	}}})
}

func (p *scenariosScreen) readCmd(path string) tea.Cmd {
	from := p.opts.Scenarios
	return p.tasks.cmd(func() tea.Msg {
		sc, err := from.Read(path)
		return scenarioReadMsg{sc, err}
	})
}

// read puts a scenario from a file on the list, in the place of what was read
// from it before.
func (p *scenariosScreen) read(msg scenarioReadMsg) tea.Cmd {
	if msg.err != nil {
		return p.fail("not read: " + msg.err.Error())
	}
	all := p.opts.Scenarios.List()
	files := []Scenario{msg.scenario}
	for _, sc := range p.files {
		if sc.Name != msg.scenario.Name {
			files = append(files, sc)
		}
	}
	p.files = files
	p.table.set(append(all, files...))
	_ = p.table.setFilter("") // no pattern is a good one
	p.table.choose(msg.scenario.Name)
	return p.say(msg.scenario.Name + ": " + p.enter.Help().Key + " runs it")
}
