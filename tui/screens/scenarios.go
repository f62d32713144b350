package screens

import (
	"slices"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// scenariosScreen is the list of scenarios and the latest run of one.
type scenariosScreen struct {
	*nav.Context
	table     *widget.Table[string, backend.Scenario]
	w, h      int
	pager     widget.Pager
	speed     int        // steps from the normal one, in speeds
	shownRun  *state.Run // that the pager is about
	shownOver bool       // its verdict
	keys      []widget.Group
}

func newScenariosScreen(c *nav.Context) *scenariosScreen {
	s := &scenariosScreen{Context: c}
	s.table = widget.NewTable(c.Theme, []widget.Column[backend.Scenario]{
		{Title: "name", Box: widget.Box{Min: 12, Want: 28, Uncut: true}, Cell: func(sc backend.Scenario, w int) theme.Text {
			return theme.Styled(term.CutMiddle(term.Safe(sc.Name), w), s.Theme.Plain)
		}},
		{Title: "state", Box: widget.Box{Min: 14}, Cell: s.state},
		{Title: "about", Box: widget.Box{Min: 10, Rank: 1, Flex: true, Uncut: true}, Cell: func(sc backend.Scenario, _ int) theme.Text { return theme.Styled(term.Safe(sc.About), s.Theme.Dim) }},
	}, func(sc backend.Scenario) string { return sc.Name })
	s.table.Match = func(sc backend.Scenario) string { return term.Safe(sc.Name + " " + sc.About) }
	s.table.Label = func(sc backend.Scenario) string { return sc.Name }
	s.pager.More = c.KeyOn(nav.KindScenarios, widget.MoreKey)
	s.table.Beside = &s.pager
	s.keys = append([]widget.Group{{Title: "scenarios", Bindings: append(s.own(), s.pager.Bindings()...)}}, s.table.Bindings()...)
	s.table.Set(c.Scenarios.All())
	return s
}

// Keys that other texts name.
const (
	runKey  = "enter"
	stepKey = "."
	stopKey = "s"
)

// own are the keys of the screen. In history mode nothing can be started, but a
// running scenario can be paused and stopped.
func (p *scenariosScreen) own() []widget.Binding {
	selected := nav.Unless(func() bool { _, ok := p.table.Current(); return ok }, "no scenario is selected")
	present := func() widget.Off { return p.NeedsPresent(true) }
	running := nav.Unless(p.Running, "no scenario is running")
	start := nav.EitherOff(present, selected)
	step := func() widget.Off {
		if p.Running() {
			return widget.Off{}
		}
		return start()
	}
	return append([]widget.Binding{
		{
			Keys: runKey, Short: "run", Long: "start the scenario under the cursor",
			Doc:   "start the scenario under the cursor",
			Where: widget.InFooter, Off: start, Do: func() nav.Action { return p.start(false) },
		},
		{
			Keys: "p", Short: "pause", Long: "the running scenario; again resumes it",
			Doc:   "pause the running scenario: no step starts, no deadline fires, no fault is injected; again resumes it",
			Where: widget.InFooter, Off: nav.Unless(p.Running, "no scenario is running; "+stepKey+" starts one paused"), Do: p.togglePause,
		},
		{
			Keys: stepKey, Short: "step", Long: "to the next event, then pause; starts a scenario paused",
			Doc:   "go on to the next event and pause there: a client's next step, a fault, or a deadline. If none is running, start one paused before its first step",
			Where: widget.InFooter, Off: step, Do: p.step,
		},
		{
			Keys: stopKey, Short: "stop", Long: "end the running scenario",
			Doc:   "stop the running scenario",
			Where: widget.InFooter, Off: running, Do: func() nav.Action { return nav.StopScenario{} },
		},
	}, p.others()...)
}

// others are the keys that do not need a run.
func (p *scenariosScreen) others() []widget.Binding {
	return []widget.Binding{
		{
			Keys: "o", Short: "open", Long: "a scenario from a file",
			Doc:   "open a scenario from a file; `tab` completes the path",
			Where: widget.InFooter, Do: askScenarioFile,
		},
		{
			Keys: "+ =", Short: "faster", Long: "the running scenario and the next",
			Doc:   "let its time pass faster, in the next run too",
			Where: widget.InFooter, Do: func() nav.Action { return p.speedUp(1) },
		},
		{
			Keys: "-", Short: "slower", Long: "the running scenario and the next",
			Doc:   "let its time pass slower, in the next run too",
			Where: widget.InFooter, Do: func() nav.Action { return p.speedUp(-1) },
		},
		{
			Keys: "R", Short: "record", Long: "what is watched as a scenario file; again ends it",
			Doc:   "record what happens to the watched locks as a new scenario file, as `etcd-lock simulate record` does, until `R` again",
			Where: widget.InFooter, Off: p.offRecord, Do: p.record,
		},
	}
}

// offRecord is why nothing can be recorded. A recording that is going on can
// always be ended.
func (p *scenariosScreen) offRecord() widget.Off {
	if p.Recording != nil {
		return widget.Off{}
	}
	return p.NeedsPresent(p.Can.Record)
}

func (p *scenariosScreen) record() nav.Action {
	if p.Recording != nil {
		return nav.StopRecording{}
	}
	return askRecording(p.Now)
}

// speeds are those at which durations can pass.
func speeds() []float64 { return []float64{0.25, 0.5, 1, 2, 5, 10} }

// normalSpeed is where 1 is among them.
const normalSpeed = 2

// nextSpeed is the speed of the running scenario and of the next one.
func (p *scenariosScreen) nextSpeed() float64 { return speeds()[normalSpeed+p.speed] }

// speedUp goes up or down the speeds.
func (p *scenariosScreen) speedUp(by int) nav.Action {
	p.speed = min(max(p.speed+by, -normalSpeed), len(speeds())-1-normalSpeed)
	if p.Running() {
		p.Run.SetSpeed(p.nextSpeed())
	}
	return nil
}

func (p *scenariosScreen) togglePause() nav.Action {
	p.Run.TogglePause()
	return nil
}

// step lets the running scenario go on until one thing has happened. If none is
// running, it starts one, paused before its first step.
func (p *scenariosScreen) step() nav.Action {
	if !p.Running() {
		return p.start(true)
	}
	p.Run.Step()
	return nil
}

// start runs the scenario under the cursor. Where others use its locks, it asks
// first.
func (p *scenariosScreen) start(paused bool) nav.Action {
	if p.Running() {
		return nav.Fail("scenario " + p.Run.Name + " is running; " + stopKey + " stops it")
	}
	sc, _ := p.table.Current()
	run := nav.RunScenario{Scenario: sc, Paused: paused, Speed: p.nextSpeed()}
	if used := p.used(sc); len(used) > 0 {
		return nav.Ask{Dialog: p.askUsed(sc, used), Yes: run}
	}
	return run
}

// used are the locks of a scenario that have requests where it would run.
func (p *scenariosScreen) used(sc backend.Scenario) []string {
	if sc.OwnCluster {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(sc.Locks), func(name string) bool {
		_, there := p.Live.Find(inspect.LockID{Layout: layout.RWLock, Name: name})
		return !there
	})
}

func (p *scenariosScreen) askUsed(sc backend.Scenario, used []string) *widget.Dialog {
	lines := []string{"It would take these locks, which are in use in this etcd:"}
	for _, name := range used {
		lines = append(lines, p.Theme.Warning.Render("!")+" "+term.Safe(name))
	}
	lines = append(lines, "", "Its clients queue behind the holders, and delay later requests.")
	return &widget.Dialog{Title: "run " + sc.Name, Lines: lines, Yes: "Run"}
}

func (p *scenariosScreen) Ref() nav.Ref { return nav.Ref{Kind: nav.KindScenarios} }

func (p *scenariosScreen) Grid() widget.Grid { return p.table }

func (p *scenariosScreen) Bindings() []widget.Group { return p.keys }

// Refresh does nothing: Fit brings the run and the list up to date.
func (p *scenariosScreen) Refresh() {}

func (p *scenariosScreen) Fit(w, h int) {
	p.w, p.h = w, h
	if over := p.Run != nil && p.Run.Over; p.Run != p.shownRun || over != p.shownOver {
		p.shownRun, p.shownOver = p.Run, over
		p.pager.Reset() // another text
	}
	p.table.Resize(theme.Inner(w, p.tableHeight(), false))
	if p.Run != nil {
		p.Run.Refresh()
	}
}

// ChooseScenario puts the cursor on a scenario that was read from a file.
func (p *scenariosScreen) ChooseScenario(name string) nav.Action {
	p.table.Set(p.Scenarios.All())
	_ = p.table.SetFilter("") // no pattern is a good one
	p.table.Choose(name)
	return nav.Note(name + ": " + runKey + " runs it")
}

func (p *scenariosScreen) Mouse(m widget.Mouse) nav.Action {
	p.table.Mouse(m.Below(1)) // a second click starts nothing
	return nil
}
