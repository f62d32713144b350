package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"go.uber.org/goleak"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
	"etcd-lock/tui/effects"
	"etcd-lock/tui/looptest"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/widget"
)

func TestMain(m *testing.M) {
	// teatest waits for an interrupt for ever.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/charmbracelet/x/exp/teatest/v2.NewTestModel.func2"))
}

// patience is how long a fact may take to come true on a busy machine.
const patience = 20 * time.Second

// clock is a time that only tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// driver runs a model without a terminal: the test's goroutine is the event
// loop, and goes on until a fact is true.
type driver struct {
	t       *testing.T
	m       *Model
	clock   *clock
	cluster *backendtest.Cluster
	loop    looptest.Loop
}

func newDriver(t *testing.T, change func(*backend.Options)) *driver {
	t.Helper()
	ck := newClock()
	c := backendtest.NewCluster(ck.Now)
	o := backend.Options{Prefixes: keyspace.Prefixes{"/"}, Endpoint: "127.0.0.1:2379", Source: c, Health: c, Locker: c, Now: ck.Now}
	if change != nil {
		change(&o)
	}
	ctx, cancel := context.WithCancel(t.Context())
	d := &driver{t: t, m: New(ctx, o), clock: ck, cluster: c, loop: looptest.New(ctx)}
	d.m.effects.Pause = 0 // who waits for a fact need not wait for that too
	t.Cleanup(func() {
		cancel()
		if err := d.m.Close(patience); err != nil {
			t.Error(err)
		}
	})
	d.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	d.loop.Start(d.m.Init())
	d.until("connected", func() bool { return d.m.Connected() })
	d.idle() // the preferences too
	if o.Health != nil {
		d.send(tickMsg{}) // not when the next real second happens to pass
		d.until("etcd's status is known", func() bool { return d.m.effects.Idle() && !d.m.Status.At.IsZero() })
	}
	return d
}

func (d *driver) send(msg tea.Msg) {
	_, cmd := d.m.Update(msg)
	d.loop.Start(cmd)
}

func (d *driver) until(what string, holds func() bool) {
	d.t.Helper()
	deadline := time.After(patience)
	for !holds() {
		select {
		case msg := <-d.loop.Messages:
			d.send(msg)
		case <-deadline:
			d.t.Fatalf("never: %s\n%s", what, d.plain())
		}
	}
}

// press sends keys: a word is a key's name, other text is typed.
func (d *driver) press(keys ...string) {
	for _, k := range keys {
		d.send(keyPress(k))
	}
}

// take presses a key that requests a lock, and says yes if others use that.
func (d *driver) take(key string) {
	d.t.Helper()
	d.press(key)
	if d.m.asked != nil {
		d.press("y")
	}
}

func (d *driver) typed(text string) {
	for _, r := range text {
		d.send(keyPress(string(r)))
	}
}

func keyPress(name string) tea.KeyPressMsg {
	named := map[string]tea.Key{
		"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "tab": {Code: tea.KeyTab},
		"space": {Code: tea.KeySpace, Text: " "}, "down": {Code: tea.KeyDown}, "up": {Code: tea.KeyUp},
		"pgdown": {Code: tea.KeyPgDown}, "backspace": {Code: tea.KeyBackspace}, "end": {Code: tea.KeyEnd},
		"f1": {Code: tea.KeyF1}, "f2": {Code: tea.KeyF2}, "f3": {Code: tea.KeyF3},
		"left": {Code: tea.KeyLeft}, "right": {Code: tea.KeyRight}, "shift+tab": {Code: tea.KeyTab, Mod: tea.ModShift},
	}
	if k, ok := named[name]; ok {
		return tea.KeyPressMsg(k)
	}
	if letter, ok := strings.CutPrefix(name, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: rune(letter[0]), Mod: tea.ModCtrl}
	}
	return tea.KeyPressMsg{Code: []rune(name)[0], Text: name}
}

// plain is the screen without its styles.
func (d *driver) plain() string { return ansi.Strip(d.m.screen()) }

func (d *driver) mustShow(text string) {
	d.t.Helper()
	if !strings.Contains(d.plain(), text) {
		d.t.Errorf("the screen does not show %q:\n%s", text, d.plain())
	}
}

// shownRow is a line of the screen.
type shownRow struct {
	d    *driver
	line string
}

// row finds the first line that shows a text.
func (d *driver) row(text string) shownRow {
	d.t.Helper()
	for _, l := range strings.Split(d.plain(), "\n") {
		if strings.Contains(l, text) {
			return shownRow{d, l}
		}
	}
	d.t.Fatalf("no row shows %q:\n%s", text, d.plain())
	return shownRow{}
}

// has checks that the row shows these texts too.
func (r shownRow) has(texts ...string) {
	r.d.t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.line, text) {
			r.d.t.Errorf("%q is not in the row %q", text, r.line)
		}
	}
}

func (d *driver) mustNotShow(text string) {
	d.t.Helper()
	if strings.Contains(d.plain(), text) {
		d.t.Errorf("the screen shows %q:\n%s", text, d.plain())
	}
}

func rw(name string) inspect.LockID { return inspect.LockID{Layout: layout.RWLock, Name: name} }

// put adds somebody else's request, made ago.
func (d *driver) put(name string, mode keyspace.Mode, ago time.Duration) inspect.Request {
	r := d.cluster.Put(inspect.Request{
		Lock: rw(name), Mode: mode, Lease: 0x694d8f9b0a1c0001, Owned: true, Since: d.clock.Now().Add(-ago),
		Owner: keyspace.Owner{Host: "web-1", PID: 42, Program: "worker"}.Ref(),
	})
	d.until("the request is on the screen", func() bool { return d.m.Live.Revision >= r.Revision })
	return r
}

// queue is the queue of the lock under the cursor of the home.
func (d *driver) queue() []inspect.Request {
	l, _ := d.m.Shown().Find(rw(d.selected()))
	return l.Queue
}

// diagnosed goes on until what is wrong has been found.
func (d *driver) diagnosed() {
	d.t.Helper()
	d.idle()
	d.clock.add(5 * time.Second) // after which it is diagnosed in any case
	d.send(tickMsg{})
	d.until("diagnosed", func() bool { return d.m.effects.Idle() && d.m.Live.Verdict.Snapshot.Revision == d.m.Live.Revision })
}

// in goes on until a screen is in front.
func (d *driver) in(name string) {
	d.t.Helper()
	d.until("in front: "+name, func() bool { return d.m.screens.Front().Ref().Kind.String() == name })
}

// show puts a snapshot on the screen as if it came from the source.
func (d *driver) show(s inspect.Snapshot) {
	d.send(effects.UpdateMsg{Update: inspect.Update{Snapshot: s}, OK: true})
}

func (d *driver) names() string {
	var names []string
	for _, row := range d.home().Sheet().Rows {
		names = append(names, row[1])
	}
	return strings.Join(names, " ")
}

func (d *driver) selected() string {
	return strings.Join(d.home().Copied(), " ")
}

// hostile is a snapshot of everything that could break a screen.
func hostile(now time.Time) inspect.Snapshot {
	names := []string{
		"/\x1b[31mred\x1b[2J", "/two\nlines\r\tand a tab", "/" + strings.Repeat("long", 1024), "/\xff\xfe invalid",
		"/日本語の名前がとても長い場合でも崩れない", "/👍🏽👩‍👩‍👧❤️🇩🇪", "/\u202eevil", "/\u0085\u009b31m", "/e\u0301\u0301\u0301", "/क्षि", "",
	}
	s := inspect.Snapshot{Revision: 1 << 62, Other: 3}
	for i, n := range names {
		l := inspect.Lock{ID: rw(n)}
		for j := range 3 * i {
			l.Queue = append(l.Queue, inspect.Request{
				Key: fmt.Sprint(n, "/write/", j), Lock: l.ID, Mode: keyspace.Write, Lease: -1 - int64(j),
				Revision: int64(j + 1), Holding: j == 0, Owned: true, Since: now.Add(time.Hour),
				Owner: keyspace.Owner{Host: n, Program: n, Label: n, PID: -5}.Ref(),
			})
		}
		s.Locks = append(s.Locks, l)
	}
	return s
}

// do has the root do an action, as if a screen had asked for it.
func (d *driver) do(a nav.Action) { d.loop.Start(d.m.perform(a)) }

// home is the table of all locks, grid the one of the screen in front.
func (d *driver) home() widget.Grid { return d.m.screens.Views[nav.KindLocks].Grid() }
func (d *driver) grid() widget.Grid { return d.m.screens.Front().Grid() }

// idle goes on until all that was asked for has been answered.
func (d *driver) idle() {
	d.t.Helper()
	d.until("all is answered", d.m.effects.Idle)
}

// cursorOn moves the cursor to the first row that shows a text.
func (d *driver) cursorOn(text string) {
	d.t.Helper()
	d.press("g")
	for range d.grid().Sheet().Rows {
		for _, l := range strings.Split(d.plain(), "\n") {
			if strings.HasPrefix(l, ">") && strings.Contains(l, text) {
				return
			}
		}
		d.press("j")
	}
	d.t.Fatalf("no row shows %q:\n%s", text, d.plain())
}

// column is the cells of a column of the table in front, as it is exported.
func (d *driver) column(name string) []string {
	s := d.grid().Sheet()
	var cells []string
	for _, row := range s.Rows {
		cells = append(cells, row[slices.Index(s.Heading, name)])
	}
	return cells
}
