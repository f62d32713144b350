package tui

import (
	"slices"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// scenariosScreen is the list of scenarios and the latest run of one.
type scenariosScreen struct {
	*Context
	table    *table[string, Scenario]
	w, h     int
	pager    pager
	speed    int          // steps from the normal one, in speeds
	shownRun *scenarioRun // that the pager is about
	keys     []Group
}

func newScenariosScreen(c *Context) *scenariosScreen {
	s := &scenariosScreen{Context: c}
	s.table = newTable(c.theme, []column[Scenario]{
		{title: "name", box: box{min: 12, want: 28}, cell: func(sc Scenario, w int) cell { return cell{cutMiddle(safe(sc.Name), w), s.theme.plain} }},
		{title: "state", box: box{min: 14}, cell: s.state},
		{title: "about", box: box{min: 10, rank: 1, flex: true}, cell: func(sc Scenario, _ int) cell { return cell{safe(sc.About), s.theme.dim} }},
	}, func(sc Scenario) string { return sc.Name })
	s.table.match = func(sc Scenario) string { return safe(sc.Name + " " + sc.About) }
	s.table.label = func(sc Scenario) string { return sc.Name }
	s.keys = append([]Group{{"scenarios", append(s.own(), s.pager.bindings()...)}}, s.table.bindings()...)
	s.table.set(c.scenarios.all())
	return s
}

// Keys that other texts name.
const (
	runKey  = "enter"
	stepKey = "."
	stopKey = "s"
)

// own are the keys of the screen. In the past nothing is started, but what was
// started before goes on, and can be steered and ended.
func (p *scenariosScreen) own() []Binding {
	selected := unless(func() bool { _, ok := p.table.current(); return ok }, "no scenario is selected")
	present := func() Off { return p.needsPresent(true) }
	running := unless(p.running, "no scenario is running")
	start := eitherOff(present, selected)
	step := func() Off {
		if p.running() {
			return Off{}
		}
		return start()
	}
	return []Binding{
		bind("enter", "run", func() Action { return p.start(false) }, runKey).describe("start it").in(InFooter).offIf(start),
		bind("p", "pause", p.togglePause, "p").describe("the running one; p again has it go on").in(InFooter).
			offIf(unless(p.running, "no scenario is running; "+stepKey+" starts one paused")),
		bind(".", "step", p.step, stepKey).describe("on to the next thing that happens, and pause; starts one paused").in(InFooter).offIf(step),
		bind("s", "stop", func() Action { return StopScenario{} }, stopKey).describe("end the running one").in(InFooter).offIf(running),
		bind("o", "open", askScenarioFile, "o").describe("a scenario from a file").in(InFooter),
		bind("+", "faster", func() Action { return p.speedUp(1) }, "+", "=").describe("the running one and the next").in(InFooter),
		bind("-", "slower", func() Action { return p.speedUp(-1) }, "-").describe("the running one and the next").in(InFooter),
		bind("R", "record", p.record, "R").describe("what is watched into a scenario's file; R again ends it").in(InFooter).offIf(p.offRecord),
	}
}

// offRecord is why nothing can be recorded. A recording that is going on can
// always be ended.
func (p *scenariosScreen) offRecord() Off {
	if p.recording != nil {
		return Off{}
	}
	return p.needsPresent(p.Can.Record)
}

func (p *scenariosScreen) record() Action {
	if p.recording != nil {
		return StopRecording{}
	}
	return askRecording(p.now)
}

// speeds are those at which durations can pass.
func speeds() []float64 { return []float64{0.25, 0.5, 1, 2, 5, 10} }

// normalSpeed is where 1 is among them.
const normalSpeed = 2

// nextSpeed is the speed of the running scenario and of the next one.
func (p *scenariosScreen) nextSpeed() float64 { return speeds()[normalSpeed+p.speed] }

// speedUp goes up or down the speeds.
func (p *scenariosScreen) speedUp(by int) Action {
	p.speed = min(max(p.speed+by, -normalSpeed), len(speeds())-1-normalSpeed)
	if p.running() {
		p.run.setSpeed(p.nextSpeed())
	}
	return nil
}

func (p *scenariosScreen) togglePause() Action {
	p.run.togglePause()
	return nil
}

// step has the running scenario go on until something has happened. Where none
// runs, it starts one that is paused before its first step.
func (p *scenariosScreen) step() Action {
	if !p.running() {
		return p.start(true)
	}
	p.run.step()
	return nil
}

// start runs the scenario under the cursor. Where others use its locks, it asks
// first.
func (p *scenariosScreen) start(paused bool) Action {
	if p.running() {
		return fail("scenario " + p.run.name + " is running; " + stopKey + " stops it")
	}
	sc, _ := p.table.current()
	run := RunScenario{sc, paused, p.nextSpeed()}
	if used := p.used(sc); len(used) > 0 {
		return Ask{Dialog: p.askUsed(sc, used), Yes: run}
	}
	return run
}

// used are the locks of a scenario that have requests where it would run.
func (p *scenariosScreen) used(sc Scenario) []string {
	if sc.Alone {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(sc.Locks), func(name string) bool {
		_, there := p.live.Find(inspect.LockID{Layout: keyspace.RWLock, Name: name})
		return !there
	})
}

func (p *scenariosScreen) askUsed(sc Scenario, used []string) *dialog {
	lines := []string{"It would take these locks, which are in use in this etcd:"}
	for _, name := range used {
		lines = append(lines, p.theme.warning.Render("!")+" "+safe(name))
	}
	lines = append(lines, "", "Its clients wait for those who hold them, and hold up those who come later.")
	return &dialog{title: "run " + sc.Name, lines: lines, yes: "Run it"}
}

func (p *scenariosScreen) Ref() Ref { return Ref{Kind: KindScenarios} }

func (p *scenariosScreen) Grid() grid { return p.table }

func (p *scenariosScreen) Bindings() []Group { return p.keys }

// Refresh does nothing: Fit brings the run and the list up to date.
func (p *scenariosScreen) Refresh() {}

func (p *scenariosScreen) Fit(w, h int) {
	p.w, p.h = w, h
	if p.run != p.shownRun {
		p.shownRun = p.run
		p.pager.reset()
	}
	p.table.resize(inner(w, p.tableHeight(), false))
	if p.run != nil {
		p.run.look()
	}
}

// ChooseScenario puts the cursor on a scenario that was read from a file.
func (p *scenariosScreen) ChooseScenario(name string) Action {
	p.table.set(p.scenarios.all())
	_ = p.table.setFilter("") // no pattern is a good one
	p.table.choose(name)
	return note(name + ": " + runKey + " runs it")
}

func (p *scenariosScreen) Mouse(m mouse) Action {
	p.table.mouse(m.below(1)) // a second click starts nothing
	return nil
}
