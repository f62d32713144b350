// Package effects does all the work of the UI except display: it follows etcd,
// takes and releases locks, reads history, runs scenarios and writes files.
package effects

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
)

// Effects does all the work of the UI except display. Only effects change the
// state that the screens show, in Update, and only they block, in commands.
//
// Each effect is two halves: a method that an action leads to, which returns a
// command, and the result of that command, which is applied in Update.
type Effects struct {
	*env
	feed     feed
	learning learning
	own      ownClients
	releases releases
	travel   timeTravel
	runs     scenarioRuns
	prefs    preferences
	commands commandLog
	notify   notifications
}

// env is what all effects share.
type env struct {
	*state.Data
	ports backend.Options
	Tasks *Tasks
	Pause time.Duration // the least time between two updates that are taken
}

// background returns the action that runs f on another goroutine. f must not read
// what Update changes: its caller copies that first.
func (e *env) background(f func() tea.Msg) nav.Action { return nav.Do{Cmd: e.Tasks.Cmd(f)} }

// compute is background for an f that talks to nobody.
func (e *env) compute(f func() tea.Msg) nav.Action { return nav.Do{Cmd: e.Tasks.Compute(f)} }

// computeAfter is compute after a time.
func (e *env) computeAfter(wait time.Duration, f func() tea.Msg) nav.Action {
	done := e.Tasks.Ctx.Done()
	return e.compute(func() tea.Msg {
		if wait > 0 && !Sleep(done, wait) {
			return nil
		}
		return f()
	})
}

// Result is the message that a command of an effect ends with.
type Result interface {
	// Apply notes the result, and returns the next action. It is called in Update.
	Apply(e *Effects) nav.Action
}

// New returns the effects on d, which use the ports. Their commands run under t.
func New(d *state.Data, ports backend.Options, t *Tasks) *Effects {
	if ports.Preferences == nil {
		ports.Preferences = backend.OpenPreferences("")
	}
	shared := &env{Data: d, ports: ports, Tasks: t, Pause: UpdatePause}
	d.Journal.Began = d.Now
	e := &Effects{
		env:      shared,
		feed:     feed{env: shared, sampled: d.Now},
		learning: learning{env: shared, lessons: state.NewLessons(ports.Classes)},
		own:      ownClients{env: shared},
		releases: releases{env: shared},
		travel:   timeTravel{env: shared},
		runs:     scenarioRuns{env: shared},
		prefs:    preferences{env: shared},
		commands: commandLog{env: shared},
		notify:   notifications{env: shared},
	}
	e.own.commands = &e.commands
	if !ports.ReadOnly {
		e.AllowWrites()
	}
	if ports.Scenarios != nil {
		d.Scenarios.Builtin = ports.Scenarios.List()
	}
	return e
}

// AllowWrites makes the first client of the user, with which locks are taken.
func (e *Effects) AllowWrites() {
	if e.ports.Locker != nil && len(e.Clients) == 0 {
		e.own.add(state.FirstClient, state.FirstTTL)
	}
}

// Start starts the watch, and goes to where the user begins.
func (e *Effects) Start() nav.Action {
	begin := nav.Batch{e.travel.survey()}
	if e.ports.Source != nil {
		begin = append(begin, e.feed.start())
	}
	if e.ports.Start != (backend.Place{}) {
		begin = append(begin, e.travel.goTo(e.ports.Start))
	}
	return begin
}

// Second is called once a second: it samples, refreshes and retries.
func (e *Effects) Second() nav.Action {
	return nav.Batch{e.feed.second(), nav.Refresh{}, e.own.releaseStuck()}
}

// LookUp starts the look-ups that are due: the visible leases first, a diagnosis, the
// reason for which etcd denies access, or what waiting has cost.
func (e *Effects) LookUp(see Sight) nav.Action {
	return nav.Batch{e.feed.lookUp(see.Leases), e.learning.lookUp(see)}
}

// Sight is what the user looks at.
type Sight struct {
	Leases   []int64
	Costs    bool      // what waiting has cost
	From, To time.Time // that the time line of a recording shows; zero: there is none
}

// Freeze shows a frozen snapshot, or the live one if nil.
func (e *Effects) Freeze(f *state.Frozen) { e.travel.freeze(f) }

// Travelling reports whether the past is shown, or on its way.
func (e *Effects) Travelling() bool { return e.InPast() || e.travel.target != nil }

// Chosen returns what the user has chosen, to be read and changed. SavePrefs keeps
// it.
func (e *Effects) Chosen() *backend.Preferences { return e.ports.Preferences }

// Idle reports whether nothing that was asked of etcd or of the preferences is
// still to be answered.
func (e *Effects) Idle() bool {
	return !e.Leases.Asking && !e.feed.asking && !e.feed.sampling && !e.feed.unseen.asking && !e.feed.diagnosis.busy && !e.learning.schedule.busy && e.learning.reading == nil && !e.travel.loading && !e.travel.reading && e.prefs.saving == 0 && !e.commands.keeping
}

// Update applies a result.
func (e *Effects) Update(r Result) nav.Action { return r.Apply(e) }

// Do begins what an action asks for.
func (e *Effects) Do(a nav.Action) nav.Action {
	switch a := a.(type) {
	case nav.Take:
		return e.own.take(a)
	case nav.Unlock:
		return e.own.unlockLatest(a)
	case nav.UnlockRequest:
		return e.own.unlock(a.Request)
	case nav.OpenClient:
		return e.own.open(a)
	case nav.ControlClient:
		return e.own.control(a)
	case nav.PlanRelease:
		return e.releases.plan(a.Target)
	case nav.ApplyRelease:
		return e.releases.apply(a)
	case nav.RunScenario:
		return e.commands.ran(a, e.runs.start(a))
	case nav.StopScenario:
		return e.runs.stop()
	case nav.ReadScenario:
		return e.runs.read(a.Path)
	case nav.CompletePath:
		return e.runs.completePath(a.Path)
	case nav.StartRecording:
		return nav.Batch{e.runs.startRecording(a.Path), e.commands.recorded(a.Path)}
	case nav.StopRecording:
		return e.runs.stopRecording()
	case nav.SavePrefs:
		return e.prefs.save()
	case nav.Notify:
		return e.notify.add(a.Of)
	case nav.EndNotification:
		e.Notifications.End(a.ID)
		return nav.Flash{Text: "not notified any more"}
	case nav.Export:
		return e.export(a.Table, a.Path)
	case nav.CompleteFolder:
		return e.completeFolder(a.Path)
	case nav.Reload:
		return e.feed.reload()
	default:
		return e.travel.do(a)
	}
}
