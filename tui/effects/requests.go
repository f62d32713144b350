package effects

import (
	"context"
	"errors"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/format"
	"etcd-lock/internal/layout"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
)

// The answers in the life of an own request: its ticket, the end of its waiting,
// the end of its release, and that it was lost while it was held. ctx ends with
// the request.
type (
	ticketMsg struct {
		ctx    context.Context
		id     uint64
		ticket backend.Ticket
		err    error
	}
	waitedMsg struct {
		ctx context.Context
		id  uint64
		err error
	}
	releasedMsg struct {
		id  uint64
		key string // that it had
		err error
	}
	lostMsg struct{ id uint64 }
)

// take asks for a lock.
func (o *ownClients) take(a nav.Take) nav.Action {
	if a.Lock.Layout != layout.RWLock {
		return nav.Flash{Error: true, Text: "not requested: it would not wait for clients of layout " + a.Lock.Layout.String()}
	}
	if a.Client == nil {
		a.Client = o.Clients[0]
	}
	o.lastID++
	r := &state.OwnRequest{ID: o.lastID, Client: a.Client, Name: a.Lock.Name, Mode: a.Mode, Within: a.Within, Asked: o.Now}
	ctx, cancel := context.WithCancel(o.Tasks.Ctx)
	r.Cancel = cancel
	o.Requests = append(o.Requests, r)
	client, id, name, mode := r.Client.Client, r.ID, r.Name, r.Mode
	return nav.Batch{o.say(r, "requested"), o.background(func() tea.Msg {
		ticket, err := client.Request(ctx, name, mode)
		return ticketMsg{ctx, id, ticket, err}
	})}
}

// Apply waits for the lock. A request that was canceled meanwhile waits too: its
// context has ended, so that it returns at once.
func (msg ticketMsg) Apply(e *Effects) nav.Action {
	r := e.Request(msg.id)
	switch {
	case r == nil: // its client has ended meanwhile
		return nil
	case msg.err != nil:
		return e.own.failed(r, msg.err)
	}
	r.Ticket = msg.ticket
	ctx, id, ticket, within := msg.ctx, r.ID, r.Ticket, r.Within
	return nav.Batch{e.commands.requested(r), e.background(func() tea.Msg {
		waiting, cancel := ctx, context.CancelFunc(func() {})
		if within > 0 {
			waiting, cancel = context.WithTimeout(ctx, within)
		}
		defer cancel()
		return waitedMsg{ctx, id, ticket.Wait(waiting)}
	})}
}

// Apply notes the outcome of waiting. A lock that is held is watched from then
// on.
func (msg waitedMsg) Apply(e *Effects) nav.Action {
	r := e.Request(msg.id)
	switch {
	case r == nil: // its client has ended meanwhile, and with it what was granted
		return nil
	case msg.err != nil:
		return e.own.failed(r, msg.err)
	case r.State == state.OwnReleasing: // granted in the moment it was canceled
		return e.own.release(r)
	}
	r.State, r.Since = state.OwnHeld, e.Now
	ctx, id, lost := msg.ctx, r.ID, r.Ticket.Lost()
	return nav.Batch{e.own.say(r, "granted"), e.background(func() tea.Msg {
		select {
		case <-lost:
			return lostMsg{id}
		case <-ctx.Done():
			return nil
		}
	})}
}

// unlockLatest releases or cancels an own request for a lock: the one with that
// key, else the latest.
func (o *ownClients) unlockLatest(a nav.Unlock) nav.Action {
	if r := o.Latest(a.Lock, a.Key); r != nil {
		return o.unlock(r)
	}
	return nav.Flash{Text: "you hold and wait for nothing on this name"}
}

// unlock releases or cancels a request, or takes one that has ended off the
// list.
func (o *ownClients) unlock(r *state.OwnRequest) nav.Action {
	switch {
	case r.Over != "":
		r.Client.Forget(r)
	case r.State == state.OwnHeld || r.State == state.OwnStuck:
		return o.release(r)
	case r.State == state.OwnWaiting:
		r.State, r.Was = state.OwnReleasing, r.Key()
		r.Cancel()
	}
	return nil
}

func (o *ownClients) release(r *state.OwnRequest) nav.Action {
	r.State = state.OwnReleasing
	id, ticket, key := r.ID, r.Ticket, r.Key()
	return o.background(func() tea.Msg { return releasedMsg{id: id, key: key, err: ticket.Release()} })
}

// Apply drops the request. One that could not be released is kept until it is:
// its key may be there, also where the watch does not look.
func (msg releasedMsg) Apply(e *Effects) nav.Action {
	r := e.Request(msg.id)
	switch {
	case r == nil: // its client has ended meanwhile
		return nil
	case msg.err == nil:
		e.own.drop(r)
		return nav.Batch{e.own.say(r, "released"), e.commands.gaveBack(r, msg.key, "released", nil)}
	case errors.Is(msg.err, backend.ErrLost):
		e.own.end(r, "lost")
		return e.own.sayError(r, msg.err)
	}
	r.State = state.OwnStuck
	why := term.ShortReason(msg.err)
	if why == r.Stuck {
		return nil
	}
	r.Stuck = why
	return nav.Say{Kind: state.EntryError, Text: r.String() + ": not released yet: " + why}
}

// releaseStuck tries again to release what could not be released.
func (o *ownClients) releaseStuck() nav.Action {
	var again nav.Batch
	for _, r := range o.Requests {
		if r.State == state.OwnStuck {
			again = append(again, o.release(r))
		}
	}
	return again
}

// Apply notes that a lock that was held is lost. A lock that is being released
// says so itself.
func (msg lostMsg) Apply(e *Effects) nav.Action {
	r := e.Request(msg.id)
	if r == nil || r.State != state.OwnHeld {
		return nil
	}
	e.own.end(r, "lost")
	text := r.String() + ": lost"
	if s := r.Client.State(); s.Life == backend.Expired && s.Why != nil {
		text += ": " + format.Plainly(s.Why)
	}
	return nav.Say{Kind: state.EntryError, Text: text}
}

// failed drops a request that was not granted, and says why.
func (o *ownClients) failed(r *state.OwnRequest, err error) nav.Action {
	if r.State == state.OwnReleasing && errors.Is(err, context.Canceled) {
		o.drop(r)
		return nav.Batch{o.say(r, "canceled"), o.commands.gaveBack(r, r.Was, "canceled", nil)}
	}
	how := term.ShortReason(err)
	if r.Within > 0 && errors.Is(err, context.DeadlineExceeded) {
		how, err = "timed out", errors.New("not granted within "+r.Within.String())
	}
	o.end(r, how)
	return o.sayError(r, err)
}

func (o *ownClients) drop(r *state.OwnRequest) {
	r.Cancel()
	o.Drop(r)
}

// end drops a request that failed or was lost; its client remembers it.
func (o *ownClients) end(r *state.OwnRequest, how string) {
	o.drop(r)
	r.Over, r.Since = how, o.Now
	r.Client.Remember(r)
}

func (o *ownClients) say(r *state.OwnRequest, what string) nav.Action {
	return nav.Say{Kind: state.EntryOwn, Text: r.String() + ": " + what}
}

func (o *ownClients) sayError(r *state.OwnRequest, err error) nav.Action {
	return nav.Say{Kind: state.EntryError, Text: r.String() + ": " + format.Plainly(err)}
}
