package tui

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

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
	ourStuck                   // it could not be released; that is tried again
)

// ourRequest is a request for a lock made by the user of the screens. Only the
// root's Update changes it.
type ourRequest struct {
	id     uint64
	client *ourClient
	name   string
	mode   keyspace.Mode
	within time.Duration // 0: it waits for as long as it takes
	asked  time.Time
	since  time.Time // it is held, or over
	state  ourState
	over   string          // how it ended, if not as the user wished
	stuck  string          // why it could not be released so far
	ticket Ticket          // nil until there is one
	ctx    context.Context // ends with the request
	cancel context.CancelFunc
}

// String says what is asked for, and who asks if that is not the first client.
func (r *ourRequest) String() string {
	what := r.mode.String() + " lock on " + r.name
	if r.client.number > 1 {
		return r.client.String() + ": " + what
	}
	return what
}

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
// waiting, releasedMsg that of giving it back. lostMsg says that what was held
// is lost.
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
	lostMsg struct{ id uint64 }
)

// hasOurs reports whether we hold or wait for a lock.
func (d *data) hasOurs(id inspect.LockID) bool {
	return slices.ContainsFunc(d.ours, func(r *ourRequest) bool { return r.lock() == id })
}

// isOurs reports whether a request is one of ours.
func (d *data) isOurs(q inspect.Request) bool {
	return slices.ContainsFunc(d.ours, func(r *ourRequest) bool { return r.lock() == q.Lock && r.key() == q.Key })
}

// takeMsg asks for a lock. giveMsg gives one back, rather the request with that
// key. nameMsg lets the user type the name of one.
type (
	takeMsg struct {
		lock   inspect.LockID
		mode   keyspace.Mode
		client *ourClient    // nil: the first one
		within time.Duration // 0: for as long as it takes
	}
	giveMsg struct {
		lock inspect.LockID
		key  string
	}
	nameMsg struct{}
)

// take requests a lock.
func (m *model) take(msg takeMsg) tea.Cmd {
	if msg.lock.Layout != keyspace.RWLock {
		m.flashUp(flashError, "not asked: clients of layout "+string(msg.lock.Layout)+" would not wait for a lock of ours")
		return nil
	}
	if msg.client == nil {
		msg.client = m.clients[0]
	}
	m.lastID++
	r := &ourRequest{id: m.lastID, client: msg.client, name: msg.lock.Name, mode: msg.mode, within: msg.within, asked: m.now}
	r.ctx, r.cancel = context.WithCancel(m.tasks.ctx)
	m.ours = append(m.ours, r)
	m.note(r, "asked")
	ctx, client, id, name, mode := r.ctx, r.client.Client, r.id, r.name, r.mode
	return m.tasks.cmd(func() tea.Msg {
		ticket, err := client.Request(ctx, name, mode)
		return ticketMsg{id: id, ticket: ticket, err: err}
	})
}

// gotTicket goes on to wait. A request that was cancelled meanwhile waits too:
// its context is over, so that it returns at once.
func (m *model) gotTicket(msg ticketMsg) tea.Cmd {
	r := m.find(msg.id)
	switch {
	case r == nil: // its client has ended meanwhile
		return nil
	case msg.err != nil:
		m.failed(r, msg.err)
		return nil
	}
	r.ticket = msg.ticket
	ctx, id, ticket, within := r.ctx, r.id, r.ticket, r.within
	return m.tasks.cmd(func() tea.Msg {
		ctx, cancel := ctx, context.CancelFunc(func() {})
		if within > 0 {
			ctx, cancel = context.WithTimeout(ctx, within)
		}
		defer cancel()
		return waitedMsg{id: id, err: ticket.Wait(ctx)}
	})
}

// waited notes the outcome of waiting. What is held is watched from then on.
func (m *model) waited(msg waitedMsg) tea.Cmd {
	r := m.find(msg.id)
	switch {
	case r == nil: // its client has ended meanwhile, and with it what was granted
		return nil
	case msg.err != nil:
		m.failed(r, msg.err)
		return nil
	case r.state == ourLeaving: // granted in the moment it was cancelled
		return m.giveBack(r)
	}
	r.state, r.since = ourHeld, m.now
	m.note(r, "held")
	ctx, id, lost := r.ctx, r.id, r.ticket.Lost()
	return m.tasks.cmd(func() tea.Msg {
		select {
		case <-lost:
			return lostMsg{id}
		case <-ctx.Done():
			return nil
		}
	})
}

// unlock releases a request of ours for a lock or cancels it: the one with that
// key, else the latest.
func (m *model) unlock(id inspect.LockID, key string) tea.Cmd {
	r := m.toUnlock(id, key)
	if r == nil {
		m.flashUp(flashInfo, "nothing of ours on this name")
		return nil
	}
	return m.leave(r)
}

// leave releases a request of ours or cancels it.
func (m *model) leave(r *ourRequest) tea.Cmd {
	switch r.state {
	case ourHeld, ourStuck:
		return m.giveBack(r)
	case ourAsking:
		r.state = ourLeaving
		r.cancel()
	}
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
	id, ticket := r.id, r.ticket
	return m.tasks.cmd(func() tea.Msg { return releasedMsg{id: id, err: ticket.Release()} })
}

// released drops a request. One that could not be given back is kept until it
// is: its key may be there, also where the watch does not look.
func (m *model) released(msg releasedMsg) tea.Cmd {
	r := m.find(msg.id)
	switch {
	case r == nil: // its client has ended meanwhile
	case msg.err == nil:
		m.drop(r)
		m.note(r, "released")
	case errors.Is(msg.err, ErrLost):
		m.end(r, "lost")
		m.noteErr(r, msg.err)
	default:
		r.state = ourStuck
		if why := shortReason(msg.err); why != r.stuck {
			r.stuck = why
			m.tell(entryError, r.String()+": not given back yet: "+why)
		}
	}
	return nil
}

// giveBackAgain tries once more to release what could not be released.
func (m *model) giveBackAgain() tea.Cmd {
	var cmds []tea.Cmd
	for _, r := range m.ours {
		if r.state == ourStuck {
			cmds = append(cmds, m.giveBack(r))
		}
	}
	return tea.Batch(cmds...)
}

// lost notes that what we held is gone. What is being given back says so itself.
func (m *model) lost(msg lostMsg) tea.Cmd {
	if r := m.find(msg.id); r != nil && r.state == ourHeld {
		m.end(r, "lost")
		m.tell(entryError, r.String()+": lost")
	}
	return nil
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

// failed drops a request that came to nothing, and says why.
func (m *model) failed(r *ourRequest, err error) {
	if r.state == ourLeaving && errors.Is(err, context.Canceled) {
		m.drop(r)
		m.note(r, "cancelled")
		return
	}
	how := shortReason(err)
	if r.within > 0 && errors.Is(err, context.DeadlineExceeded) {
		how, err = "not in time", errors.New("not granted within "+r.within.String())
	}
	m.end(r, how)
	m.noteErr(r, err)
}

// end drops a request, and has its client remember how it ended.
func (m *model) end(r *ourRequest, how string) {
	m.drop(r)
	r.over, r.since = how, m.now
	r.client.ended = append(r.client.ended, r)
	r.client.ended = r.client.ended[max(len(r.client.ended)-endedKept, 0):]
}

// note tells what became of a request of ours.
func (m *model) note(r *ourRequest, what string) { m.tell(entryOurs, r.String()+": "+what) }

func (m *model) noteErr(r *ourRequest, err error) {
	m.tell(entryError, r.String()+": "+plainly(err))
}

// oursSummary is "ours: 1 held, 2 waiting".
func (d *data) oursSummary() string {
	held, stuck := 0, 0
	for _, r := range d.ours {
		switch {
		case r.stuck != "":
			stuck++
		case r.state == ourHeld:
			held++
		}
	}
	if len(d.ours) == 0 {
		return ""
	}
	text := "ours: " + strconv.Itoa(held) + " held, " + strconv.Itoa(len(d.ours)-held-stuck) + " waiting"
	if stuck > 0 {
		text += ", " + strconv.Itoa(stuck) + " not given back yet"
	}
	return text
}
