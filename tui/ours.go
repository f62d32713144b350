package tui

import (
	"context"
	"errors"
	"slices"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// ourState is how far a request of ours has come.
type ourState int

const (
	ourAsking  ourState = iota // no ticket yet, or waiting
	ourHeld                    // granted
	ourLeaving                 // being cancelled or released
)

// ourRequest is a request for a lock made by the user of the screens. Only the
// root's Update changes it.
type ourRequest struct {
	id     uint64
	name   string
	mode   keyspace.Mode
	state  ourState
	ticket Ticket          // nil until there is one
	ctx    context.Context // ends when the user takes the request back
	cancel context.CancelFunc
}

func (r *ourRequest) String() string { return r.mode.String() + " lock on " + r.name }

func (r *ourRequest) lock() inspect.LockID {
	return inspect.LockID{Layout: keyspace.RWLock, Name: r.name}
}

func (r *ourRequest) key() string {
	if r.ticket == nil {
		return ""
	}
	return r.ticket.Key()
}

// ticketMsg brings the ticket of a request, waitedMsg the outcome of its
// waiting, releasedMsg that of giving it back.
type (
	ticketMsg struct {
		id     uint64
		ticket Ticket
		err    error
	}
	waitedMsg struct {
		id  uint64
		err error
	}
	releasedMsg struct {
		id  uint64
		err error
	}
)

// hasOurs reports whether we hold or wait for a lock.
func (d *data) hasOurs(id inspect.LockID) bool {
	return slices.ContainsFunc(d.ours, func(r *ourRequest) bool { return r.lock() == id })
}

// ourKeys is the keys of our requests in etcd.
func (d *data) ourKeys() map[string]bool {
	keys := make(map[string]bool, len(d.ours))
	for _, r := range d.ours {
		if k := r.key(); k != "" {
			keys[k] = true
		}
	}
	return keys
}

// takeMsg asks for a lock. giveMsg gives one back, rather the request with that
// key. nameMsg lets the user type the name of one.
type (
	takeMsg struct {
		lock inspect.LockID
		mode keyspace.Mode
	}
	giveMsg struct {
		lock inspect.LockID
		key  string
	}
	nameMsg struct{}
)

// ask requests a lock.
func (m *model) take(id inspect.LockID, mode keyspace.Mode) tea.Cmd {
	if id.Layout != keyspace.RWLock {
		m.flashUp(flashError, "not asked: clients of layout "+string(id.Layout)+" would not wait for a lock of ours")
		return nil
	}
	m.lastID++
	r := &ourRequest{id: m.lastID, name: id.Name, mode: mode}
	r.ctx, r.cancel = context.WithCancel(m.tasks.ctx)
	m.ours = append(m.ours, r)
	m.note(r, "asked")
	ctx, locker, number, name := r.ctx, m.opts.Locker, r.id, r.name
	return m.tasks.cmd(func() tea.Msg {
		ticket, err := locker.Request(ctx, name, mode)
		return ticketMsg{id: number, ticket: ticket, err: err}
	})
}

// gotTicket goes on to wait. A request that was cancelled meanwhile waits too:
// its context is over, so that it returns at once.
func (m *model) gotTicket(msg ticketMsg) tea.Cmd {
	r := m.find(msg.id)
	if msg.err != nil {
		m.drop(r)
		m.noteErr(r, msg.err)
		return nil
	}
	r.ticket = msg.ticket
	tasks, ctx, id, ticket := m.tasks, r.ctx, r.id, r.ticket
	return tasks.cmd(func() tea.Msg { return waitedMsg{id: id, err: tasks.wait(ctx, id, ticket)} })
}

func (m *model) waited(msg waitedMsg) tea.Cmd {
	r := m.find(msg.id)
	if msg.err != nil {
		m.drop(r)
		m.noteErr(r, msg.err)
		return nil
	}
	if r.state == ourLeaving { // granted in the moment it was cancelled
		return m.giveBack(r)
	}
	r.state = ourHeld
	m.note(r, "held")
	m.watchOurs()
	return nil
}

// unlock releases a request of ours for a lock or cancels it: the one with that
// key, else the latest.
func (m *model) unlock(id inspect.LockID, key string) tea.Cmd {
	r := m.toUnlock(id, key)
	if r == nil {
		m.flashUp(flashInfo, "nothing of ours on this name")
		return nil
	}
	if r.state == ourHeld {
		return m.giveBack(r)
	}
	r.state = ourLeaving
	r.cancel()
	return nil
}

func (m *model) toUnlock(id inspect.LockID, key string) *ourRequest {
	var latest *ourRequest
	for _, r := range m.ours {
		if r.lock() != id || r.state == ourLeaving {
			continue
		}
		latest = r
		if key != "" && r.key() == key {
			break
		}
	}
	return latest
}

func (m *model) giveBack(r *ourRequest) tea.Cmd {
	r.state = ourLeaving
	tasks, id := m.tasks, r.id
	return tasks.cmd(func() tea.Msg { return releasedMsg{id: id, err: tasks.release(id)} })
}

// released drops a request. When giving back failed and its key is still
// there, it is held as before and can be tried again.
func (m *model) released(msg releasedMsg) tea.Cmd {
	r := m.find(msg.id)
	if r == nil { // found to be lost meanwhile
		return nil
	}
	if msg.err == nil {
		m.drop(r)
		m.note(r, "released")
		return nil
	}
	m.noteErr(r, msg.err)
	if m.inLive(r) {
		r.state = ourHeld
		return nil
	}
	m.tasks.forget(r.id)
	m.drop(r)
	return nil
}

// watchOurs finds what we held and no longer do, by a snapshot that is new
// enough to show it. News of the grant and snapshots come in either order.
func (m *model) watchOurs() {
	for _, r := range slices.Clone(m.ours) {
		if r.state != ourHeld || m.live.snapshot.Revision < r.ticket.Token() || m.inLive(r) {
			continue
		}
		r.cancel()
		m.tasks.forget(r.id)
		m.drop(r)
		m.log.add(entryError, m.now, r.String()+": lost")
		m.flashUp(flashError, r.String()+": lost")
	}
}

// inLive reports whether a request's key is in the latest snapshot.
func (m *model) inLive(r *ourRequest) bool {
	lock, _ := m.live.snapshot.Find(r.lock())
	return slices.ContainsFunc(lock.Queue, func(q inspect.Request) bool { return q.Key == r.key() })
}

func (m *model) find(id uint64) *ourRequest {
	if i := slices.IndexFunc(m.ours, func(r *ourRequest) bool { return r.id == id }); i >= 0 {
		return m.ours[i]
	}
	return nil
}

func (m *model) drop(r *ourRequest) {
	r.cancel()
	m.ours = slices.DeleteFunc(m.ours, func(o *ourRequest) bool { return o == r })
}

// note tells what became of a request of ours.
func (m *model) note(r *ourRequest, what string) {
	m.log.add(entryOurs, m.now, r.String()+": "+what)
	m.flashUp(flashInfo, r.String()+": "+what)
}

func (m *model) noteErr(r *ourRequest, err error) {
	if r.state == ourLeaving && errors.Is(err, context.Canceled) {
		m.note(r, "cancelled")
		return
	}
	m.log.add(entryError, m.now, r.String()+": "+err.Error())
	m.flashUp(flashError, r.String()+": "+err.Error())
}

// oursSummary is "ours: 1 held, 2 waiting".
func (d *data) oursSummary() string {
	held, waiting := 0, 0
	for _, r := range d.ours {
		if r.state == ourHeld {
			held++
		} else {
			waiting++
		}
	}
	if held+waiting == 0 {
		return ""
	}
	return "ours: " + strconv.Itoa(held) + " held, " + strconv.Itoa(waiting) + " waiting"
}
