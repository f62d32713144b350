// Package app is the root of the UI: it passes messages to the screen in front
// and to the effects, does the actions that they return, and draws the frame
// around the screen: header, tabs, status line, help and dialogs.
package app

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/tui/backend"
	"etcd-lock/tui/effects"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/screens"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// Model is the root: the only tea.Model. It passes what happens to the screen in
// front or to the effects, does the actions that they return, and draws the frame
// around the screen.
type Model struct {
	*nav.Context
	effects *effects.Effects
	options backend.Options
	screens nav.Stack
	keys    []widget.Group // that work everywhere

	width, height int
	dark          bool // as the terminal says
	ascii         bool // nothing else is drawn: it was chosen, or the terminal shows no more
	line          inputLine
	help          helpView
	asked         *nav.Ask // the dialog that is open; nil: none is
	flash         flashLine
	frame         frame
	scrubber      scrubber
	hinted        map[string]bool // keys of which it was said what they do not do

	goContext func(name string) tea.Cmd // goes to other clusters; nil: there are none
	goIn      func(nav.In) tea.Cmd      // opens a lock of another one
	allOpen   func() []*nav.Context     // the clusters that are open, shown or not
	own       map[nav.Kind]nav.Screen   // views that others have taken the place of, see Join
	behind    func(nav.Flash)           // says something in front; nil: the model is in front
}

// tickMsg comes every second, so that ages and TTLs are up to date.
type tickMsg struct{}

// New returns the UI, with the screens that the options allow.
func New(ctx context.Context, o backend.Options) *Model {
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &state.Data{Now: o.Now(), Classes: o.Classes, Renamed: renamed(o.Keys)}
	style := theme.New(true, o.NoColor)
	c := &nav.Context{Data: d, Prefixes: o.Prefixes, Can: abilities(o), Tour: o.Tour, Theme: &style, Etcd: o.Context, Flags: o.Flags}
	m := &Model{Context: c, effects: effects.New(d, o, effects.NewTasks(ctx)), options: o, dark: true, hinted: map[string]bool{}, allOpen: c.All}
	m.scrubber.Context = c
	m.keys = m.bindings()
	m.line.commands = func() []command { return commands(m) }
	m.screens.Views = map[nav.Kind]nav.Screen{}
	m.addViews()
	m.screens.Open = []nav.Screen{m.screens.Views[nav.KindLocks]}
	m.takePrefs()
	return m
}

// addViews makes the views that there are now.
func (m *Model) addViews() {
	for k := nav.KindLocks; k <= nav.LastView; k++ {
		if m.screens.Views[k] == nil && offView(m.Context, k).Why == "" {
			m.screens.Views[k] = screens.New(m.Context, nav.Ref{Kind: k})
		}
	}
}

// abilities is what the user may do with what the options bring.
func abilities(o backend.Options) nav.Can {
	writes := !o.ReadOnly
	return nav.Can{
		Take: writes && o.Locker != nil, Release: writes && o.Releaser != nil, Scenarios: writes && o.Scenarios != nil,
		TimeTravel: o.Past != nil, Record: writes && o.Recorder != nil, ReadOnly: o.ReadOnly, Unlock: !o.Locked && o.Context.Name != "",
		Clock: o.Archive != nil, Recording: o.Source == nil, Limited: o.Notice != "",
	}
}

// offView is why there is no view of a kind.
func offView(c *nav.Context, k nav.Kind) widget.Off {
	switch k {
	case nav.KindScenarios:
		return c.Needs(c.Can.Scenarios)
	case nav.KindClients:
		return c.Needs(c.Can.Take || !c.Can.Recording)
	case nav.KindPast:
		return c.OffTravel()
	default:
		return widget.Off{}
	}
}

// Close ends what the UI has begun: it closes the clients of the user, which
// releases what they hold, and waits for that at most timeout.
func (m *Model) Close(timeout time.Duration) error { return m.effects.Tasks.Close(timeout) }

// Init starts the watch and the clock.
func (m *Model) Init() tea.Cmd {
	start := m.perform(m.effects.Start())
	m.sayFaults()
	return tea.Batch(tea.RequestBackgroundColor, start, m.tick())
}

func (m *Model) tick() tea.Cmd {
	done := m.effects.Tasks.Ctx.Done()
	return m.effects.Tasks.Cmd(func() tea.Msg {
		if !effects.Sleep(done, time.Second) {
			return nil
		}
		return tickMsg{}
	})
}

// Update handles one message. It does no I/O.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m.Now = m.options.Now()
	cmd := m.perform(m.handle(msg))
	return m, tea.Batch(cmd, m.settle(), m.requestFrame(msg))
}

// handle passes a message to whom it is for. Every message is for one only.
func (m *Model) handle(msg tea.Msg) nav.Action {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		m.dark = msg.IsDark()
		return nav.Restyle{}
	case tea.KeyPressMsg:
		return m.key(msg)
	case tea.PasteMsg:
		return m.typed(msg)
	case tea.MouseMsg:
		return m.mouse(msg)
	case resumedMsg:
		return m.resumed(msg)
	case tickMsg:
		return nav.Batch{nav.Do{Cmd: m.tick()}, m.effects.Second()}
	case effects.Result:
		return m.effects.Update(msg)
	}
	return nil
}

// settle fits the screen in front into the room that it has, and looks up what
// is due.
func (m *Model) settle() tea.Cmd {
	front := m.screens.Front()
	if m.behind == nil { // else it is another one's to fit
		front.Fit(m.body())
	}
	if m.width == 0 {
		return nil
	}
	see := effects.Sight{Costs: front.Ref().Kind == nav.KindHot}
	if l, ok := front.(nav.Leaser); ok {
		see.Leases = l.Leases(m.Context)
	}
	if m.InRecording() {
		see.From, see.To = m.scrubber.span()
	}
	return m.perform(m.effects.LookUp(see))
}

// body is the room of a screen: all but the header, the bar, what is said of the moment,
// the status line and the help. A small terminal goes without the last ones first.
func (m *Model) body() (w, h int) {
	h = m.height - m.top()
	for _, least := range []int{4, 8} {
		if m.height >= least {
			h--
		}
	}
	return m.width, max(h, 0)
}

// barHeight is the least height that has room for the bar.
const barHeight = 10

// top is the number of rows above the body.
func (m *Model) top() int {
	if m.height < barHeight {
		return 1
	}
	return 2 + len(m.silent()) + m.scrubber.rows(m.height) + len(m.doubts())
}

// doubts are the lines that say why the locks may have been different.
func (m *Model) doubts() []string { return doubtLines(m.Context, m.width, max(m.height/6, 1)) }

// View returns the screen.
func (m *Model) View() tea.View {
	v := tea.NewView(m.frame.content(m.screen))
	v.AltScreen = true
	if m.effects.Chosen().Mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	return v
}

func (m *Model) screen() string {
	w, h := m.width, m.height
	if w <= 0 || h <= 0 {
		return ""
	}
	parts := []string{header(m.Context, m.options.Endpoint, w)}
	if h >= barHeight {
		parts = append(parts, bar(&m.screens, m.Context, w))
		parts = append(parts, m.silent()...)
		parts = append(parts, m.scrubber.view(w, m.scrubber.rows(h))...)
		parts = append(parts, m.doubts()...)
	}
	bw, bh := m.body()
	if bh > 0 {
		parts = append(parts, term.Fill(m.front(bw, bh), bh))
	}
	if h >= 4 {
		parts = append(parts, m.statusOrInput(w))
	}
	if h >= 8 {
		parts = append(parts, footer(m.Theme, m.footerKeys(), w))
	}
	content := term.Clip(strings.Join(parts, "\n"), w, h)
	if m.ascii {
		return term.Plain(content)
	}
	return content
}

// front is what the body shows.
func (m *Model) front(w, h int) string {
	switch {
	case m.asked != nil:
		return m.asked.Dialog.View(m.Theme, w, h)
	case m.line.mode == linePick:
		return m.line.picker.View(m.Theme, w, h)
	case m.help.open:
		return m.help.view(m.Theme, m.screens.Front().Ref().Kind.String(), m.helpBlocks(), w, h)
	default:
		return m.screens.Front().View(w, h)
	}
}

// statusOrInput is the line above the keys: the input if one is open, else the
// status.
func (m *Model) statusOrInput(w int) string {
	if m.line.open() {
		return m.line.view(m.Theme, m.flash.failure(m.Now), w)
	}
	return statusLine(m.Context, &m.flash, w)
}
