package effects

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/format"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
)

// ownClients opens, controls and closes the clients of the user, and takes and
// releases locks with them.
type ownClients struct {
	*env
	commands *commandLog
	lastID   uint64 // of requests
}

// clientMsg says how something that was done to a client ended.
type clientMsg struct {
	client *state.OwnClient
	done   string
	lease  int64 // that was to be revoked; 0: none
	err    error
}

// add makes a client. Its session is opened on demand.
func (o *ownClients) add(label string, ttl time.Duration) *state.OwnClient {
	number := 1
	if n := len(o.Clients); n > 0 {
		number = o.Clients[n-1].Number + 1
	}
	c := &state.OwnClient{Client: o.ports.Locker.Client(label, ttl), Number: number, Label: label, TTL: ttl}
	o.Clients = append(o.Clients, c)
	o.Tasks.keep(c.Client)
	return c
}

func (o *ownClients) open(a nav.OpenClient) nav.Action {
	return o.control(nav.ControlClient{Client: o.add(a.Label, a.TTL), To: nav.ClientOpen})
}

// control begins what the user wants of a client.
func (o *ownClients) control(a nav.ControlClient) nav.Action {
	c, life := a.Client, a.Client.State().Life
	lives := life == backend.Alive || life == backend.Paused
	switch {
	case c.Doing != "":
		return nav.Fail(c.String() + ": is " + c.Doing)
	case a.To == nav.ClientOpen && lives:
		return nav.Note(c.String() + ": is open")
	case a.To == nav.ClientClose && !lives:
		return o.remove(c)
	case a.To != nav.ClientOpen && !lives:
		return nav.Fail(c.String() + ": has no open session; " + o.KeyOn(nav.KindClients.String(), "o") + " on the Clients screen opens one")
	}
	client, ctx := c.Client, o.Tasks.Ctx
	switch {
	case a.To == nav.ClientOpen:
		return o.doing(c, "opening", "open", func() error { return client.Open(ctx) })
	case a.To == nav.ClientCrash:
		return o.crash(c)
	case a.To == nav.ClientClose:
		o.endAll(c, "")()
		return o.closing(c)
	case life == backend.Paused:
		return o.doing(c, "resuming", "resumed", func() error { client.Resume(); return nil })
	default:
		return o.doing(c, "pausing", "paused, like a stopped process", func() error { client.Pause(); return nil })
	}
}

// crash ends a session without telling etcd. Its requests are lost at once,
// whatever etcd still says of them.
func (o *ownClients) crash(c *state.OwnClient) nav.Action {
	client, cancel := c.Client, o.endAll(c, "lost in the crash")
	return o.doing(c, "crashing", "crashed; its lease expires by itself", func() error {
		client.Crash()
		cancel() // and not before: a request that is canceled is removed from etcd
		return nil
	})
}

func (o *ownClients) doing(c *state.OwnClient, what, done string, do func() error) nav.Action {
	c.Doing = what
	return o.background(func() tea.Msg { return clientMsg{client: c, done: done, err: do()} })
}

// closing closes the session of a client, which revokes its lease.
func (o *ownClients) closing(c *state.OwnClient) nav.Action {
	c.Doing = "closing"
	client, lease := c.Client, c.State().Lease
	return o.background(func() tea.Msg {
		return clientMsg{client: c, done: "closed, its lease revoked", lease: lease, err: client.Close()}
	})
}

func (msg clientMsg) Apply(e *Effects) nav.Action {
	msg.client.Doing = ""
	said := nav.Say{Kind: state.EntryOwn, Text: msg.client.String() + ": " + msg.done}
	if msg.err != nil {
		said = nav.Say{Kind: state.EntryError, Text: msg.client.String() + ": " + format.Plainly(msg.err)}
	}
	if msg.lease == 0 {
		return said
	}
	return nav.Batch{said, e.commands.closed(msg.client, msg.lease, msg.err)}
}

// endAll ends the requests of a client, and returns what cancels their waiting.
// If they are lost, the client remembers them.
func (o *ownClients) endAll(c *state.OwnClient, loss string) (cancel func()) {
	var cancels []func()
	for _, r := range slices.Clone(o.Requests) {
		if r.Client != c {
			continue
		}
		cancels = append(cancels, r.Cancel)
		r.Cancel = func() {}
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

// remove removes a client whose session has ended from the list. The first stays.
func (o *ownClients) remove(c *state.OwnClient) nav.Action {
	c.Ended = nil
	if c.Number == 1 {
		return nav.Flash{Text: c.String() + ": stays on the list; it opens when needed"}
	}
	o.endAll(c, "")()
	o.Clients = slices.DeleteFunc(o.Clients, func(other *state.OwnClient) bool { return other == c })
	return nav.Flash{Text: c.String() + ": removed from the list"}
}
