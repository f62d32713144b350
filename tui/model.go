package tui

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
)

// model is the root: the only tea.Model. It routes messages to the panes and
// puts their views together.
type model struct {
	*common
	opts    Options
	tasks   *tasks
	updates <-chan inspect.Update

	width, height int
	mode          mode
	focus         focus
	conn          connection
	live, shown   inspect.Snapshot // the latest, and the one on the screen
	missed        int              // updates since it was paused
	lastID        uint64           // of our requests
	flash         flash

	locks     locksPane
	queue     queuePane
	log       logPane
	scenarios scenariosPane
	help      helpPane
	input     lineInput
}

// mode is what the keys go to.
type mode int

const (
	modeBrowse mode = iota
	modeFilter
	modeName
	modeHelp
	modeScenarios
)

// focus is the pane that the moving keys go to.
type focus int

const (
	focusLocks focus = iota
	focusQueue
	focusLog
	panes // how many there are
)

// flash is a message on the status line for a while.
type flash struct {
	kind  flashKind
	text  string
	until time.Time
}

type flashKind int

const (
	flashInfo flashKind = iota
	flashError
)

const flashTime = 6 * time.Second

// tickMsg comes every second, so that ages and TTLs go on. updateMsg brings
// what the source has sent; ok is false when it has ended.
type (
	tickMsg   struct{}
	updateMsg struct {
		update inspect.Update
		ok     bool
	}
)

func newModel(ctx context.Context, o Options) *model {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &common{styles: newStyles(true, o.NoColor), keys: newKeyMap(o), now: o.Now()}
	m := &model{
		common: c, opts: o, tasks: newTasks(ctx),
		locks: locksPane{common: c}, queue: queuePane{common: c}, log: logPane{common: c},
		scenarios: scenariosPane{common: c}, help: helpPane{common: c},
	}
	if c.keys.scenarios.Enabled() {
		m.scenarios.list = o.Scenarios.List()
	}
	return m
}

// Init starts the watch and the clock.
func (m *model) Init() tea.Cmd {
	m.updates = m.opts.Source.Watch(m.tasks.ctx, m.opts.Prefix)
	return tea.Batch(tea.RequestBackgroundColor, m.waitUpdate(), m.tick())
}

func (m *model) waitUpdate() tea.Cmd {
	updates := m.updates
	return m.tasks.cmd(func() tea.Msg {
		u, ok := <-updates
		return updateMsg{update: u, ok: ok}
	})
}

func (m *model) tick() tea.Cmd {
	done := m.tasks.ctx.Done()
	return m.tasks.cmd(func() tea.Msg {
		t := time.NewTimer(time.Second)
		defer t.Stop()
		select {
		case <-t.C:
			return tickMsg{}
		case <-done:
			return nil
		}
	})
}

// Update handles one message. It does no I/O.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m.now = m.opts.Now()
	cmd := m.route(msg)
	return m, tea.Batch(cmd, m.settle())
}

func (m *model) route(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		m.styles = newStyles(msg.IsDark(), m.opts.NoColor)
	case tea.KeyPressMsg:
		return m.key(msg)
	case tea.PasteMsg:
		if m.mode == modeFilter || m.mode == modeName {
			m.inputMsg(msg)
		}
	case tickMsg:
		return m.tick()
	case updateMsg:
		return m.updated(msg)
	case ttlsMsg:
		if err := m.queue.ttls.take(msg); err != nil && m.connected {
			m.log.add(entryError, m.now, "leases cannot be looked up: "+shortReason(err))
		}
	case ticketMsg:
		return m.gotTicket(msg)
	case waitedMsg:
		return m.waited(msg)
	case releasedMsg:
		return m.released(msg)
	case scenarioLinesMsg:
		return m.scenarioLines(msg)
	}
	return nil
}

// updated takes what the source has sent.
func (m *model) updated(msg updateMsg) tea.Cmd {
	if !msg.ok {
		return nil // the watch ends only with us
	}
	u := msg.update
	first := !m.conn.begun || m.live.Revision == 0
	if what := m.conn.note(u, m.now); what != "" {
		m.tell(entryEtcd, what)
	}
	m.connected = !m.conn.lost
	if !m.connected {
		m.queue.ttls.reset()
		return m.waitUpdate()
	}
	if u.Resynced && !first {
		m.log.add(entryEtcd, m.now, "read anew; what happened in between is not known")
	}
	for _, e := range u.Events {
		m.log.addEvent(e)
	}
	m.live = u.Snapshot
	m.watchOurs()
	if m.paused {
		m.missed++
		return m.waitUpdate()
	}
	m.show(m.live)
	return m.waitUpdate()
}

func (m *model) show(s inspect.Snapshot) {
	m.shown = s
	m.locks.setSnapshot(s)
}

// settle brings the panes into line with the size and with each other, and
// looks up the leases that have come into view.
func (m *model) settle() tea.Cmd {
	l := newLayout(m.width, m.height)
	m.locks.resize(l.body(l.locks))
	m.queue.show(m.locks.current())
	m.queue.resize(l.body(l.queue))
	m.log.resize(l.body(l.logSize()))
	if m.mode == modeHelp {
		m.help.resize(l.body(l.full))
	}
	m.scenarios.resize(l.body(l.overlay))
	if !m.connected || m.paused || m.width == 0 {
		return nil
	}
	return m.queue.ttls.fetch(m.tasks, m.opts.Source, m.queue.visible(), m.now)
}

// say puts a message on the status line.
func (m *model) say(kind flashKind, text string) {
	m.flash = flash{kind: kind, text: safe(text), until: m.now.Add(flashTime)}
}

// tell says something and logs it.
func (m *model) tell(kind entryKind, text string) {
	m.log.add(kind, m.now, text)
	say := flashInfo
	if kind == entryError {
		say = flashError
	}
	if kind == entryEtcd || kind == entryScenario { // which the log says in front of it
		text = string(kind) + " " + text
	}
	m.say(say, text)
}

// View is the whole screen.
func (m *model) View() tea.View {
	v := tea.NewView(m.screen(m.width, m.height))
	v.AltScreen = true
	return v
}

func (m *model) screen(w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	l := newLayout(w, h)
	parts := append([]string{m.header(w)}, m.panels(l)...)
	if l.status {
		parts = append(parts, m.status(w))
	}
	if l.help {
		parts = append(parts, m.shortHelp(w))
	}
	return clip(strings.Join(parts, "\n"), w, h)
}
