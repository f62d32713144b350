// Package clusters is the root of the UI: it holds a model for each cluster that is open, of
// which one is in front. What they do in the background goes on in all of them.
package clusters

import (
	"context"
	"errors"
	"slices"
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
	group    *group          // that is shown in one table, of which one is in front; nil: only that one is shown
	before   place           // that was shown before
	wanted   string          // the context that is shown once it is open; empty: none
	next     *group          // that is shown once one of it is open; nil: none
	opening  map[string]bool // the contexts that are connected to
	size     tea.WindowSizeMsg
	colour   *tea.BackgroundColorMsg // nil: the terminal has not said

	retryAfter time.Duration // after it failed, a member of the group is connected to again
}

// cluster is one that is open.
type cluster struct {
	*app.Model
	end func() // its connection
}

// place is what can be shown: a cluster or, if that is nil, several contexts.
type place struct {
	one   *cluster
	names []string
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
	// retryMsg says that a member of a group is to be connected to again.
	retryMsg struct {
		of     *group
		member *member
	}
)

// New returns the UI on a cluster, whose connection is somebody else's to end. Others are
// opened when the user goes to them.
func New(ctx context.Context, o backend.Options) *Model {
	m := newModel(ctx, o.Contexts)
	m.front = m.add(o, func() {})
	return m
}

func newModel(ctx context.Context, contexts backend.Contexts) *Model {
	return &Model{contexts: contexts, tasks: effects.NewTasks(ctx), opening: map[string]bool{}, retryAfter: usualRetry}
}

// add makes the model of a cluster.
func (m *Model) add(o backend.Options, end func()) *cluster {
	c := &cluster{Model: app.New(m.tasks.Ctx, o), end: end}
	c.Embed(func(msg tea.Msg) tea.Msg { return clusterMsg{c, msg} }, m.goTo, m.goIn, m.allOpen)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = append(m.open, c)
	return c
}

// allOpen returns the clusters that are open, shown or not.
func (m *Model) allOpen() []*nav.Context {
	var all []*nav.Context
	for _, c := range m.open {
		all = append(all, c.Context)
	}
	return all
}

// Init starts the clusters that the UI begins with.
func (m *Model) Init() tea.Cmd {
	var cmds []tea.Cmd
	for _, c := range m.open {
		cmds = append(cmds, c.Init())
	}
	if m.group != nil {
		cmds = append(cmds, m.retryAll())
	}
	return tea.Batch(cmds...)
}

// Update handles one message. It does no I/O.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	cmd := m.handle(msg)
	return m, tea.Batch(cmd, m.follow())
}

func (m *Model) handle(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case clusterMsg:
		cmd := msg.to.update(msg.msg)
		if m.group != nil && msg.to != m.front {
			cmd = tea.Batch(cmd, m.front.Redraw())
		}
		return cmd
	case tea.WindowSizeMsg:
		m.size = msg
		return m.all(msg)
	case tea.BackgroundColorMsg:
		m.colour = &msg
		return m.all(msg)
	case passwordMsg:
		return m.answered(msg)
	case openedMsg:
		return m.opened(msg)
	case retryMsg:
		return m.retried(msg)
	default:
		return m.front.update(msg)
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

// goTo goes to a context or to several, and connects to those first that are not open.
func (m *Model) goTo(to string) tea.Cmd {
	names := m.named(to)
	switch {
	case to == backend.ContextBefore && m.before.one != nil:
		return m.show(m.before.one)
	case to == backend.ContextBefore && m.before.names == nil:
		return m.front.Perform(nav.Flash{Text: "no other context was shown before"})
	case len(names) > 1:
		return m.goToSeveral(names)
	}
	if c := m.find(names[0]); c != nil {
		return m.show(c)
	}
	m.wanted, m.next = names[0], nil
	return tea.Batch(m.front.Perform(nav.Flash{Text: "connecting to " + names[0] + " …"}), m.begin(names[0]))
}

// named returns the contexts that a text names, each once.
func (m *Model) named(to string) []string {
	var known, names []string
	for _, c := range m.contexts.List() {
		known = append(known, c.Name)
	}
	switch {
	case to == backend.ContextBefore:
		return m.before.names
	case to == backend.ContextAll && !slices.Contains(known, to):
		return known
	}
	for name := range strings.SplitSeq(to, ",") {
		if name = strings.TrimSpace(name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// find returns the cluster of a context, nil if it is not open.
func (m *Model) find(name string) *cluster {
	for _, c := range m.open {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

// remember notes what is shown, before something else is.
func (m *Model) remember() {
	m.before = place{one: m.front}
	if m.group != nil {
		m.before = place{names: m.group.names()}
	}
}

// show puts a cluster in front, alone.
func (m *Model) show(c *cluster) tea.Cmd {
	if m.front != c || m.group != nil {
		m.remember()
	}
	m.wanted, m.next = "", nil
	left := m.leave()
	m.front = c
	c.Arrive()
	return tea.Batch(left, c.update(m.size), c.Perform(nav.Flash{Text: strings.TrimSpace("context " + c.Name())}))
}

// begin connects to a context, after it has asked for a password if it needs one, unless
// that is going on already. What is in front goes on.
func (m *Model) begin(name string) tea.Cmd {
	if m.opening[name] {
		return nil
	}
	m.opening[name] = true
	if m.needsPassword(name) {
		return m.askPassword(name)
	}
	return m.connect(name, "")
}

func (m *Model) needsPassword(name string) bool {
	return slices.ContainsFunc(m.contexts.List(), func(c backend.Context) bool { return c.Name == name && c.Password })
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

// answered goes on with the password of a context.
func (m *Model) answered(msg passwordMsg) tea.Cmd {
	if msg.err != nil {
		return m.opened(openedMsg{name: msg.name, err: msg.err})
	}
	for _, g := range []*group{m.group, m.next} {
		if member := g.find(msg.name); member != nil {
			member.password = msg.password
		}
	}
	return m.connect(msg.name, msg.password)
}

// connect connects to a context in the background.
func (m *Model) connect(name, password string) tea.Cmd {
	m.opening[name] = true
	ctx, contexts := m.tasks.Ctx, m.contexts
	return m.tasks.Cmd(func() tea.Msg {
		o, end, err := contexts.Open(ctx, name, password)
		if err == nil && ctx.Err() != nil { // nobody takes it any more
			end()
			return nil
		}
		return openedMsg{name, o, end, err}
	})
}

// opened takes in a cluster that has answered, and shows it if that is wanted.
func (m *Model) opened(msg openedMsg) tea.Cmd {
	delete(m.opening, msg.name)
	if msg.err != nil {
		return m.failed(msg)
	}
	c := m.add(msg.options, msg.end)
	begin := []tea.Cmd{c.Init()}
	if m.colour != nil {
		begin = append(begin, c.update(*m.colour))
	}
	switch in, of := m.group.find(msg.name), m.next.find(msg.name); {
	case m.wanted == msg.name:
		begin = append(begin, m.show(c))
	case of != nil:
		of.cluster = c
		begin = append(begin, m.showGroup(m.next))
	case in != nil:
		in.cluster = c
		begin = append(begin, c.update(m.size), m.join(c))
	}
	return tea.Batch(begin...)
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
