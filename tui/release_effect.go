package tui

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
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
	plan     Release
	revision int64
}

// plannedMsg brings what a release would do. Only the one that was asked for last
// counts.
type plannedMsg struct {
	asked int
	Planned
}

// appliedMsg says how a release ended.
type appliedMsg struct {
	target   Target
	plan     Release
	revision int64
	err      error
}

// plan asks what a release would do. Its dialog is open already, so that no key
// that is pressed meanwhile goes elsewhere, or is taken for an answer.
func (r *releases) plan(t Target) Action {
	r.asked++
	looking := &dialog{title: t.String(), lines: []string{"looking what would go …"}}
	ctx, releaser, asked := r.tasks.ctx, r.ports.Releaser, r.asked
	return Batch{Ask{Dialog: looking, Waits: true}, r.background(func() tea.Msg {
		msg := plannedMsg{asked, Planned{Target: t}}
		if t.Lease != 0 {
			msg.Plan, msg.Err = releaser.Session(ctx, t.Lease)
		} else {
			msg.Plan, msg.Err = releaser.Request(ctx, t.Key)
		}
		return msg
	})}
}

func (msg plannedMsg) apply(e *Effects) Action {
	if msg.asked != e.releases.asked {
		return nil
	}
	return msg.Planned
}

// apply carries out what the user has agreed to.
func (r *releases) apply(a ApplyRelease) Action {
	ctx := r.tasks.ctx
	return Batch{Flash{Text: a.Target.String() + " …"}, r.background(func() tea.Msg {
		revision, err := a.Plan.Carry(ctx)
		return appliedMsg{target: a.Target, plan: a.Plan, revision: revision, err: err}
	})}
}

// apply says what went. Who holds the locks now is said when the watch has come
// to that.
func (msg appliedMsg) apply(e *Effects) Action {
	var said Batch
	if msg.revision != 0 {
		e.releases.applied = &applied{plan: msg.plan, revision: msg.revision}
		said = append(said, note(e.releases.applied.String()), e.releases.sayHolders())
	}
	if msg.err == nil {
		return said
	}
	return append(said, fail(msg.target.String()+": "+plainly(msg.err)), NotApplied{msg.target, msg.err})
}

// sayHolders says who holds the locks that were released, once the live snapshot
// is of after that.
func (r *releases) sayHolders() Action {
	if r.applied == nil || r.live.Revision < r.applied.revision {
		return nil
	}
	went := r.applied.String()
	var holders []string
	for _, id := range r.applied.plan.Locks() {
		l, _ := r.live.Find(id)
		holders = append(holders, holdersText(id, l.Queue))
	}
	r.applied = nil
	text := strings.Join(holders, "; ")
	if text == "" {
		return nil
	}
	r.log.add(entryNote, r.now, text)
	return Flash{Text: text + "; " + went}
}

func (a applied) String() string {
	at := " at revision " + strconv.FormatInt(a.revision, 10)
	switch gone := a.plan.Gone; {
	case len(gone) == 0:
		return "session " + leaseText(a.plan.Lease, 16) + " ended" + at
	case len(gone) == 1:
		return "gone: " + gone[0].Mode.String() + " " + safe(gone[0].Lock.Name) + " of " + ownerOrSession(gone[0]) + at
	default:
		return "gone: " + count(len(gone), "request", "requests") + " of " + ownerOrSession(gone[0]) + at
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
	name := safe(id.Name)
	switch n {
	case 0:
		return name + " is free now"
	case 1:
		return name + " is held now by " + ownerOrSession(queue[0]) + " (" + queue[0].Mode.String() + ")"
	default:
		return name + " is held now by " + count(n, "reader", "readers")
	}
}
