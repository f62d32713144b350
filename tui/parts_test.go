package tui

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// A filter is text, an expression after ~, and the rest of the rows after !.
func TestFilterText(t *testing.T) {
	names := []string{"/orders/eu", "/orders/us", "/Billing"}
	for text, want := range map[string]string{
		"": "/orders/eu /orders/us /Billing", "!": "/orders/eu /orders/us /Billing", "~": "/orders/eu /orders/us /Billing",
		"orders": "/orders/eu /orders/us", "bill": "/Billing", "Orders": "", "!bill": "/orders/eu /orders/us",
		"~^/o.*s$": "/orders/us", "!~[eu]u?$": "/orders/us /Billing", ".": "",
	} {
		f, err := newFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range names {
			if f.shows(n) {
				got = append(got, n)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q shows %q, want %q", text, got, want)
		}
	}
	if _, err := newFilter("~["); err == nil {
		t.Error("no error for a pattern that is none")
	}
}

// What is typed after a colon is completed, run, or refused with a reason.
func TestCommandLine(t *testing.T) {
	d := newDriver(t, nil)
	incident(d)

	t.Run("Completes", func(t *testing.T) {
		d.press(":")
		d.typed("se")
		d.press("tab")
		d.mustShow(":sessions")
		d.press("enter")
		d.in("sessions")
	})

	t.Run("CompletesNames", func(t *testing.T) {
		d.press(":")
		d.typed("lock /st")
		d.press("tab", "enter")
		d.in("lock")
		d.mustShow("/stock · rwlock")
	})

	t.Run("InTurns", func(t *testing.T) {
		d.press(":")
		d.typed("lo")
		d.press("tab")
		d.mustShow("lock locks")
		d.press("tab", "tab")
		d.mustShow(":locks")
		d.press("esc")
	})

	t.Run("Refuses", func(t *testing.T) {
		d.press("1")
		for text, why := range map[string]string{
			"nonsense": "✗ no command nonsense", "s": "✗ s could be se", "mouse maybe": "✗ mouse: on or off", "sort zzz": "✗ sort: no column zzz", "sort": "✗ sort: which one? there are", "hide": "✗ hide: which one? there are finding, name",
			"lock": "✗ lock: which one?", "background red": "✗ background: dark, light or auto", "filter ~[": "✗ filter: error",
		} {
			d.press(":")
			d.typed(text)
			d.press("enter")
			d.mustShow(why)
		}
	})

	t.Run("ForgetsWhatWasSaid", func(t *testing.T) {
		d.press("1", ":")
		d.typed("sort zzz")
		d.press("enter")
		d.mustShow("✗ sort: no column zzz; there are finding")
		d.press("n")
		d.mustNotShow("no column")
		d.press("esc")
	})

	t.Run("Sets", func(t *testing.T) {
		for _, text := range []string{"mouse off", "background light", "locks", "sort -name", "pause"} {
			d.press(":")
			d.typed(text)
			d.press("enter")
		}
		d.mustShow("PAUSED")
		if d.m.View().MouseMode != tea.MouseModeNone || d.m.prefs().Background != backgroundLight || d.names() != "/stock /orders /legacy /cache" {
			t.Errorf("%+v, %s", *d.m.prefs(), d.names())
		}
	})
}

// A dialog's answer is No until the user says otherwise.
func TestDialog(t *testing.T) {
	for name, c := range map[string]struct {
		word string
		keys []string
		done bool
	}{
		"EnterIsNo":          {"", []string{"enter"}, false},
		"Esc":                {"", []string{"right", "esc"}, false},
		"N":                  {"", []string{"n"}, false},
		"Y":                  {"", []string{"y"}, true},
		"Chosen":             {"", []string{"right", "enter"}, true},
		"ChosenAndBack":      {"", []string{"right", "left", "enter"}, false},
		"WordIsMissing":      {"yo", []string{"right", "enter"}, false},
		"WordIsWrong":        {"yo", []string{"y", "y", "enter"}, false},
		"Word":               {"yo", []string{"y", "o", "enter"}, true},
		"WordAndNo":          {"yo", []string{"y", "o", "left", "enter"}, false},
		"OtherKeysAreNoKeys": {"", []string{"q", "1", "space", "enter"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDriver(t, nil)
			yes := Do{func() tea.Msg { return nil }}
			d.do(Ask{Dialog: &dialog{title: "end it", lines: []string{"all goes"}, yes: "End it", word: c.word}, Yes: yes})
			d.mustShow("[ No ]")
			last := len(c.keys) - 1
			d.press(c.keys[:last]...)
			done := false
			if do, ok := d.m.key(keyPress(c.keys[last])).(Do); ok {
				done = do.Cmd != nil
			}
			if done != c.done || d.m.asked != nil {
				t.Errorf("done %t, open %t", done, d.m.asked != nil)
			}
		})
	}
}

// The table is written to a file that says where it is, and never over another.
func TestExportMarked(t *testing.T) {
	d := newDriver(t, nil)
	var first inspect.Request
	for _, name := range []string{"/a", "/b", "/c", "/d"} {
		r := d.put(name, keyspace.Read, 0)
		if name == "/a" {
			first = r
		}
	}
	rows := func() int { return len(locksOf(d).table.sheet().rows) }
	if n := rows(); n != 4 {
		t.Errorf("%d rows", n)
	}
	d.press("g", "m")
	if n := rows(); n != 1 {
		t.Errorf("%d rows with one marked", n)
	}
	d.cluster.remove(first.Lock, first.Key)
	d.until("the marked one has gone", func() bool { return len(locksOf(d).table.rows) == 3 })
	if n := rows(); n != 3 {
		t.Errorf("%d rows with none marked any more", n)
	}
	if got := locksOf(d).table.copied(); len(got) != 1 || got[0] != "/b" {
		t.Errorf("copied %v, want what is under the cursor", got)
	}
}

func TestExport(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/a,\"b\"", keyspace.Read, time.Minute)
	path := filepath.Join(t.TempDir(), "locks.csv")
	d.press(":")
	d.typed("export " + path)
	d.press("enter")
	d.until("told", func() bool { return d.m.flash.on(d.m.now) })
	if want := "exported 1 row to " + path; d.m.flash.text != want {
		t.Errorf("%q, want %q", d.m.flash.text, want)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "finding,name,layout,state,readers,writers,waiters,queue,longest wait,longest hold\n,\"/a,\"\"b\"\"\",rwlock,● read,1,0,0,,-,1m\n"
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Error(diff)
	}
	d.press(":")
	d.typed("export " + path)
	d.press("enter")
	d.until("refused", func() bool { return d.m.flash.isError })
	d.mustShow("✗ not exported")
}

// On a terminal without Unicode nothing but ASCII is drawn, and every sign of
// ours has another to stand for it.
func TestASCII(t *testing.T) {
	d := newDriver(t, func(o *Options) { o.ASCII = true })
	incident(d)
	for _, text := range []string{">  x /orders ", "^ contended", "###", "` . write   shipping svc[162]@web-1", "-- > locks 4 - worst first ---"} {
		d.mustShow(text)
	}
	for _, s := range everyScreen {
		if s.name == "name" { // which is typed with other characters
			continue
		}
		d.visit(s.keys)
		for _, size := range []tea.WindowSizeMsg{resize(80, 24), resize(200, 60)} {
			d.send(size)
			d.send(tickMsg{})
			if i := strings.IndexFunc(d.plain(), func(r rune) bool { return r > unicode.MaxASCII }); i >= 0 {
				t.Errorf("%s: %q", s.name, d.plain()[i:i+20])
			}
			d.m.ascii = false
			unicoded := d.plain()
			d.m.ascii = true
			if strings.Count(d.plain(), "?") != strings.Count(unicoded, "?") {
				t.Errorf("%s: a sign of ours has nothing to stand for it:\n%s", s.name, d.plain())
			}
		}
		d.press("esc", "esc", "esc")
	}
	if got := plain("日é●"); got != "???o" {
		t.Errorf("%q", got)
	}
}

// What has come meanwhile is not taken before the pause is over.
func TestUpdatePause(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	m := newModel(ctx, Options{})
	updates := make(chan inspect.Update, 1)
	updates <- inspect.Update{}
	m.effects.feed.updates = updates
	cancel()
	if msg := m.effects.feed.waitUpdate(time.Hour).(Do).Cmd(); msg != nil {
		t.Errorf("took %v", msg)
	}
	if m.effects.feed.pause != updatePause {
		t.Errorf("the pause is %v", m.effects.feed.pause)
	}
}

// What comes in a burst is drawn once; what the user does, at once.
func TestFrames(t *testing.T) {
	d := newDriver(t, nil)
	d.clock.add(time.Second)
	d.send(tickMsg{})
	d.m.View()
	draws := 0
	look := func() {
		if d.m.frame.dirty {
			draws++
		}
		d.m.View()
	}
	for range 100 {
		d.send(statusMsg{})
		look()
	}
	if draws != 0 {
		t.Errorf("%d pictures in no time", draws)
	}
	d.press("j")
	look()
	if draws != 1 {
		t.Errorf("%d pictures of a key press", draws)
	}
	d.until("the last one is drawn", func() bool {
		look()
		return draws == 2
	})
}

// What a terminal says of its background chooses the colours, unless the user
// has.
func TestBackground(t *testing.T) {
	d := newDriver(t, nil)
	scene(d)
	dark := d.m.screen()
	d.send(tea.BackgroundColorMsg{Color: white{}})
	light := d.m.screen()
	if dark == light {
		t.Error("a light background changes nothing")
	}
	d.press(":")
	d.typed("background dark")
	d.press("enter")
	d.m.flash = flashLine{}
	if d.m.screen() != dark {
		t.Error("what the user says does not count")
	}
}

type white struct{}

func (white) RGBA() (r, g, b, a uint32) { return 0xffff, 0xffff, 0xffff, 0xffff }

// Lanes show what sessions did, also those that are gone, and how they ended.
func TestLanes(t *testing.T) {
	now := newClock().Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	at := func(lease int64, r inspect.Request) inspect.Request { r.Lock, r.Lease = rw("/a"), lease; return r }
	spans := []requestSpan{
		{Request: at(1, inspect.Request{}), seen: ago(30 * time.Second), granted: ago(20 * time.Second), ended: ago(10 * time.Second), how: inspect.EventReleased},
		{Request: at(2, inspect.Request{}), seen: ago(20 * time.Second), ended: ago(10 * time.Second), how: inspect.EventExpired},
		{Request: at(3, inspect.Request{Holding: true}), seen: ago(15 * time.Second), granted: ago(10 * time.Second)},
		{Request: at(4, inspect.Request{Holding: true}), seen: ago(5 * time.Minute), granted: ago(4 * time.Minute), ended: ago(2 * time.Minute)},
	}
	got := newLanes(spans, ago(30*time.Second), now)
	d := newDriver(t, func(o *Options) { o.NoColor = true })
	want := strings.Join([]string{
		"lease 3                    ░░░░░░▇▇▇▇▇▇▇▇▇▇▇▇▇",
		"lease 1 ░░░░░░░░░░░░▇▇▇▇▇▇▇▇▇▇▇▇▇▇            ",
		"lease 2             ░░░░░░░░░░░░░✗            ",
		"        -30s               -15s            now",
	}, "\n")
	if diff := cmp.Diff(want, ansi.Strip(got.view(d.m.theme, 46, 10, now))); diff != "" {
		t.Error(diff)
	}
}

// A wait that began before the watch did is still known of when it is over.
func TestLifeBeforeTheWatch(t *testing.T) {
	now := newClock().Now()
	asked, granted := now.Add(-25*time.Second), now.Add(-10*time.Second)
	r := inspect.Request{Key: "/a/write/1", Lock: rw("/a"), Revision: 3, Since: asked, Holding: true}
	var j journal
	j.take(inspect.Event{Kind: inspect.EventAcquired, Request: r, Revision: 5, Time: granted})
	for _, s := range j.forLock(inspect.Lock{ID: r.Lock, Queue: []inspect.Request{r}}) {
		if got := s.begin(now); !got.Equal(asked) || !s.granted.Equal(granted) {
			t.Errorf("began at %v and was granted at %v", got, s.granted)
		}
	}
}

// What hangs below what in a queue is who must go last before it.
func TestTree(t *testing.T) {
	r := func(rev int64, mode keyspace.Mode, holding bool) inspect.Request {
		return inspect.Request{Revision: rev, Mode: mode, Holding: holding}
	}
	const read, write = keyspace.Read, keyspace.Write
	queue := []inspect.Request{
		r(1, read, true), r(2, read, true), r(3, write, false), r(4, read, false), r(4, read, false), r(5, write, false),
	}
	if diff := cmp.Diff([]int{-1, -1, 1, 2, 2, 4}, parents(queue)); diff != "" {
		t.Error(diff)
	}
	var got []string
	for _, row := range newTree(queue) {
		got = append(got, row.branch+row.request.Mode.String())
	}
	if diff := cmp.Diff([]string{"read", "read", "└ write", "  ├ read", "  └ read", "    └ write"}, got); diff != "" {
		t.Error(diff)
	}
	for i, row := range newQueueRows(queue) {
		lock := inspect.Lock{Queue: queue}
		if n := len(lock.Blockers(i)); !queue[i].Holding && row.blockers != n {
			t.Errorf("#%d: %d blockers, want %d", i+1, row.blockers, n)
		}
	}
}

// That the watch is behind etcd is said when it lasts.
func TestLag(t *testing.T) {
	d := newDriver(t, nil)
	d.m.status = Status{Revision: d.m.live.Snapshot.Revision + 7, Leader: "etcd-0", At: d.clock.Now()}
	d.mustShow("lag 0")
	d.clock.add(5 * time.Second)
	d.m.now = d.clock.Now()
	d.mustShow("! lag 7 rev, 5s")
	d.send(statusMsg{err: errors.New("unavailable")})
	d.mustShow("leader etcd-0")
}
