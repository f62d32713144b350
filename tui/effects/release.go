package effects

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/widget"
)

// releases ends requests of other clients by force: it plans a release, asks, and
// applies it.
type releases struct {
	*env
	asked   int // how often a plan was
	applied *applied
}

// applied is a release that was carried out, until it is said who holds the
// locks now.
type applied struct {
	plan     backend.Release
	revision int64
}

// plannedMsg brings what a release would do. Only the one that was asked for last
// counts.
type plannedMsg struct {
	asked int
	nav.Planned
}

// AppliedMsg says how a release ended.
type AppliedMsg struct {
	target   diagnose.Target
	Plan     backend.Release
	Revision int64
	Err      error
}

// plan asks what a release would do. Its dialog is open already, so that no key
// that is pressed meanwhile goes elsewhere, or is taken for an answer.
func (r *releases) plan(t diagnose.Target) nav.Action {
	r.asked++
	looking := &widget.Dialog{Title: nav.ReleaseTitle(t), Lines: []string{"checking what this would release …"}}
	ctx, releaser, asked := r.Tasks.Ctx, r.ports.Releaser, r.asked
	return nav.Batch{nav.Ask{Dialog: looking, Waits: true}, r.background(func() tea.Msg {
		msg := plannedMsg{asked, nav.Planned{Target: t}}
		if t.Lease != 0 {
			msg.Plan, msg.Err = releaser.Session(ctx, t.Lease)
		} else {
			msg.Plan, msg.Err = releaser.Request(ctx, t.Key)
		}
		return msg
	})}
}

func (msg plannedMsg) Apply(e *Effects) nav.Action {
	if msg.asked != e.releases.asked {
		return nil
	}
	return msg.Planned
}

// apply carries out what the user has agreed to.
func (r *releases) apply(a nav.ApplyRelease) nav.Action {
	ctx := r.Tasks.Ctx
	return nav.Batch{nav.Flash{Text: nav.ReleaseTitle(a.Target) + " …"}, r.background(func() tea.Msg {
		revision, err := a.Plan.Apply(ctx)
		return AppliedMsg{target: a.Target, Plan: a.Plan, Revision: revision, Err: err}
	})}
}

// Apply says what went. Who holds the locks now is said when the watch has come
// to that.
func (msg AppliedMsg) Apply(e *Effects) nav.Action {
	var said nav.Batch
	if msg.Revision != 0 {
		e.releases.applied = &applied{plan: msg.Plan, revision: msg.Revision}
		said = append(said, nav.Note(e.releases.applied.String()), e.releases.sayHolders())
	}
	said = append(said, e.commands.released(msg))
	if msg.Err == nil {
		return said
	}
	return append(said, nav.Fail(nav.ReleaseTitle(msg.target)+": "+format.Plainly(msg.Err)), nav.NotApplied{Target: msg.target, Err: msg.Err})
}

// sayHolders says who holds the locks that were released, once the live snapshot
// is of after that.
func (r *releases) sayHolders() nav.Action {
	if r.applied == nil || r.Live.Revision < r.applied.revision {
		return nil
	}
	went := r.applied.String()
	var holders []string
	for _, id := range r.applied.plan.Affected() {
		if !r.Live.Prefixes.Has(id.Name + "/") { // it is not watched
			continue
		}
		l, _ := r.Live.Find(id)
		holders = append(holders, holdersText(id, l.Queue))
	}
	r.applied = nil
	text := strings.Join(holders, "; ")
	if text == "" {
		return nil
	}
	r.Log.Add(state.EntryNote, r.Now, text)
	return nav.Flash{Text: text + "; " + went}
}

// otherKeys names the keys of a release that count as no lock requests.
func otherKeys(others []inspect.Request) string {
	keys := make([]string, 0, len(others))
	for _, o := range others {
		keys = append(keys, o.Key)
	}
	return strings.Join(keys, ", ")
}

func (a applied) String() string {
	at := " at revision " + strconv.FormatInt(a.revision, 10)
	switch gone := a.plan.Gone; {
	case len(gone) == 0 && a.plan.Lease == 0:
		return "gone: " + term.Safe(otherKeys(a.plan.Others)) + at
	case len(gone) == 0:
		return "session " + term.Lease(a.plan.Lease, 16) + " revoked" + at
	case len(gone) == 1:
		return "gone: " + gone[0].Mode.String() + " " + term.Name(gone[0].Lock.Name) + " of " + state.Who(gone[0]) + at
	default:
		return "gone: " + format.Count(len(gone), "request", "requests") + " of " + state.Who(gone[0]) + at
	}
}

// holdersText says who holds a lock.
func holdersText(id inspect.LockID, queue []inspect.Request) string {
	n := 0
	for _, r := range queue {
		if r.Holding {
			n++
		}
	}
	name := term.Name(id.Name)
	switch {
	case len(queue) == 0:
		return name + " is free now"
	case n == 0 && queue[0].Vacant():
		return "nobody holds " + name + " now: its key says so"
	case n == 0:
		return "no request holds " + name + " now: other keys are in the way"
	case n == 1:
		return name + " is now held by " + state.Who(queue[0]) + " (" + queue[0].Mode.String() + ")"
	default:
		return name + " is now held by " + format.Count(n, "reader", "readers")
	}
}
