package app

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
)

// laneScene is a run of two clients that went wrong, six seconds long.
func laneScene() []outcome.Lane {
	const sec = time.Second
	idle, reads, writes := outcome.State{}, outcome.State{Holds: rwlock.Read}, outcome.State{Holds: rwlock.Write}
	return []outcome.Lane{
		{Client: "reader", Stretches: []outcome.Stretch{
			{To: sec, State: idle}, {From: sec, To: 3 * sec, State: reads},
			{From: 3 * sec, To: 4 * sec, State: outcome.State{Waits: true, Holds: rwlock.Read}}, {From: 4 * sec, To: time.Hour, State: idle},
		}, Marks: []outcome.Mark{{At: 4 * sec, Moment: scenario.Lost}}},
		{Client: "writer", Stretches: []outcome.Stretch{
			{To: 3 * sec, State: outcome.State{Waits: true}}, {From: 3 * sec, To: 5 * sec, State: outcome.State{Holds: rwlock.Write, Paused: true}},
			{From: 5 * sec, To: 6 * sec, State: writes}, {From: 6 * sec, To: time.Hour, State: outcome.State{Gone: true}},
		}},
	}
}

// hostilePlay is a run whose every text means harm.
func hostilePlay() backendtest.Scenarios {
	bad := strings.Repeat("日本\x1b[2J", 60)
	lanes := laneScene()
	lanes[0].Client = bad
	return backendtest.Scenarios{Scenarios: []backend.Scenario{{Name: bad, About: bad}}, Lanes: lanes, Completions: []string{bad},
		Script: func(_ context.Context, _ string, tell func(backend.ScenarioStep)) ([]string, error) {
			for i := range 40 {
				tell(backend.ScenarioStep{At: time.Duration(i) * time.Hour, Text: bad, Bad: i%2 == 0})
			}
			return []string{bad, bad}, errors.New(bad)
		}}
}

// runs is Scenarios with a run of each kind. What is sent to goOn ends one.
func runs(goOn chan struct{}) backendtest.Scenarios {
	return backendtest.Scenarios{
		Scenarios: []backend.Scenario{
			{Name: "four-clients", About: "two readers, two writers"}, {Name: "endless"}, {Name: "broken"},
			{Name: "unexpected"}, {Name: "outage", OwnCluster: true},
		},
		Lanes: laneScene(), Made: &backendtest.Made{},
		Script: func(ctx context.Context, name string, tell func(backend.ScenarioStep)) ([]string, error) {
			tell(backend.ScenarioStep{Text: "begun\x1b[31m"})
			switch name {
			case "outage":
				tell(backend.ScenarioStep{Text: "starting an etcd"})
				<-ctx.Done()
				return nil, ctx.Err()
			case "endless":
				<-ctx.Done()
				tell(backend.ScenarioStep{At: time.Second, Text: "cleaned up"})
				return nil, ctx.Err()
			case "broken":
				return nil, errors.New("scenario broken: no session")
			case "unexpected":
				tell(backend.ScenarioStep{At: 4 * time.Second, Text: "reader not acquired", Bad: true})
				<-goOn
				return []string{"file.yaml:3:1: want granted, got deadline", "writer: lost"}, nil
			}
			for range 5000 {
				tell(backend.ScenarioStep{At: time.Second, Text: "step"})
			}
			tell(backend.ScenarioStep{At: 2 * time.Second, Text: "the last"})
			return nil, nil
		},
	}
}

func (d *driver) over() { d.until("it is over", func() bool { return d.m.Run.Over }) }

// A scenario is watched as it runs, one at a time, and can be stopped.
func TestScenario(t *testing.T) {
	d := newDriver(t, func(o *backend.Options) { o.Scenarios = runs(nil) })
	d.press("x")
	d.mustShow("two readers, two writers")
	d.press("s")
	d.mustShow("no scenario is running")
	d.press("enter")
	d.over()
	d.mustShow("scenario four-clients: passed")
	d.mustShow("✓ passed: 5002 steps")
	d.press("J", "J", "K")
	if n := len(d.m.Run.Steps); n > 2*state.ScenarioKept {
		t.Errorf("%d steps are kept", n)
	}

	d.press("down", "enter")
	d.mustShow("▶ running")
	d.until("begun", func() bool { return strings.Contains(d.plain(), `begun\x1b[31m`) })
	d.press("enter")
	d.mustShow("✗ scenario endless is running")
	d.press("s")
	d.mustShow("■ stopping")
	d.over()
	d.mustShow("scenario endless: stopped")
	d.mustShow("cleaned up")

	d.press("down", "enter")
	d.over()
	d.mustShow("✗ scenario broken: no session")
	d.mustShow("✗ not run")

	d.press("G")
	d.mustShow("· own cluster")
	d.press("enter")
	d.mustShow("▶ own cluster")
	d.mustShow("outage · 0s in its own cluster")
	d.until("begun", func() bool { return strings.Contains(d.plain(), "starting an etcd") })
	d.press("s")
	d.over()
	d.mustShow("■ stopped")
}

// A scenario whose locks are in use, such as one that was recorded there, would
// be in the way of those who use them: it is asked for.
func TestScenarioOfUsedLocks(t *testing.T) {
	scenes := runs(nil)
	scenes.Scenarios[0].Locks = []string{"/free", "/jobs"}
	d := newDriver(t, func(o *backend.Options) { o.Scenarios = scenes })
	r := d.put("/jobs", keyspace.Write, 0)
	d.press("x", "enter")
	d.mustShow("run four-clients")
	d.mustShow("! /jobs")
	d.mustNotShow("/free")
	d.press("enter")
	d.mustShow("run four-clients: not done")
	if d.m.Run != nil {
		t.Fatal("it runs")
	}
	d.press(".", "y")
	if d.m.Run.Refresh(); !d.m.Run.State.Paused {
		t.Error("it was to stand still before its first step")
	}
	d.press("s")
	d.over()

	d.cluster.Remove(r.Lock, r.Key)
	d.until("gone", func() bool { return len(d.m.Live.Locks) == 0 })
	d.press("enter")
	if d.m.asked != nil {
		t.Error("asked without need")
	}
	d.over()
}

// What a run was not as it had to be is there in the end.
func TestScenarioFailures(t *testing.T) {
	goOn := make(chan struct{})
	ran := 6 * time.Second
	p := runs(goOn)
	p.Ran = &ran
	d := newDriver(t, func(o *backend.Options) { o.Scenarios = p })
	d.press("5", "j", "j", "j", "+", "enter")
	d.until("a step", func() bool { return d.m.Run.Count == 2 })
	d.mustShow("unexpected · 6s at 2×")
	d.mustShow("reader ")
	close(goOn)
	d.over()
	d.mustShow("✗ 2 failures")
	d.mustShow("file.yaml:3:1: want granted, got deadline")
	if got := p.Made.Latest.Speed; got != 2 {
		t.Errorf("ran at %v", got)
	}
}

// The running scenario stands still, goes on step by step, and says so; it can
// begin that way, too.
func TestScenarioPause(t *testing.T) {
	ran := 3 * time.Second
	p := runs(nil)
	p.Ran = &ran
	d := newDriver(t, func(o *backend.Options) { o.Scenarios = p })
	d.press("5", "p")
	d.mustShow("no scenario is running; . starts one paused")
	d.press("j", ".")
	d.mustShow("endless: started, paused")
	d.mustShow("endless · 3s  PAUSED ")
	d.mustShow("‖ PAUSED")
	run := p.Made.Latest
	d.mustShow("next a reply from etcd")
	run.Shows.Next, run.Shows.In = "w2: write \x1b[2J", 300*time.Millisecond
	d.press(".")
	if !run.Shows.Stepping {
		t.Error("it makes no step")
	}
	d.mustShow("endless · 3s  stepping… ")
	d.mustShow(`next w2: write \x1b[2J, in 300ms`)
	d.press("p")
	d.mustShow("endless · 3s  PAUSED ")
	d.press("1")
	d.mustShow("‖ PAUSED endless 3s")
	d.press("5", "p")
	d.mustShow("▶ running")
	d.mustNotShow("PAUSED")
	d.mustNotShow("next ")
	d.press("p", "s")
	d.mustShow("■ stopping")
	d.mustNotShow("PAUSED")
	d.over()
	d.press("p")
	d.mustShow("no scenario is running")
}

// What has happened so far can be scrolled back to before the run is over: it stays there
// while the run goes on, and follows it again at the end.
func TestScenarioSteps(t *testing.T) {
	ran := time.Second
	goOn := make(chan struct{})
	p := backendtest.Scenarios{
		Scenarios: []backend.Scenario{{Name: "long"}}, Ran: &ran, Lanes: laneScene(),
		Script: func(ctx context.Context, _ string, tell func(backend.ScenarioStep)) ([]string, error) {
			for i := range 60 {
				tell(backend.ScenarioStep{Text: "step " + strconv.Itoa(i) + "."})
			}
			select {
			case <-goOn:
				tell(backend.ScenarioStep{Text: "one more"})
			case <-ctx.Done():
			}
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}
	d := newDriver(t, func(o *backend.Options) { o.Scenarios = p })
	d.press("5", "enter")
	d.until("60 steps", func() bool { return d.m.Run.Count == 60 })
	d.mustShow("step 59.")
	for range 40 {
		d.press("K")
		d.plain()
	}
	d.mustShow("step 0.")
	d.mustShow("more lines: J")
	close(goOn)
	d.until("one more", func() bool { return d.m.Run.Count == 61 })
	d.mustShow("step 0.")
	for range 40 {
		d.press("J")
		d.plain()
	}
	d.mustShow("one more")
	d.press("s")
	d.over()
	d.mustShow("■ stopped")
}

func TestGoldenScenarioPaused(t *testing.T) {
	ran := 3 * time.Second
	p := runs(nil)
	p.Ran = &ran
	d := newDriver(t, func(o *backend.Options) { o.NoColor = true; o.Scenarios = p })
	d.press("5", "j", ".")
	d.until("a step", func() bool { return d.m.Run.Count == 1 })
	p.Made.Latest.Shows.Next = `writer: unlock "/a"`
	d.press("-")
	d.until("nothing is said", func() bool { d.clock.add(time.Minute); d.send(tickMsg{}); return !d.m.flash.on(d.m.Now) })
	checkGolden(t, "scenarios_80x24_paused", d.plain())
}

// In the past nothing is begun, but what runs can be steered and ended.
func TestScenarioInThePast(t *testing.T) {
	p := runs(nil)
	d := newDriver(t, func(o *backend.Options) {
		o.Scenarios = p
		o.Recorder = backendtest.Recorder(func(ctx context.Context, _ string) (string, error) { <-ctx.Done(); return "", nil })
	})
	past := nav.Freeze{To: &state.Frozen{Snapshot: d.m.Live, Mark: "PAST", Past: true}}
	d.do(past)
	d.press("5", "j", "enter", ".", "R")
	if d.m.Run != nil || d.m.line.mode == linePrompt {
		t.Error("something was begun")
	}
	d.mustNotShow("enter run")
	d.do(nav.Freeze{})
	d.press("R", "enter", "enter")
	d.do(past)
	run := p.Made.Latest
	d.press("p")
	d.mustShow("PAUSED")
	d.press(".")
	if !run.Shows.Stepping {
		t.Error("it makes no step")
	}
	d.press("R", "s")
	d.over()
	d.until("the recording has ended", func() bool { return d.m.Recording == nil })
}

// The speed has bounds, and is that of the running scenario, too.
func TestScenarioSpeed(t *testing.T) {
	p := runs(nil)
	d := newDriver(t, func(o *backend.Options) { o.Scenarios = p })
	d.press("5", "j", "enter", "+")
	d.mustShow(" at 2×")
	if got := p.Made.Latest.Speed; got != 2 {
		t.Errorf("runs at %v", got)
	}
	d.press("s")
	d.over()
	d.press("+")
	d.mustShow(" at 2×")
	for range 20 {
		d.press("+")
	}
	d.mustShow("speed 10×")
	for range 20 {
		d.press("-")
	}
	d.mustShow("speed 0.25×")
}

// A file is found by completion, and run like the others.
func TestScenarioFile(t *testing.T) {
	p := runs(nil)
	p.Completions = []string{"dir/one.yaml", "dir/other.yaml"}
	d := newDriver(t, func(o *backend.Options) { o.Scenarios = p })
	d.press("5", "o", "enter")
	d.mustShow("✗ a name cannot be empty")
	d.typed("d")
	d.press("tab")
	d.until("completed", func() bool { return d.m.line.input.Text() == "dir/o" })
	d.press("tab")
	d.until("the first", func() bool { return d.m.line.input.Text() == "dir/one.yaml" })
	d.press("tab", "enter")
	d.until("on the list", func() bool { return strings.Contains(d.plain(), ">  dir/other.yaml") })
	d.press("enter")
	d.over()
	d.mustShow("scenario dir/other.yaml: passed")

	p.ReadErr = errors.New("dir/one.yaml:1:1: nonsense")
	d = newDriver(t, func(o *backend.Options) { o.Scenarios = p })
	d.press("5", "o")
	d.typed("dir/one.yaml")
	d.press("enter")
	d.until("told", func() bool { return strings.Contains(d.plain(), "✗ not loaded: dir/one.yaml:1:1: nonsense") })
}

// What is watched is recorded until the user says so, and can be run.
func TestScenarioRecord(t *testing.T) {
	fail := error(nil)
	d := newDriver(t, func(o *backend.Options) {
		o.Scenarios = runs(nil)
		o.Recorder = backendtest.Recorder(func(ctx context.Context, _ string) (string, error) {
			<-ctx.Done()
			return "recorded 2 requests", fail
		})
	})
	d.press("5", "R")
	d.mustShow("recording-20260314-150926.yaml")
	d.press("enter")
	d.clock.add(3 * time.Second)
	d.send(tickMsg{})
	d.mustShow("● recording 3s")
	d.press("R")
	d.until("on the list", func() bool { return strings.Contains(d.plain(), "from a file") })
	d.mustShow("recording-20260314-150926.yaml: recorded 2 requests")
	d.mustNotShow("● recording")

	fail = errors.New("no request was seen")
	d.press("R", "enter", "R")
	d.until("told", func() bool { return strings.Contains(d.plain(), "✗ not recorded: no request was seen") })
}

func TestGoldenScenarios(t *testing.T) {
	run := func(d *driver, goOn chan struct{}) {
		d.press("5", "j", "j", "j", "enter")
		d.until("a step", func() bool { return d.m.Run.Count == 2 })
		close(goOn)
		d.over()
	}
	for _, size := range []struct {
		name string
		w, h int
	}{{"scenarios_80x24", 80, 24}, {"scenarios_120x36", 120, 36}} {
		t.Run(size.name, func(t *testing.T) {
			goOn, ran := make(chan struct{}), 7*time.Second
			p := runs(goOn)
			p.Ran = &ran
			d := newDriver(t, func(o *backend.Options) { o.NoColor = true; o.Scenarios = p })
			d.send(resize(size.w, size.h))
			run(d, goOn)
			checkGolden(t, size.name, d.plain())
		})
	}
}
