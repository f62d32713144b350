package tui

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
)

// model is the root: the only tea.Model. It routes messages to the screens,
// takes in what etcd tells, and draws the frame around the screen in front.
type model struct {
	*common
	updates <-chan inspect.Update
	pause   time.Duration // after each of these; updatePause but for tests
	nav     navigation
	doctor  doctor

	width, height int
	dark          bool // as the terminal says
	ascii         bool // nothing else is drawn: it was chosen, or the terminal shows no more
	mode          mode
	dialog        *dialog // nil: none is open
	flash         flash
	help          helpView
	input         lineInput
	prompt        prompt   // of modePrompt
	offers        []string // what the command line may go on to be
	candidates    []string // that it is completed with in turns
	candidate     int
	lastID        uint64 // of our requests
	asking        bool   // for etcd's status
	saving        bool   // the preferences
	unsaved       bool   // what was chosen while they were saved
	sampled       time.Time
	frame         frame
	travel        travel
	gone          *goneNote // nil: nothing is to be told

	locks     *locksScreen
	scenarios *scenariosScreen
}

// mode is what the keys go to when no dialog is open.
type mode int

const (
	modeBrowse mode = iota
	modeFilter
	modePrompt
	modeCommand
	modeHelp
)

// updatePause is the least time between two updates that are taken from the
// source. What happens meanwhile comes with the next one. It is less often than
// could be drawn: ten pictures a second are lively enough, and cost a third.
const updatePause = time.Second / 10

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
	prefs := DefaultPrefs()
	c := &common{
		data: &data{}, opts: &o, tasks: newTasks(ctx), global: newKeyMap(), prefs: &prefs,
		theme: newTheme(true, o.NoColor), now: o.Now(),
	}
	m := &model{common: c, pause: updatePause, dark: true, ascii: o.ASCII, locks: newLocksScreen(c), scenarios: newScenariosScreen(c)}
	c.journal.began, m.sampled = c.now, c.now
	m.nav.views = map[int]screen{
		viewLocks:    m.locks,
		viewSessions: newSessionsScreen(c),
		viewProblems: newProblemsScreen(c),
		viewClients:  newClientsScreen(c),
		viewEvents:   newEventsScreen(c),
	}
	c.global.travel(o.Past != nil)
	c.global.scenarios.SetEnabled(m.scenarios.available())
	if o.Past != nil {
		m.nav.views[viewPast] = newPastScreen(c)
	}
	if m.scenarios.available() {
		m.nav.views[viewScenarios] = m.scenarios
	}
	for number := 1; number <= maxView; number++ {
		if s, ok := m.nav.views[number]; ok {
			n := string(rune('0' + number))
			c.global.views = append(c.global.views, bind(n, s.name(), n))
		}
	}
	m.nav.stack = []screen{m.locks}
	if c.canTake() {
		m.addClient(firstClient, firstTTL)
	}
	return m
}

// Init starts the watch and the clock.
func (m *model) Init() tea.Cmd {
	m.updates = m.opts.Source.Watch(m.tasks.ctx, m.opts.Prefix)
	return tea.Batch(tea.RequestBackgroundColor, m.waitUpdate(0), m.tick(), m.loadPrefs())
}

// waitUpdate waits for an update, but not before pause is over: what comes
// faster than it can be drawn is taken together.
func (m *model) waitUpdate(pause time.Duration) tea.Cmd {
	updates, done := m.updates, m.tasks.ctx.Done()
	return m.tasks.cmd(func() tea.Msg {
		if !sleep(done, pause) {
			return nil
		}
		u, ok := <-updates
		return updateMsg{update: u, ok: ok}
	})
}

func (m *model) tick() tea.Cmd {
	done := m.tasks.ctx.Done()
	return m.tasks.cmd(func() tea.Msg {
		if !sleep(done, time.Second) {
			return nil
		}
		return tickMsg{}
	})
}

// Update handles one message. It does no I/O.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m.now = m.opts.Now()
	cmds := []tea.Cmd{m.route(msg)}
	for len(m.requests) > 0 {
		next := m.requests[0]
		m.requests = m.requests[1:]
		cmds = append(cmds, m.serve(next))
	}
	return m, tea.Batch(tea.Batch(cmds...), m.settle(), m.frame.request(msg, m.now, m.tasks))
}

func (m *model) route(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		m.dark = msg.IsDark()
		m.restyle()
	case tea.KeyPressMsg:
		return m.key(msg)
	case tea.PasteMsg:
		return m.paste(msg)
	case tea.MouseMsg:
		return m.mouse(msg)
	case tickMsg:
		return tea.Batch(m.tick(), m.second())
	case updateMsg:
		return m.updated(msg)
	case diagnosedMsg:
		return m.diagnosed(msg)
	case leasesMsg:
		return m.gotLeases(msg)
	case statusMsg:
		m.gotStatus(msg)
	case explainedMsg:
		m.explained(msg)
	case prefsMsg:
		m.gotPrefs(msg)
	case savedMsg:
		return m.saved(msg)
	case exportedMsg:
		m.exported(msg)
	case ticketMsg:
		return m.gotTicket(msg)
	case waitedMsg:
		return m.waited(msg)
	case releasedMsg:
		return m.released(msg)
	case lostMsg:
		return m.lost(msg)
	case turnedMsg:
		return m.turned(msg)
	default:
		return m.serve(msg)
	}
	return nil
}

// serve does what a screen has asked the root for.
func (m *model) serve(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case openMsg:
		return m.enter(msg.screen)
	case viewMsg:
		m.nav.view(msg.number)
		return m.arrive()
	case askMsg:
		m.openDialog(msg.dialog)
	case releaseMsg:
		return m.plan(msg)
	case plannedMsg:
		m.planned(msg)
	case carriedMsg:
		m.carried(msg)
	case stepMsg, revisionMsg, grantMsg, readMsg, trailMsg, pastMsg:
		return m.travelled(msg)
	case sayMsg:
		kind := entryNote
		if msg.kind == flashError {
			kind = entryError
		}
		m.tell(kind, msg.text)
	case noteMsg:
		m.tell(msg.kind, msg.text)
	case stillMsg:
		return m.stand(msg.still)
	case takeMsg:
		return m.take(msg)
	case giveMsg:
		return m.unlock(msg.lock, msg.key)
	case turnMsg:
		return m.turnClient(msg)
	case openClientMsg:
		return m.openClient(msg)
	case leaveMsg:
		return m.leave(msg.request)
	case nameMsg:
		m.openName()
	case completedMsg:
		m.completed(msg)
	case promptMsg:
		m.openPrompt(msg.prompt)
	default:
		return m.tellAll(msg)
	}
	return nil
}

// tellAll passes a message to every screen that there is.
func (m *model) tellAll(msg tea.Msg) tea.Cmd {
	var cmds []tea.Cmd
	for _, s := range m.nav.all() {
		cmds = append(cmds, s.update(msg))
	}
	return tea.Batch(cmds...)
}

// arrive brings the screen that has come to the front up to date.
func (m *model) arrive() tea.Cmd {
	w, h := m.body()
	s := m.nav.current()
	return tea.Batch(s.update(sizeMsg{w, h}), s.update(refreshMsg{}))
}

// settle brings the screen in front into line with the size, and looks up what
// is due.
func (m *model) settle() tea.Cmd {
	w, h := m.body()
	s := m.nav.current()
	cmd := s.update(sizeMsg{w, h})
	if !m.connected() {
		return tea.Batch(cmd, m.explain())
	}
	if m.still != nil || m.width == 0 {
		return cmd
	}
	var visible []int64
	if l, ok := s.(leaser); ok {
		visible = l.leases()
	}
	return tea.Batch(cmd, m.book.fetch(m.tasks, m.opts.Source, visible, m.now), m.diagnose())
}

// body is the room of a screen: all but the header, the bar, the status line
// and the help. A small screen goes without the last ones first.
func (m *model) body() (w, h int) {
	h = m.height - 1
	for _, least := range []int{4, 8, 10} {
		if m.height >= least {
			h--
		}
	}
	return m.width, max(h, 0)
}

// View is the whole screen.
func (m *model) View() tea.View {
	v := tea.NewView(m.frame.content(m.screen))
	v.AltScreen = true
	if m.prefs.Mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	return v
}

func (m *model) screen() string {
	w, h := m.width, m.height
	if w <= 0 || h <= 0 {
		return ""
	}
	parts := []string{m.header(w)}
	if h >= 10 {
		parts = append(parts, m.bar(w))
	}
	bw, bh := m.body()
	if bh > 0 {
		parts = append(parts, fill(m.front(bw, bh), bh))
	}
	if h >= 4 {
		parts = append(parts, m.statusLine(w))
	}
	if h >= 8 {
		parts = append(parts, m.shortHelp(w))
	}
	content := clip(strings.Join(parts, "\n"), w, h)
	if m.ascii {
		return plain(content)
	}
	return content
}

// front is what the body shows.
func (m *model) front(w, h int) string {
	switch {
	case m.dialog != nil:
		return m.dialog.view(m.theme, w, h)
	case m.mode == modeHelp:
		return m.helpBody(w, h)
	default:
		return m.nav.current().view(w, h)
	}
}
