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
	sampleEvery   = 2 * time.Second
)

// statusMsg answers the question for etcd's status.
type statusMsg struct {
	status Status
	err    error
}

// updated takes what the source has sent.
func (m *model) updated(msg updateMsg) tea.Cmd {
	if !msg.ok {
		return nil // the watch ends only with us
	}
	u, next := msg.update, m.waitUpdate(m.pause)
	first := !m.conn.begun || !m.live.known()
	m.noteConnection(u)
	m.happened(u, first)
	m.live.snapshot = u.Snapshot
	if !m.connected() {
		m.book.reset()
		return tea.Batch(next, m.refresh())
	}
	m.doctor.stale = true
	if m.still != nil {
		m.missed++
	}
	m.tellNext()
	return tea.Batch(next, m.refresh())
}

// happened takes in what an update tells of the time before it. One that says
// that etcd does not answer may tell something too, and nothing tells it again.
func (m *model) happened(u inspect.Update, first bool) {
	if u.Resynced && !first {
		m.log.add(entryEtcd, m.now, "read anew; what happened in between is not known")
		m.journal.prune(u.Snapshot)
	}
	if u.Missed > 0 {
		m.log.add(entryEtcd, m.now, "too much at once: "+count(u.Missed, "event", "events")+" not listed")
		m.journal.prune(u.Snapshot)
	}
	for _, e := range u.Events {
		m.log.addEvent(e, m.now)
		m.journal.take(e)
	}
}

// refresh tells the screens that the picture has changed, unless it stands
// still.
func (m *model) refresh() tea.Cmd {
	if m.still != nil {
		return nil
	}
	return m.nav.current().update(refreshMsg{})
}

// second is what is done each second.
func (m *model) second() tea.Cmd {
	if m.now.Sub(m.sampled) >= sampleEvery {
		m.sampled = m.now
		m.queues.take(m.live.snapshot.Locks)
	}
	cmd := tea.Batch(m.refresh(), m.giveBackAgain())
	if m.opts.Health == nil || m.asking || m.now.Sub(m.status.At) < statusEvery {
		return cmd
	}
	m.asking = true
	health, ctx, now := m.opts.Health, m.tasks.ctx, m.now
	return tea.Batch(cmd, m.tasks.cmd(func() tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, statusTimeout)
		defer cancel()
		s, err := health.Status(ctx)
		s.At = now
		return statusMsg{s, err}
	}))
}

// gotStatus takes etcd's status. That etcd does not answer is for the watch to
// say.
func (m *model) gotStatus(msg statusMsg) {
	m.asking = false
	if msg.err != nil {
		m.status.At = m.now
		return
	}
	m.status = msg.status
}

func (m *model) gotLeases(msg leasesMsg) tea.Cmd {
	news, err := m.book.take(msg)
	if err != nil && m.connected() {
		m.log.add(entryError, m.now, "leases cannot be looked up: "+shortReason(err))
	}
	m.doctor.stale = m.doctor.stale || news
	return m.refresh()
}

// stand shows a picture that stands still, or the live one again.
func (m *model) stand(s *still) tea.Cmd {
	m.still, m.missed = s, 0
	if !m.inPast() {
		m.travel.target = 0
	}
	m.restyle()
	return m.tellAll(refreshMsg{})
}

func (m *model) togglePause() tea.Cmd {
	if m.still != nil {
		return m.stand(nil)
	}
	return m.stand(&still{picture: m.live, mark: "PAUSED", about: "space goes on", at: m.now})
}
