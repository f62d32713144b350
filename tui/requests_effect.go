package tui

import (
	"context"
	"errors"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/keyspace"
)

// The answers in the life of an own request: its ticket, the end of its waiting,
// the end of its release, and that it was lost while it was held. ctx ends with
// the request.
type (
	ticketMsg struct {
		ctx    context.Context
		id     uint64
		ticket Ticket
		err    error
	}
	waitedMsg struct {
		ctx context.Context
		id  uint64
		err error
	}
	releasedMsg struct {
		id  uint64
		err error
	}
	lostMsg struct{ id uint64 }
)

// take asks for a lock.
func (o *ownClients) take(a Take) Action {
	if a.Lock.Layout != keyspace.RWLock {
		return Flash{Error: true, Text: "not asked: clients of layout " + string(a.Lock.Layout) + " would not wait for a lock of ours"}
	}
	if a.Client == nil {
		a.Client = o.clients[0]
	}
	o.lastID++
	r := &ownRequest{id: o.lastID, client: a.Client, name: a.Lock.Name, mode: a.Mode, within: a.Within, asked: o.now}
	ctx, cancel := context.WithCancel(o.tasks.ctx)
	r.cancel = cancel
	o.requests = append(o.requests, r)
	client, id, name, mode := r.client.Client, r.id, r.name, r.mode
	return Batch{o.say(r, "asked"), o.background(func() tea.Msg {
		ticket, err := client.Request(ctx, name, mode)
		return ticketMsg{ctx, id, ticket, err}
	})}
}

// apply goes on to wait. A request that was canceled meanwhile waits too: its
// context is over, so that it returns at once.
func (msg ticketMsg) apply(e *Effects) Action {
	r := e.request(msg.id)
	switch {
	case r == nil: // its client has ended meanwhile
		return nil
	case msg.err != nil:
		return e.own.failed(r, msg.err)
	}
	r.ticket = msg.ticket
	ctx, id, ticket, within := msg.ctx, r.id, r.ticket, r.within
	return e.background(func() tea.Msg {
		waiting, cancel := ctx, context.CancelFunc(func() {})
		if within > 0 {
			waiting, cancel = context.WithTimeout(ctx, within)
		}
		defer cancel()
		return waitedMsg{ctx, id, ticket.Wait(waiting)}
	})
}

// apply notes the outcome of waiting. A lock that is held is watched from then
// on.
func (msg waitedMsg) apply(e *Effects) Action {
	r := e.request(msg.id)
	switch {
	case r == nil: // its client has ended meanwhile, and with it what was granted
		return nil
	case msg.err != nil:
		return e.own.failed(r, msg.err)
	case r.state == ownReleasing: // granted in the moment it was canceled
		return e.own.release(r)
	}
	r.state, r.since = ownHeld, e.now
	ctx, id, lost := msg.ctx, r.id, r.ticket.Lost()
	return Batch{e.own.say(r, "held"), e.background(func() tea.Msg {
		select {
		case <-lost:
			return lostMsg{id}
		case <-ctx.Done():
			return nil
		}
	})}
}

// giveBackLatest releases or cancels an own request for a lock: the one with that
// key, else the latest.
func (o *ownClients) giveBackLatest(a GiveBack) Action {
	if r := o.latest(a.Lock, a.Key); r != nil {
		return o.giveBack(r)
	}
	return Flash{Text: "nothing of ours on this name"}
}

// giveBack releases or cancels a request, or takes one that has ended off the
// list.
func (o *ownClients) giveBack(r *ownRequest) Action {
	switch {
	case r.over != "":
		r.client.forget(r)
	case r.state == ownHeld || r.state == ownStuck:
		return o.release(r)
	case r.state == ownWaiting:
		r.state = ownReleasing
		r.cancel()
	}
	return nil
}

func (o *ownClients) release(r *ownRequest) Action {
	r.state = ownReleasing
	id, ticket := r.id, r.ticket
	return o.background(func() tea.Msg { return releasedMsg{id: id, err: ticket.Release()} })
}

// apply drops the request. One that could not be released is kept until it is:
// its key may be there, also where the watch does not look.
func (msg releasedMsg) apply(e *Effects) Action {
	r := e.request(msg.id)
	switch {
	case r == nil: // its client has ended meanwhile
		return nil
	case msg.err == nil:
		e.own.drop(r)
		return e.own.say(r, "released")
	case errors.Is(msg.err, ErrLost):
		e.own.end(r, "lost")
		return e.own.sayError(r, msg.err)
	}
	r.state = ownStuck
	why := shortReason(msg.err)
	if why == r.stuck {
		return nil
	}
	r.stuck = why
	return Say{entryError, r.String() + ": not given back yet: " + why}
}

// releaseStuck tries again to release what could not be released.
func (o *ownClients) releaseStuck() Action {
	var again Batch
	for _, r := range o.requests {
		if r.state == ownStuck {
			again = append(again, o.release(r))
		}
	}
	return again
}

// apply notes that a lock that was held is lost. A lock that is being released
// says so itself.
func (msg lostMsg) apply(e *Effects) Action {
	r := e.request(msg.id)
	if r == nil || r.state != ownHeld {
		return nil
	}
	e.own.end(r, "lost")
	return Say{entryError, r.String() + ": lost"}
}

// failed drops a request that was not granted, and says why.
func (o *ownClients) failed(r *ownRequest, err error) Action {
	if r.state == ownReleasing && errors.Is(err, context.Canceled) {
		o.drop(r)
		return o.say(r, "cancelled")
	}
	how := shortReason(err)
	if r.within > 0 && errors.Is(err, context.DeadlineExceeded) {
		how, err = "not in time", errors.New("not granted within "+r.within.String())
	}
	o.end(r, how)
	return o.sayError(r, err)
}

func (o *ownClients) drop(r *ownRequest) {
	r.cancel()
	o.data.drop(r)
}

// end drops a request that failed or was lost; its client remembers it.
func (o *ownClients) end(r *ownRequest, how string) {
	o.drop(r)
	r.over, r.since = how, o.now
	r.client.remember(r)
}

func (o *ownClients) say(r *ownRequest, what string) Action {
	return Say{entryOwn, r.String() + ": " + what}
}

func (o *ownClients) sayError(r *ownRequest, err error) Action {
	return Say{entryError, r.String() + ": " + plainly(err)}
}
