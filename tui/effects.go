package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"
)

// Effects are what the UI does besides showing: it follows etcd, takes and
// releases locks, travels in time, runs scenarios and keeps files. They alone
// change what the screens show, in Update, and they alone wait for the outside,
// in commands.
//
// Each effect is two halves: a method that an action leads to, which returns a
// command, and the result of that command, which is applied in Update.
type Effects struct {
	*env
	feed     feed
	own      ownClients
	releases releases
	travel   timeTravel
	runs     scenarioRuns
	prefs    preferences
}

// env is what all effects share.
type env struct {
	*data
	ports Options
	tasks *tasks
	pause time.Duration // the least time between two updates that are taken
}

// background makes the action that runs f beside Update. It reads nothing that Update
// changes, but what was copied for it.
func (e *env) background(f func() tea.Msg) Action { return Do{e.tasks.cmd(f)} }

// Result is the message that a command of an effect ends with.
type Result interface {
	// apply notes the result, and returns what is to be done now.
	apply(e *Effects) Action
}

func newEffects(d *data, ports Options, t *tasks) *Effects {
	shared := &env{data: d, ports: ports, tasks: t, pause: updatePause}
	d.journal.began = d.now
	e := &Effects{
		env:      shared,
		feed:     feed{env: shared, sampled: d.now},
		own:      ownClients{env: shared},
		releases: releases{env: shared},
		travel:   timeTravel{env: shared},
		runs:     scenarioRuns{env: shared},
		prefs:    preferences{env: shared, chosen: DefaultPrefs()},
	}
	if ports.Locker != nil && !ports.ReadOnly {
		e.own.add(firstClient, firstTTL)
	}
	if ports.Scenarios != nil {
		d.scenarios.builtin = ports.Scenarios.List()
	}
	return e
}

// start begins what goes on for as long as the UI is shown.
func (e *Effects) start() Action { return Batch{e.feed.start(), e.prefs.load()} }

// second does what is done once a second.
func (e *Effects) second() Action {
	return Batch{e.feed.second(), Refresh{}, e.own.releaseStuck()}
}

// lookUp begins what is due: the leases in view first, a diagnosis, why etcd
// refuses.
func (e *Effects) lookUp(visible []int64) Action { return e.feed.lookUp(visible) }

// freeze shows a frozen snapshot, or the live one if nil.
func (e *Effects) freeze(f *frozen) { e.travel.freeze(f) }

// travelling reports whether the past is shown, or on its way.
func (e *Effects) travelling() bool { return e.inPast() || e.travel.target != 0 }

// chosen returns what the user has chosen, to be read and changed. SavePrefs keeps
// it.
func (e *Effects) chosen() *Prefs { return &e.prefs.chosen }

// idle reports whether nothing that was asked of etcd or of the preferences is
// still to be answered.
func (e *Effects) idle() bool {
	return !e.leases.asking && !e.feed.asking && !e.feed.diagnosis.busy && !e.travel.loading && !e.travel.reading && !e.prefs.loading && !e.prefs.saving
}

// update applies a result.
func (e *Effects) update(r Result) Action { return r.apply(e) }

// do begins what an action asks for.
func (e *Effects) do(a Action) Action {
	switch a := a.(type) {
	case Take:
		return e.own.take(a)
	case GiveBack:
		return e.own.giveBackLatest(a)
	case GiveBackRequest:
		return e.own.giveBack(a.Request)
	case OpenClient:
		return e.own.open(a)
	case ControlClient:
		return e.own.control(a)
	case PlanRelease:
		return e.releases.plan(a.Target)
	case ApplyRelease:
		return e.releases.apply(a)
	case GoTo:
		return e.travel.goTo(a.Revision)
	case GoToGrant:
		return e.travel.goToGrant(a.Request)
	case GoLive:
		return e.travel.goLive()
	case Step:
		return e.travel.step(e.travel.at(), a.By, true)
	case ReadHistory:
		return e.travel.readUntil(a.Until)
	case RunScenario:
		return e.runs.start(a)
	case StopScenario:
		return e.runs.stop()
	case ReadScenario:
		return e.runs.read(a.Path)
	case CompletePath:
		return e.runs.completePath(a.Path)
	case StartRecording:
		return e.runs.startRecording(a.Path)
	case StopRecording:
		return e.runs.stopRecording()
	case SavePrefs:
		return e.prefs.save()
	case Export:
		return e.export(a.Table, a.Path)
	default:
		return nil
	}
}
