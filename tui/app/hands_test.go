package app

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/widget"
)

// q goes back where there is something to go back to, and says so in the bottom line.
func TestBackByQ(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/a", keyspace.Read, 0)
	d.mustShow("q quit")
	d.press("enter")
	d.in("lock")
	d.mustShow("q back")
	d.press("q")
	d.in("locks")
	d.press("3", "?")
	d.mustShow("help: problems")
	d.press("q")
	d.mustNotShow("help: problems")
	d.in("problems")
	d.press("q")
	d.in("locks")
}

// Pages and half pages go as far as is in view.
func TestPages(t *testing.T) {
	d := newDriver(t, nil)
	for i := range 40 {
		d.put("/"+strconv.Itoa(100+i), keyspace.Read, 0)
	}
	d.send(resize(80, 25)) // 11 locks in view
	d.press("N", "g")
	for _, c := range []struct{ key, at string }{
		{"ctrl+f", "/110"}, {"ctrl+d", "/115"}, {"ctrl+d", "/120"}, {"ctrl+u", "/115"}, {"ctrl+b", "/105"}, {"ctrl+u", "/100"}, {"ctrl+u", "/100"},
		{"G", "/139"}, {"ctrl+d", "/139"}, {"ctrl+u", "/134"},
	} {
		if d.press(c.key); d.selected() != c.at {
			t.Errorf("%s: at %s, want %s", c.key, d.selected(), c.at)
		}
	}
	d.mustNotShow("releases the request") // here it never did
}

func withReleases(o *backend.Options) {
	o.Releaser = &backendtest.Releaser{Cluster: o.Source.(*backendtest.Cluster)}
}

// The key that released a request says once that it does not any more, and which does.
func TestOldReleaseKey(t *testing.T) {
	d := newDriver(t, withReleases)
	d.put("/a", keyspace.Write, 0)
	d.press("enter")
	d.in("lock")
	d.press("ctrl+d")
	if d.m.asked != nil {
		t.Fatal("it asks to release")
	}
	d.mustShow("ctrl+x releases the request, as ctrl+d did before")
	d.do(nav.Quiet{})
	d.press("ctrl+d")
	d.mustNotShow("releases the request")
}

// A key that does nothing says so once.
func TestUnboundKey(t *testing.T) {
	d := newDriver(t, nil)
	d.press("ctrl+y")
	d.mustShow("ctrl+y: does nothing here; ? lists the keys that do")
	d.do(nav.Quiet{})
	d.press("ctrl+y")
	d.mustNotShow("does nothing here")
	d.press("f1")
	d.mustShow("help: locks")
}

// Commands that were typed come back, the latest first, and what is in the line too.
func TestCommandHistory(t *testing.T) {
	d := newDriver(t, nil)
	run := func(text string) {
		d.press(":")
		d.typed(text)
		d.press("enter")
	}
	run("sort name")
	run("problems")
	run("problems")
	run(" ")
	d.press(":")
	d.typed("lo")
	for _, c := range []struct{ key, text string }{
		{"up", "problems"}, {"up", "sort name"}, {"up", "sort name"}, {"down", "problems"}, {"down", "lo"}, {"down", "lo"}, {"up", "problems"},
	} {
		if d.press(c.key); d.m.line.input.Text() != c.text {
			t.Errorf("%s: %q, want %q", c.key, d.m.line.input.Text(), c.text)
		}
	}
	d.press("up", "enter")
	if got := d.home().Sorted(); got != "name" {
		t.Errorf("sorted by %q", got)
	}
}

// ctrl+p goes to any lock by some of its letters.
func TestJump(t *testing.T) {
	d := newDriver(t, nil)
	for _, name := range []string{"/orders/eu", "/orders/us", "/billing"} {
		d.put(name, keyspace.Read, 0)
	}
	d.press("3", "ctrl+p")
	d.mustShow("jump to a lock")
	d.typed("ous")
	d.mustShow("1 of 3")
	d.press("enter")
	d.in("lock")
	d.mustShow("/orders/us")
	d.press("ctrl+p")
	d.typed("xyz")
	d.press("enter")
	d.mustShow("none has these letters")
	d.press("esc")
	d.mustNotShow("jump to a lock")
	d.in("lock")
	d.press("ctrl+p")
	d.typed("ord")
	d.press("down", "enter")
	d.in("lock")
	d.mustShow("/orders/us")
}

// Exporting asks for the path, completes folders, and keeps what there is.
func TestExportAsks(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/a", keyspace.Read, 0)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "tables"), 0o700); err != nil {
		t.Fatal(err)
	}
	d.press("e")
	d.mustShow("export to the new file: etcd-lock-locks-")
	d.press("ctrl+u")
	d.typed(filepath.Join(dir, "t"))
	d.press("tab")
	folder := filepath.Join(dir, "tables") + "/"
	d.until("completed", func() bool { return d.m.line.input.Text() == folder })
	d.typed("all.csv")
	d.press("enter")
	d.until("written", func() bool { return strings.Contains(d.m.flash.text, "exported 1 row to "+folder+"all.csv") })
	d.press("e", "ctrl+u")
	d.typed(folder + "all.csv")
	d.press("enter")
	d.until("refused", func() bool { return strings.Contains(d.m.flash.text, "not exported") })
}

// ctrl+r reads what is not watched at once.
func TestReload(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/a", keyspace.Write, 0)
	d.diagnosed()
	before := d.m.Live.Verdict.At
	d.clock.add(1)
	d.press("ctrl+r")
	d.until("diagnosed again", func() bool { return d.m.effects.Idle() && d.m.Live.Verdict.At.After(before) })
}

// Suspending asks first when something would end by it; without job control it says why it
// is not done.
func TestSuspend(t *testing.T) {
	stopped := 0
	var fails error
	d := newDriver(t, func(o *backend.Options) { o.Suspend = func() error { stopped++; return fails } })
	suspended := func(a nav.Action) bool {
		do, ok := a.(nav.Do)
		return ok && do.Cmd != nil
	}
	if !suspended(d.m.suspend()) {
		t.Error("it does not suspend at once")
	}
	d.put("/a", keyspace.Read, 0)
	d.take("r")
	d.until("held", func() bool { return len(d.m.Requests) == 1 })
	d.press("ctrl+z")
	d.mustShow("read lock on /a: its session expires within 10s")
	d.press("n")
	if d.m.asked != nil || stopped > 0 {
		t.Error("suspended against the user's will")
	}
	if err := (suspension{stop: d.m.options.Suspend}).Run(); err != nil || stopped != 1 {
		t.Errorf("stopped %d times, %v", stopped, err)
	}
	d.send(resumedMsg{errors.New("no shell here would continue it")})
	d.mustShow("not suspended: no shell here would continue it")

	without := newDriver(t, nil)
	without.press("ctrl+z")
	without.mustShow("ctrl+z: not available here")
}

// q on the first screen asks once when that ends a lock, a wait or a scenario; ctrl+c and
// :quit never do.
func TestQuitAsks(t *testing.T) {
	d := newDriver(t, func(o *backend.Options) { o.Scenarios = runs(nil) })
	d.put("/a", keyspace.Read, 0)
	asks := func(texts ...string) {
		t.Helper()
		d.press("1", "q")
		for _, text := range append(texts, "Quitting ends this:", "[ No ]") {
			d.mustShow(text)
		}
		d.press("n")
		d.mustShow("quit: not done")
		d.press("q")
		if !quits(d.m.key(keyPress("y"))) {
			t.Error("does not quit when the user says so")
		}
		if !quits(d.m.key(keyPress("ctrl+c"))) {
			t.Error("ctrl+c asks")
		}
	}
	d.take("r")
	d.until("held", d.held)
	d.take("w")
	d.until("both are in the queue", func() bool { return len(d.queue()) == 3 })
	asks("! read lock on /a: held for 0s, it is released", "! write lock on /a: waiting for 0s, it is canceled")
	d.press("u")
	d.until("one is left", func() bool { return len(d.m.Requests) == 1 })
	d.press("u")
	d.until("released", d.noneOfOurs)

	d.press("x", "down", "enter")
	d.mustShow("▶ running")
	asks("! scenario endless: it is stopped, and its locks are released")
	d.press("x", "s")
	d.over()
	d.press("1")
	if !quits(d.m.key(keyPress("q"))) {
		t.Error("asks although nothing ends")
	}
}

// With the focus on the text, the keys that move scroll it, and not the table.
func TestPanes(t *testing.T) {
	d := newDriver(t, withReleases)
	incident(d)
	d.press("3")
	d.send(resize(80, 16))
	at := d.grid().Copied()[0]
	d.mustShow("more lines: J")
	d.mustShow("▸ problems")
	d.press("l")
	d.mustShow("▸ details and fixes")
	d.press("j", "ctrl+d", "G")
	d.mustNotShow("more lines: J")
	if now := d.grid().Copied()[0]; now != at {
		t.Errorf("the cursor went from %q to %q", at, now)
	}
	d.press("left")
	d.mustShow("▸ problems")
	d.press("j")
	if now := d.grid().Copied()[0]; now == at {
		t.Error("the cursor does not move")
	}
	d.press("h")
	d.mustShow("h: the table has the focus already")
	d.send(tea.WindowSizeMsg{Width: 160, Height: 50})
	d.mustShow("because of it:")
	d.press("l")
	d.mustShow("l: all of the text is shown")
}

// d says everything that is known of a row, as text that is copied in full and without what
// a terminal would obey.
func TestDescribe(t *testing.T) {
	d := newDriver(t, withReleases)
	incident(d)
	for _, c := range []struct {
		keys  []string
		shows []string
	}{
		{[]string{"1", "g"}, []string{"lock       /", "$ etcd-lock show /", "$ etcdctl get --prefix", "queue #1", "In the table:"}},
		{[]string{"1", "g", "enter"}, []string{"token      ", "key        /", "host       web-1", "lease      "}},
		{[]string{"2", "g"}, []string{"session    ", "$ etcdctl lease timetolive --keys", "request #1"}},
		{[]string{"3", "g"}, []string{"finding    deadlock, critical", "$ etcd-lock release --lease", "$ etcdctl lease revoke"}},
		{[]string{"4", "g"}, []string{"client     client 1 tui"}},
		{[]string{"7", "g"}, []string{"event      "}},
	} {
		d.press(c.keys...)
		d.press("d")
		d.in("description")
		text := strings.Join(d.grid().Copied(), "\n")
		for _, want := range c.shows {
			if !strings.Contains(text, want) {
				t.Errorf("%v: no %q in\n%s", c.keys, want, text)
			}
		}
		d.mustShow("y copy")
		d.press("q")
	}
	d.press("1")
	d.show(hostile(d.clock.Now()))
	for range d.home().Sheet().Rows {
		d.press("d")
		d.in("description")
		if text := strings.Join(d.grid().Copied(), ""); strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("a control character in %q", text)
		}
		d.press("q", "j")
	}
	empty := newDriver(t, nil)
	empty.press("d")
	empty.mustShow("there is nothing to describe")
	empty.do(nav.OpenLock(rw("/free")))
	empty.press("d")
	empty.mustShow("free: it has no requests")
}

// What is pasted becomes one line, and what is not taken is said.
func TestPaste(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/a", keyspace.Write, 0)
	d.send(tea.PasteMsg{Content: "r"})
	d.mustShow("paste: there is nothing to type into here")
	d.press("w")
	d.asked()
	d.press("n")
	d.press("?")
	d.send(tea.PasteMsg{Content: "q"})
	d.mustShow("paste: there is nothing to type into here")
	d.press("?", "/")
	d.send(tea.PasteMsg{Content: "\nowner:pay\r\n\twaiters>1\x1b\n"})
	d.mustShow("filter: owner:pay waiters>1")
	d.send(tea.PasteMsg{Content: strings.Repeat("x", widget.InputLimit)})
	d.mustShow("✗ a line has 1024 characters at most")
	if text := d.m.line.input.Text(); len(text) != widget.InputLimit {
		t.Errorf("the line has %d characters", len(text))
	}
	d.press("esc", "w")
	d.asked()
	d.send(tea.PasteMsg{Content: "y"})
	d.mustShow("paste: there is nothing to type into here")
	if d.m.asked == nil || len(d.m.Requests) > 0 {
		t.Error("a paste answered the dialog")
	}
}

// The wheel and clicks choose from a list; a dialog says that it is not for clicks.
func TestPointAtList(t *testing.T) {
	d := newDriver(t, nil)
	for _, name := range []string{"/a", "/b", "/c"} {
		d.put(name, keyspace.Write, 0)
	}
	click := func(text string) {
		for y, l := range strings.Split(d.plain(), "\n") {
			if strings.Contains(l, text) {
				d.send(tea.MouseClickMsg{X: 3, Y: y, Button: tea.MouseLeft})
				return
			}
		}
		t.Fatalf("%q is not shown", text)
	}
	d.press("ctrl+p")
	d.send(tea.MouseWheelMsg{X: 3, Y: 5, Button: tea.MouseWheelDown})
	d.mustShow("> /c")
	click("  /b")
	d.mustShow("> /b")
	click("letters:")
	click("> /b")
	d.in("lock")
	d.mustShow("/b · rwlock")
	d.press("w")
	d.asked()
	click("No")
	d.mustShow("a dialog is answered with keys, not with clicks")
}

// Without a row, what a lock is described as has its name.
func TestDescribeWithoutRow(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/a", keyspace.Write, 0)
	d.press("enter")
	d.in("lock")
	d.press("/")
	d.typed("zzz")
	d.press("enter", "d")
	d.in("description")
	d.mustShow("▸ lock · /a ─")
}
