package tui

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
)

// ownClients opens, controls and closes the clients of the user, and takes and
// releases locks with them.
type ownClients struct {
	*env
	lastID uint64 // of requests
}

// clientMsg says how something that was done to a client ended.
type clientMsg struct {
	client *ownClient
	done   string
	err    error
}

// add makes a client, whose session is opened when it is needed.
func (o *ownClients) add(label string, ttl time.Duration) *ownClient {
	number := 1
	if n := len(o.clients); n > 0 {
		number = o.clients[n-1].number + 1
	}
	c := &ownClient{Client: o.ports.Locker.Client(label, ttl), number: number, label: label, ttl: ttl}
	o.clients = append(o.clients, c)
	o.tasks.keep(c.Client)
	return c
}

func (o *ownClients) open(a OpenClient) Action {
	return o.control(ControlClient{o.add(a.Label, a.TTL), ClientOpen})
}

// control begins what the user wants of a client.
func (o *ownClients) control(a ControlClient) Action {
	c, life := a.Client, a.Client.State().Life
	lives := life == Alive || life == Paused
	switch {
	case c.doing != "":
		return fail(c.String() + ": is " + c.doing)
	case a.To == ClientOpen && lives:
		return note(c.String() + ": is open")
	case a.To == ClientClose && !lives:
		return o.remove(c)
	case a.To != ClientOpen && !lives:
		return fail(c.String() + ": has no session that lives; o on Clients opens one")
	}
	client, ctx := c.Client, o.tasks.ctx
	switch {
	case a.To == ClientOpen:
		return o.doing(c, "opening", "open", func() error { return client.Open(ctx) })
	case a.To == ClientCrash:
		return o.crash(c)
	case a.To == ClientClose:
		o.endAll(c, "")()
		return o.doing(c, "closing", "closed, its lease revoked", client.Close)
	case life == Paused:
		return o.doing(c, "resuming", "goes on", func() error { client.Resume(); return nil })
	default:
		return o.doing(c, "pausing", "paused, as a stopped process is", func() error { client.Pause(); return nil })
	}
}

// crash ends a session without telling etcd. Its requests are lost at once,
// whatever etcd still says of them.
func (o *ownClients) crash(c *ownClient) Action {
	client, cancel := c.Client, o.endAll(c, "lost by the crash")
	return o.doing(c, "crashing", "crashed: its lease runs out", func() error {
		client.Crash()
		cancel() // and not before: a request that is canceled is removed from etcd
		return nil
	})
}

func (o *ownClients) doing(c *ownClient, what, done string, do func() error) Action {
	c.doing = what
	return o.background(func() tea.Msg { return clientMsg{c, done, do()} })
}

func (msg clientMsg) apply(*Effects) Action {
	msg.client.doing = ""
	if msg.err != nil {
		return Say{entryError, msg.client.String() + ": " + plainly(msg.err)}
	}
	return Say{entryOwn, msg.client.String() + ": " + msg.done}
}

// endAll ends the requests of a client, and returns what cancels their waiting.
// If they are lost, the client remembers them.
func (o *ownClients) endAll(c *ownClient, loss string) (cancel func()) {
	var cancels []func()
	for _, r := range slices.Clone(o.requests) {
		if r.client != c {
			continue
		}
		cancels = append(cancels, r.cancel)
		r.cancel = func() {}
		if loss == "" {
			o.drop(r)
		} else {
			o.end(r, loss)
		}
	}
	return func() {
		for _, cancel := range cancels {
			cancel()
		}
	}
}

// remove takes a client whose session has ended off the list. The first stays.
func (o *ownClients) remove(c *ownClient) Action {
	c.ended = nil
	if c.number == 1 {
		return Flash{Text: c.String() + ": stays; it opens when it is needed"}
	}
	o.endAll(c, "")()
	o.clients = slices.DeleteFunc(o.clients, func(other *ownClient) bool { return other == c })
	return Flash{Text: c.String() + ": off the list"}
}
