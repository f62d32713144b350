package tui

import (
	"context"
	"slices"
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"
)

// The client that takes locks where none was chosen.
const (
	firstClient = "tui"
	firstTTL    = 10 * time.Second
)

// endedKept is how many requests that ended badly a client shows.
const endedKept = 3

// ourClient is a client of the user of the screens. Only the root's Update
// changes it.
type ourClient struct {
	Client
	number int
	label  string
	ttl    time.Duration // that was asked for
	doing  string        // what is under way, empty: nothing
	ended  []*ourRequest // that ended badly, oldest first
}

func (c *ourClient) String() string { return "client " + strconv.Itoa(c.number) + " " + c.label }

// turn is what can be done to a client.
type turn int

const (
	turnOpen turn = iota
	turnPause
	turnCrash
	turnClose
)

// openClientMsg makes a client and opens its session. turnMsg does something to
// one, turnedMsg says what came of it. leaveMsg gives a request of ours back.
type (
	openClientMsg struct {
		label string
		ttl   time.Duration
	}
	turnMsg struct {
		client *ourClient
		turn   turn
	}
	turnedMsg struct {
		client *ourClient
		done   string
		err    error
	}
	leaveMsg struct{ request *ourRequest }
)

// canTake reports whether locks can be taken.
func (c *common) canTake() bool { return c.opts.Locker != nil && !c.opts.ReadOnly }

func (m *model) addClient(label string, ttl time.Duration) *ourClient {
	number := 1
	if n := len(m.clients); n > 0 {
		number = m.clients[n-1].number + 1
	}
	c := &ourClient{Client: m.opts.Locker.Client(label, ttl), number: number, label: label, ttl: ttl}
	m.clients = append(m.clients, c)
	m.tasks.keep(c.Client)
	return c
}

func (m *model) openClient(msg openClientMsg) tea.Cmd {
	return m.turnClient(turnMsg{m.addClient(msg.label, msg.ttl), turnOpen})
}

// turnClient begins what the user wants of a client. What a session that ends
// held or waited for is over at once, whatever etcd still says of it.
func (m *model) turnClient(msg turnMsg) tea.Cmd {
	c, life := msg.client, msg.client.State().Life
	if c.doing != "" {
		return m.fail(c.String() + ": is " + c.doing)
	}
	lives := life == Alive || life == Paused
	switch {
	case msg.turn == turnOpen && lives:
		return m.say(c.String() + ": is open")
	case msg.turn == turnClose && !lives:
		m.forget(c)
		return nil
	case msg.turn != turnOpen && !lives:
		return m.fail(c.String() + ": has no session that lives; o on Clients opens one")
	}
	client, ctx := c.Client, m.tasks.ctx
	switch msg.turn {
	case turnOpen:
		return m.turning(c, "opening", "open", func() error { return client.Open(ctx) })
	case turnPause:
		if life == Paused {
			return m.turning(c, "resuming", "goes on", func() error { client.Resume(); return nil })
		}
		return m.turning(c, "pausing", "paused, as a stopped process is", func() error { client.Pause(); return nil })
	case turnCrash:
		end := m.dropAll(c, "lost by the crash")
		return m.turning(c, "crashing", "crashed: its lease runs out", func() error {
			client.Crash()
			end() // and not before: what is cancelled is taken back
			return nil
		})
	default:
		m.dropAll(c, "")()
		return m.turning(c, "closing", "closed, its lease revoked", client.Close)
	}
}

func (m *model) turning(c *ourClient, doing, done string, do func() error) tea.Cmd {
	c.doing = doing
	return m.tasks.cmd(func() tea.Msg { return turnedMsg{c, done, do()} })
}

func (m *model) turned(msg turnedMsg) tea.Cmd {
	msg.client.doing = ""
	if msg.err != nil {
		m.tell(entryError, msg.client.String()+": "+plainly(msg.err))
	} else {
		m.tell(entryOurs, msg.client.String()+": "+msg.done)
	}
	return nil
}

// dropAll drops what a client holds and waits for, and returns what ends that.
// Where it is a loss, it is remembered.
func (m *model) dropAll(c *ourClient, loss string) (end func()) {
	var cancels []context.CancelFunc
	for _, r := range slices.Clone(m.ours) {
		if r.client != c {
			continue
		}
		cancels = append(cancels, r.cancel)
		r.cancel = func() {}
		if loss == "" {
			m.drop(r)
		} else {
			m.end(r, loss)
		}
	}
	return func() {
		for _, cancel := range cancels {
			cancel()
		}
	}
}

// forget takes a client whose session has ended off the list. The first stays.
func (m *model) forget(c *ourClient) {
	c.ended = nil
	if c.number == 1 {
		m.flashUp(flashInfo, c.String()+": stays; it opens when it is needed")
		return
	}
	m.dropAll(c, "")()
	m.clients = slices.DeleteFunc(m.clients, func(o *ourClient) bool { return o == c })
	m.flashUp(flashInfo, c.String()+": off the list")
}
