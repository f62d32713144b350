// Package clusters is the root of the UI: it holds a model for each cluster that is open, of
// which one is in front. What they do in the background goes on in all of them.
package clusters

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/tui/app"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/effects"
	"etcd-lock/tui/nav"
)

// Model is the root of a program: its only tea.Model. It passes keys to the cluster in
// front, what the terminal says to all, and what a command returns to the cluster that
// began it.
type Model struct {
	contexts backend.Contexts // nil: there is only the cluster that it began with
	tasks    *effects.Tasks
	mu       sync.Mutex // of open, for Close
	open     []*cluster
	front    *cluster
	before   *cluster // that was in front before; nil: none was
	opening  string   // the context that is connected to; empty: none
	size     tea.WindowSizeMsg
	colour   *tea.BackgroundColorMsg // nil: the terminal has not said
}

// cluster is one that is open.
type cluster struct {
	*app.Model
	end func() // its connection
}

// The messages of this package.
type (
	// clusterMsg is what a command of a cluster returned.
	clusterMsg struct {
		to  *cluster
		msg tea.Msg
	}
	// openedMsg says how connecting to a context ended.
	openedMsg struct {
		name    string
		options backend.Options
		end     func()
		err     error
	}
	// passwordMsg brings the password of a context.
	passwordMsg struct {
		name, password string
		err            error
	}
)

// New returns the UI on a cluster, whose connection is somebody else's to end. Others are
// opened when the user goes to them.
func New(ctx context.Context, o backend.Options) *Model {
	m := &Model{contexts: o.Contexts, tasks: effects.NewTasks(ctx)}
	m.front = m.add(o, func() {})
	return m
}

// add makes the model of a cluster.
func (m *Model) add(o backend.Options, end func()) *cluster {
	c := &cluster{Model: app.New(m.tasks.Ctx, o), end: end}
	c.Embed(func(msg tea.Msg) tea.Msg { return clusterMsg{c, msg} }, m.goTo)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = append(m.open, c)
	return c
}

// Init starts the cluster that the UI begins with.
func (m *Model) Init() tea.Cmd { return m.front.Init() }

// Update handles one message. It does no I/O.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case clusterMsg:
		return m, msg.to.update(msg.msg)
	case tea.WindowSizeMsg:
		m.size = msg
		return m, m.all(msg)
	case tea.BackgroundColorMsg:
		m.colour = &msg
		return m, m.all(msg)
	case passwordMsg:
		return m, m.connect(msg)
	case openedMsg:
		return m, m.opened(msg)
	default:
		return m, m.front.update(msg)
	}
}

func (c *cluster) update(msg tea.Msg) tea.Cmd {
	_, cmd := c.Update(msg)
	return cmd
}

// all passes a message to all clusters.
func (m *Model) all(msg tea.Msg) tea.Cmd {
	var cmds []tea.Cmd
	for _, c := range m.open {
		cmds = append(cmds, c.update(msg))
	}
	return tea.Batch(cmds...)
}

// View returns the screen of the cluster in front.
func (m *Model) View() tea.View { return m.front.View() }

// goTo goes to a context, and connects to it first if it is not open.
func (m *Model) goTo(name string) tea.Cmd {
	if name == backend.ContextBefore && m.before != nil {
		return m.show(m.before)
	}
	for _, c := range m.open {
		if c.Name() == name {
			return m.show(c)
		}
	}
	if m.opening != "" {
		return m.front.Perform(nav.Fail("ctx: still connecting to " + m.opening))
	}
	for _, c := range m.contexts.List() {
		if c.Name == name && c.Password {
			m.opening = name
			return m.askPassword(name)
		}
	}
	return m.connect(passwordMsg{name: name})
}

// show puts a cluster in front.
func (m *Model) show(c *cluster) tea.Cmd {
	if m.front != c {
		m.before, m.front = m.front, c
	}
	return tea.Batch(c.Arrive(), c.update(m.size), c.Perform(nav.Flash{Text: strings.TrimSpace("context " + c.Name())}))
}

// connect connects to a context in the background: what is in front goes on.
func (m *Model) connect(to passwordMsg) tea.Cmd {
	m.opening = ""
	if to.err != nil {
		return m.front.Perform(nav.Fail("ctx " + to.name + ": " + to.err.Error()))
	}
	m.opening = to.name
	ctx, contexts := m.tasks.Ctx, m.contexts
	return tea.Batch(m.front.Perform(nav.Flash{Text: "connecting to " + to.name + " …"}), m.tasks.Cmd(func() tea.Msg {
		o, end, err := contexts.Open(ctx, to.name, to.password)
		if err == nil && ctx.Err() != nil { // nobody takes it any more
			end()
			return nil
		}
		return openedMsg{to.name, o, end, err}
	}))
}

// opened puts a cluster in front that has answered.
func (m *Model) opened(msg openedMsg) tea.Cmd {
	m.opening = ""
	if msg.err != nil {
		return m.front.Perform(nav.Fail("ctx " + msg.name + ": " + msg.err.Error()))
	}
	c := m.add(msg.options, msg.end)
	begin := []tea.Cmd{c.Init()}
	if m.colour != nil {
		begin = append(begin, c.update(*m.colour))
	}
	return tea.Batch(append(begin, m.show(c))...)
}

// askPassword gives the terminal to the prompt for a password.
func (m *Model) askPassword(name string) tea.Cmd {
	ctx, contexts, password := m.tasks.Ctx, m.contexts, ""
	ask := func() (err error) {
		password, err = contexts.Password(ctx, name)
		return err
	}
	return tea.Exec(effects.OnTerminal(ask), func(err error) tea.Msg { return passwordMsg{name, password, err} })
}

// Close ends what the UI has begun, in all clusters at once: what the user holds is
// released. It waits for that at most timeout.
func (m *Model) Close(timeout time.Duration) error {
	m.mu.Lock()
	open := m.open
	m.mu.Unlock()
	errs := make([]error, len(open)+1)
	var wg sync.WaitGroup
	for i, c := range open {
		wg.Go(func() {
			errs[i] = c.Close(timeout)
			c.end()
		})
	}
	wg.Go(func() { errs[len(open)] = m.tasks.Close(timeout) })
	wg.Wait()
	return errors.Join(errs...)
}
