package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
)

const (
	statusEvery   = 5 * time.Second
	statusTimeout = 2 * time.Second
	leaseTimeout  = 2 * time.Second
	sampleEvery   = 2 * time.Second
)

// updatePause is the least time between two updates that are taken from the
// source. What happens meanwhile comes with the next one. It is less often than
// could be drawn: ten snapshots a second are lively enough, and cost a third.
const updatePause = time.Second / 10

// feed follows etcd: its locks, its leases, its status, and what is wrong.
type feed struct {
	*env
	updates   <-chan inspect.Update
	diagnosis diagnosisSchedule
	asking    bool // for etcd's status
	sampled   time.Time
}

// updateMsg brings what the source has sent; ok is false when it has ended.
type updateMsg struct {
	update inspect.Update
	ok     bool
}

func (f *feed) start() Action {
	f.updates = f.ports.Source.Watch(f.tasks.ctx, f.ports.Prefix)
	return f.waitUpdate(0)
}

// waitUpdate waits for an update, but not before pause is over: what comes
// faster than it can be drawn is taken together.
func (f *feed) waitUpdate(pause time.Duration) Action {
	updates, done := f.updates, f.tasks.ctx.Done()
	return f.background(func() tea.Msg {
		if !sleep(done, pause) {
			return nil
		}
		u, ok := <-updates
		return updateMsg{update: u, ok: ok}
	})
}

func (msg updateMsg) apply(e *Effects) Action {
	if !msg.ok {
		return nil // the watch ends with the UI only
	}
	f := &e.feed
	first := !f.conn.begun || !f.live.known()
	said := f.noteConnection(msg.update)
	f.note(msg.update, first)
	f.live.Snapshot = msg.update.Snapshot
	next := Batch{f.waitUpdate(f.pause), said}
	if !f.connected() {
		f.leases.reset()
		return append(next, Refresh{})
	}
	f.diagnosis.stale = true
	if f.frozen != nil {
		f.missed++
	}
	return append(next, e.releases.sayHolders(), Refresh{})
}

// noteConnection notes whether etcd answers, and says what changed.
func (f *feed) noteConnection(u inspect.Update) Action {
	refused := u.Err != nil && f.ports.Rights != nil && f.ports.Rights.Refused(u.Err)
	if what := f.conn.note(u, refused, f.now); what != "" {
		return Say{entryEtcd, what}
	}
	return nil
}

// note notes what an update says of the time before it. An update that says that
// etcd does not answer may have events too, and they do not come again.
func (f *feed) note(u inspect.Update, first bool) {
	if u.Resynced && !first {
		f.log.add(entryEtcd, f.now, "read anew; what happened in between is not known")
		f.journal.prune(u.Snapshot)
	}
	if u.Missed > 0 {
		f.log.add(entryEtcd, f.now, "too much at once: "+count(u.Missed, "event", "events")+" not listed")
		f.journal.prune(u.Snapshot)
	}
	for _, e := range u.Events {
		f.log.addEvent(e, f.now)
		f.journal.take(e)
	}
}

// lookUp begins what is due: the leases in view, a diagnosis, why etcd refuses.
func (f *feed) lookUp(visible []int64) Action {
	switch {
	case !f.connected():
		return f.explain()
	case f.frozen != nil:
		return nil
	default:
		return Batch{f.lookUpLeases(visible), f.diagnose()}
	}
}

// explainedMsg brings why etcd refused, when that was the cause.
type explainedMsg struct {
	cause   string
	refusal Refusal
}

// explain asks why etcd refuses, when it is time to.
func (f *feed) explain() Action {
	if !f.conn.askWhy(f.now) {
		return nil
	}
	ctx, rights, prefix, err, cause := f.tasks.ctx, f.ports.Rights, f.ports.Prefix, f.conn.err, f.conn.cause
	return f.background(func() tea.Msg { return explainedMsg{cause, rights.Explain(ctx, prefix, err)} })
}

func (msg explainedMsg) apply(e *Effects) Action {
	why := safe(msg.refusal.String())
	if !e.conn.explain(msg.cause, why) {
		return nil
	}
	return Say{entryEtcd, "refuses: " + why}
}

// lookUpLeases looks leases up, when it is time to.
func (f *feed) lookUpLeases(visible []int64) Action {
	ids, gen := f.leases.request(visible, f.now)
	if len(ids) == 0 {
		return nil
	}
	ctx, source, now := f.tasks.ctx, f.ports.Source, f.now
	return f.background(func() tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, leaseTimeout)
		defer cancel()
		found, err := source.Leases(ctx, ids)
		return leasesMsg{leaseAnswer{gen: gen, at: now, leases: found, err: err}}
	})
}

// leasesMsg brings what etcd said of leases.
type leasesMsg struct{ leaseAnswer }

func (msg leasesMsg) apply(e *Effects) Action {
	news, err := e.leases.take(msg.leaseAnswer)
	if err != nil && e.connected() {
		e.log.add(entryError, e.now, "leases cannot be looked up: "+shortReason(err))
	}
	e.feed.diagnosis.stale = e.feed.diagnosis.stale || news
	return Refresh{}
}

// diagnosedMsg brings a verdict.
type diagnosedMsg struct{ verdict verdict }

// diagnose starts a diagnosis of the live snapshot, when it is time to.
func (f *feed) diagnose() Action {
	if !f.diagnosis.due(f.now) {
		return nil
	}
	f.diagnosis.start(f.now)
	s, leases, now := f.live.Snapshot, f.leases.facts(), f.now
	return f.background(func() tea.Msg { return diagnosedMsg{newVerdict(s, leases, now)} })
}

func (msg diagnosedMsg) apply(e *Effects) Action {
	e.feed.diagnosis.busy, e.feed.diagnosis.took = false, msg.verdict.took
	e.live.verdict = msg.verdict
	e.leases.want(msg.verdict.urgent)
	if e.frozen != nil {
		return nil
	}
	return Refresh{All: true}
}

// statusMsg brings etcd's status.
type statusMsg struct {
	status Status
	err    error
}

// second samples the queues and asks for etcd's status, when it is time to.
func (f *feed) second() Action {
	if f.now.Sub(f.sampled) >= sampleEvery {
		f.sampled = f.now
		f.queues.take(f.live.Locks)
	}
	if f.ports.Health == nil || f.asking || f.now.Sub(f.status.At) < statusEvery {
		return nil
	}
	f.asking = true
	health, ctx, now := f.ports.Health, f.tasks.ctx, f.now
	return f.background(func() tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, statusTimeout)
		defer cancel()
		s, err := health.Status(ctx)
		s.At = now
		return statusMsg{s, err}
	})
}

// apply takes etcd's status. That etcd does not answer is for the watch to say.
func (msg statusMsg) apply(e *Effects) Action {
	e.feed.asking = false
	if msg.err != nil {
		e.status.At = e.now
		return nil
	}
	e.status = msg.status
	return nil
}
