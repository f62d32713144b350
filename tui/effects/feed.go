package effects

import (
	"context"
	"reflect"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
)

const (
	statusEvery   = 5 * time.Second
	statusTimeout = 2 * time.Second
	leaseTimeout  = 2 * time.Second
)

// UpdatePause is the least time between two updates that are taken from the
// source. What happens meanwhile comes with the next one. It is less often than
// could be drawn: ten snapshots a second are lively enough, and cost a third.
const UpdatePause = time.Second / 10

// From each so many requests on, the pause is one UpdatePause longer, up to so many times as
// long: what an update costs grows with them, and keys wait for it.
const (
	pauseGrows = 25_000
	pauseMost  = 5
)

// updatePause returns the pause after an update with a number of requests.
func updatePause(least time.Duration, requests int) time.Duration {
	return least * time.Duration(min(1+requests/pauseGrows, pauseMost))
}

// UntilUpdate is the least time until the next update.
func (e *env) UntilUpdate() time.Duration { return updatePause(e.Pause, e.Live.Requests()) }

// untilDrawn is how long to wait with what takes all of a core until the locks are drawn for
// the first time.
func (e *env) untilDrawn() time.Duration {
	if e.Live.Verdict.Known {
		return 0
	}
	return e.UntilUpdate()
}

// ComesAgain reports whether nobody waits for a message, since one like it comes by itself
// again and again. With many locks, what it changes is drawn with the next update.
func ComesAgain(msg tea.Msg) bool {
	switch msg.(type) {
	case DiagnosedMsg, leasesMsg, sampledMsg, StatusMsg, unseenMsg, learntMsg, costsMsg:
		return true
	}
	return false
}

// feed follows etcd: its locks, its leases, its status, and what is wrong.
type feed struct {
	*env
	updates   <-chan inspect.Update
	diagnosis diagnosisSchedule
	asking    bool // for etcd's status
	unseen    unseen
	sampled   time.Time
	sampling  bool
}

// UpdateMsg brings what the source has sent; ok is false when it has ended.
type UpdateMsg struct {
	Update inspect.Update
	OK     bool
}

func (f *feed) start() nav.Action {
	f.updates = f.ports.Source.Watch(f.Tasks.Ctx, f.ports.Prefixes...)
	next := nav.Batch{f.waitUpdate(0)}
	if f.ports.Notice != "" {
		next = append(next, nav.Say{Kind: state.EntryEtcd, Text: term.Safe(f.ports.Notice)})
	}
	return next
}

// waitUpdate waits for an update, but not before pause is over: what comes
// faster than it can be drawn is taken together.
func (f *feed) waitUpdate(pause time.Duration) nav.Action {
	updates, done := f.updates, f.Tasks.Ctx.Done()
	return f.background(func() tea.Msg {
		if !Sleep(done, pause) {
			return nil
		}
		u, ok := <-updates
		return UpdateMsg{Update: u, OK: ok}
	})
}

// Apply notes what has changed.
func (msg UpdateMsg) Apply(e *Effects) nav.Action {
	if !msg.OK {
		return nil // the watch ends with the UI only
	}
	f := &e.feed
	first := !f.Conn.Begun || !f.Live.Known()
	said := f.noteConnection(msg.Update)
	f.note(msg.Update, first)
	e.learning.note(msg.Update)
	f.Live.Snapshot = msg.Update.Snapshot
	next := nav.Batch{f.waitUpdate(f.UntilUpdate()), said}
	if !f.Connected() {
		f.Leases.Reset()
		return append(next, nav.Refresh{})
	}
	f.diagnosis.stale = true
	if f.Frozen != nil {
		f.Missed++
	}
	return append(next, e.releases.sayHolders(), e.notify.check(false), nav.Refresh{})
}

// noteConnection notes whether etcd answers, and says what changed.
func (f *feed) noteConnection(u inspect.Update) nav.Action {
	refused := u.Err != nil && f.ports.Rights != nil && f.ports.Rights.Refused(u.Err)
	if what := f.Conn.Note(u, refused, f.Now); what != "" {
		return nav.Say{Kind: state.EntryEtcd, Text: what}
	}
	return nil
}

// note notes what an update says of the time before it. An update that says that
// etcd does not answer may have events too, and they do not come again.
func (f *feed) note(u inspect.Update, first bool) {
	if u.Resynced.Happened() && !first {
		f.Log.Add(state.EntryEtcd, f.Now, "resynchronized: "+u.Resynced.Text()+"; events in between are unknown")
		f.Journal.Prune(u.Snapshot)
	}
	if u.Missed > 0 {
		f.Log.Add(state.EntryEtcd, f.Now, "too many at once: "+format.Count(u.Missed, "event", "events")+" not listed")
		f.Journal.Prune(u.Snapshot)
	}
	for _, e := range u.Events {
		f.Log.AddEvent(e, f.Now)
		f.Journal.Take(e)
	}
}

// lookUp starts the look-ups that are due: the visible leases, a diagnosis, or the
// reason for which etcd denies access.
func (f *feed) lookUp(visible []int64) nav.Action {
	switch {
	case !f.Connected():
		return f.explain()
	case f.Frozen != nil:
		return nil
	default:
		return nav.Batch{f.lookUpLeases(visible), f.diagnose(), f.lookOutside()}
	}
}

// explainedMsg brings why etcd refused, when that was the cause.
type explainedMsg struct {
	cause   string
	refusal backend.Refusal
}

// explain asks why etcd refuses, when it is time to.
func (f *feed) explain() nav.Action {
	if !f.Conn.AskWhy(f.Now) {
		return nil
	}
	ctx, rights, prefixes, err, cause := f.Tasks.Ctx, f.ports.Rights, f.ports.Prefixes, f.Conn.Err, f.Conn.Cause
	return f.background(func() tea.Msg { return explainedMsg{cause, rights.Explain(ctx, prefixes, err)} })
}

func (msg explainedMsg) Apply(e *Effects) nav.Action {
	why := term.Safe(msg.refusal.String())
	if !e.Conn.Explain(msg.cause, why) {
		return nil
	}
	return nav.Say{Kind: state.EntryEtcd, Text: "refuses: " + why}
}

// lookUpLeases looks leases up, when it is time to.
func (f *feed) lookUpLeases(visible []int64) nav.Action {
	ids, gen := f.Leases.Request(visible, f.Now)
	if len(ids) == 0 {
		return nil
	}
	ctx, source, now, in := f.Tasks.Ctx, f.ports.Source, f.Now, f.Live.Snapshot
	return f.background(func() tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, leaseTimeout)
		defer cancel()
		found, err := source.Leases(ctx, ids, in)
		return leasesMsg{state.LeaseAnswer{Gen: gen, At: now, Leases: found, Err: err}}
	})
}

// leasesMsg brings what etcd said of leases.
type leasesMsg struct{ state.LeaseAnswer }

func (msg leasesMsg) Apply(e *Effects) nav.Action {
	msg.Done = e.Now
	news, err := e.Leases.Take(msg.LeaseAnswer)
	if err != nil && e.Connected() {
		e.Log.Add(state.EntryError, e.Now, "cannot read leases: "+term.ShortReason(err))
	}
	e.feed.diagnosis.stale = e.feed.diagnosis.stale || news
	return nav.Refresh{}
}

// DiagnosedMsg brings a verdict.
type DiagnosedMsg struct{ Verdict state.Verdict }

// diagnose starts a diagnosis of the live snapshot, when it is time to.
func (f *feed) diagnose() nav.Action {
	if !f.diagnosis.due(f.Now) {
		return nil
	}
	f.diagnosis.start(f.Now)
	s, leases, cluster, now := f.Live.Snapshot, f.Leases.Facts(), diagnose.Cluster(f.Status.Cluster), f.Now
	return f.computeAfter(f.untilDrawn(), func() tea.Msg { return DiagnosedMsg{Verdict: state.NewVerdict(s, leases, now, cluster...)} })
}

// Apply shows the verdict, unless the display is frozen.
func (msg DiagnosedMsg) Apply(e *Effects) nav.Action {
	e.feed.diagnosis.busy, e.feed.diagnosis.took = false, msg.Verdict.Took
	e.Live.Verdict = msg.Verdict
	e.Leases.Want(msg.Verdict.Urgent)
	told := e.notify.check(true)
	if e.Frozen != nil {
		return told
	}
	return nav.Batch{told, nav.Refresh{Judged: true}}
}

// reload has leases, etcd's status and problems read again at once.
func (f *feed) reload() nav.Action {
	if !f.Connected() {
		return nav.Flash{Text: "etcd does not answer; it is tried again by itself"}
	}
	f.Leases.Due()
	f.diagnosis = diagnosisSchedule{stale: true, busy: f.diagnosis.busy}
	return nav.Batch{f.askStatus(), nav.Refresh{All: true}, nav.Flash{Text: "reading leases, etcd's status and problems again"}}
}

// StatusMsg brings etcd's status.
type StatusMsg struct {
	status backend.Status
	Err    error
}

// second samples the queues and asks for etcd's status, when it is time to.
func (f *feed) second() nav.Action {
	next := nav.Batch{f.sample()}
	if f.Now.Sub(f.Status.At) >= statusEvery {
		next = append(next, f.askStatus())
	}
	return next
}

// sample samples the queues, when it is time to. There can be very many.
func (f *feed) sample() nav.Action {
	if f.sampling || f.Now.Sub(f.sampled) < state.SampleEvery {
		return nil
	}
	f.sampling, f.sampled = true, f.Now
	queues, locks := f.Queues, f.Live.Locks
	return f.compute(func() tea.Msg {
		return sampledMsg{queues.With(locks)}
	})
}

// sampledMsg brings the samples of the queues.
type sampledMsg struct{ queues state.Samples }

// Apply shows them with what is drawn next.
func (msg sampledMsg) Apply(e *Effects) nav.Action {
	e.feed.sampling, e.Queues = false, msg.queues
	return nil
}

// askStatus asks for etcd's status, unless it is asked already.
func (f *feed) askStatus() nav.Action {
	if f.ports.Health == nil || f.asking {
		return nil
	}
	f.asking = true
	health, ctx, now := f.ports.Health, f.Tasks.Ctx, f.Now
	return f.background(func() tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, statusTimeout)
		defer cancel()
		s, err := health.Status(ctx)
		s.At = now
		return StatusMsg{s, err}
	})
}

// Apply takes etcd's status. That etcd does not answer is for the watch to say.
func (msg StatusMsg) Apply(e *Effects) nav.Action {
	e.feed.asking = false
	if msg.Err != nil {
		e.Status.At = e.Now
		return nil
	}
	if !reflect.DeepEqual(e.Status.Cluster, msg.status.Cluster) { // it is part of the verdict
		e.feed.diagnosis.stale = true
	}
	e.Status = msg.status
	return nil
}
