package app

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

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/effects"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/widget"
)

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
			"nonsense": "✗ no command nonsense", "s": "✗ s could be save, se", "mouse maybe": "✗ mouse: on or off", "sort zzz": "✗ sort: no column zzz", "sort": "✗ sort: column missing; columns:", "hide": "✗ hide: column missing; columns: finding, name",
			"lock": "✗ lock: name missing", "background red": "✗ background: dark, light or auto", "filter ~[": "✗ filter: error",
		} {
			d.press(":")
			d.typed(text)
			d.press("enter")
			d.mustShow(why)
		}
	})

	t.Run("SaysWhyNotHere", func(t *testing.T) {
		for text, why := range map[string]string{
			"ctx": "✗ ctx: no contexts here; etcd-lock contexts says where to configure them", "ctx prod": "✗ ctx: no contexts here;",
			"readonly off": "✗ readonly: is for contexts; etcd-lock contexts says where to", "rev 3": "✗ rev: ", "live": "✗ live: ",
			"reado": "✗ no command reado", "at": "✗ at: ", "past": "✗ past: not available here", "scenarios": "✗ scenarios: not available here",
		} {
			d.press(":")
			d.typed(text)
			d.press("enter")
			d.mustShow(why)
		}
	})

	t.Run("SaysWhatHasNoOrder", func(t *testing.T) {
		d.press("1", "d")
		d.in("description")
		d.press(":")
		d.typed("sort text")
		d.press("enter")
		d.mustShow("✗ sort: description cannot be sorted")
	})

	t.Run("ForgetsWhatWasSaid", func(t *testing.T) {
		d.press("1", ":")
		d.typed("sort zzz")
		d.press("enter")
		d.mustShow("✗ sort: no column zzz; columns: finding")
		d.press("n")
		d.mustNotShow("no column")
		d.press("esc")
	})

	t.Run("Sets", func(t *testing.T) {
		for _, text := range []string{"ask always", "ascii on", "ascii off", "mouse off", "background light"} {
			d.press(":")
			d.typed(text)
			d.press("enter")
			d.mustShow(strings.Replace(text, " ", ": ", 1))
		}
		for _, text := range []string{"locks", "sort -name", "pause"} {
			d.press(":")
			d.typed(text)
			d.press("enter")
		}
		d.mustShow("PAUSED")
		if d.m.View().MouseMode != tea.MouseModeNone || d.m.effects.Chosen().Background != backend.BackgroundLight || d.names() != "/stock /orders /legacy /cache" {
			t.Errorf("%+v, %s", d.m.effects.Chosen().Prefs, d.names())
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
		"Q":                  {"", []string{"right", "q"}, false},
		"QIsALetter":         {"yq", []string{"y", "q", "enter"}, true},
		"Y":                  {"", []string{"y"}, true},
		"Chosen":             {"", []string{"right", "enter"}, true},
		"ChosenAndBack":      {"", []string{"right", "left", "enter"}, false},
		"WordIsMissing":      {"yo", []string{"right", "enter"}, false},
		"WordIsWrong":        {"yo", []string{"y", "y", "enter"}, false},
		"Word":               {"yo", []string{"y", "o", "enter"}, true},
		"WordAndNo":          {"yo", []string{"y", "o", "left", "enter"}, false},
		"OtherKeysAreNoKeys": {"", []string{"p", "1", "space", "enter"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDriver(t, nil)
			yes := nav.Do{Cmd: func() tea.Msg { return nil }}
			d.do(nav.Ask{Dialog: &widget.Dialog{Title: "end it", Lines: []string{"all goes"}, Yes: "Revoke", Word: c.word}, Yes: yes})
			d.mustShow("[ No ]")
			last := len(c.keys) - 1
			d.press(c.keys[:last]...)
			done := false
			if do, ok := d.m.key(keyPress(c.keys[last])).(nav.Do); ok {
				done = do.Cmd != nil
			}
			if done != c.done || d.m.asked != nil {
				t.Errorf("done %t, open %t", done, d.m.asked != nil)
			}
		})
	}
}

// On the narrowest terminal, the keys of a dialog are in the bottom line.
func TestDialogKeys(t *testing.T) {
	t.Parallel()
	d := newDriver(t, nil)
	d.send(resize(40, 24))
	for word, want := range map[string]string{"": "enter choose • y yes • n no • ←/→ switch", "yo": "enter choose • esc no • ←/→ switch"} {
		d.do(nav.Ask{Dialog: &widget.Dialog{Title: "end it", Lines: []string{"all goes"}, Yes: "Revoke", Word: word}})
		d.mustShow(want)
	}
}

// A question that is not seen cannot be answered with Yes, whatever was typed before.
func TestDialogHidden(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"", "yo"} {
		for _, small := range []tea.WindowSizeMsg{{Width: 20, Height: 5}, {Width: 16, Height: 40}, {Width: 80, Height: 1}} {
			d := newDriver(t, nil)
			d.do(nav.Ask{Dialog: &widget.Dialog{Title: "end it", Lines: []string{"all goes"}, Yes: "Revoke", Word: word}, Yes: nav.Do{}})
			if d.typed(word); word == "" {
				d.press("right")
			}
			d.send(small) // no key waits for a frame
			for _, key := range []string{"y", "right", "enter"} {
				if then := d.m.key(keyPress(key)); then != nil || d.m.asked == nil {
					t.Errorf("word %q, %v: %s does %v", word, small, key, then)
				}
			}
			if small.Height > 1 {
				d.mustShow("! terminal")
			}
			d.send(resize(80, 24))
			d.mustShow("Revoke")
			d.send(small)
			d.press("n")
			if d.m.asked != nil {
				t.Errorf("word %q, %v: n is not No", word, small)
			}
		}
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
	rows := func() int { return len(d.home().Sheet().Rows) }
	if n := rows(); n != 4 {
		t.Errorf("%d rows", n)
	}
	d.press("g", "m")
	if n := rows(); n != 1 {
		t.Errorf("%d rows with one marked", n)
	}
	d.cluster.Remove(first.Lock, first.Key)
	d.until("the marked one has gone", func() bool { return !strings.Contains(d.names(), "/a") })
	if n := rows(); n != 3 {
		t.Errorf("%d rows with none marked any more", n)
	}
	d.mustNotShow("marked")
	if got := d.home().Copied(); len(got) != 1 || got[0] != "/b" {
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
	d.until("told", func() bool { return d.m.flash.on(d.m.Now) })
	if want := "exported 1 row to " + path; d.m.flash.text != want {
		t.Errorf("%q, want %q", d.m.flash.text, want)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "finding,name,layout,state,holder,readers,writers,waiters,queue,waited,held\n,\"/a,\"\"b\"\"\",rwlock,● read,worker[42]@web-1,1,0,0,,-,≤1m\n"
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Error(diff)
	}
	d.press(":")
	d.typed("export " + path)
	d.press("enter")
	d.until("refused", func() bool { return d.m.flash.isError })
	d.mustShow("✗ not exported")
	folder := t.TempDir()
	d.do(exportTable(d.m.screens.Front(), " "+folder+" ", d.clock.Now()))
	d.until("refused", func() bool {
		return strings.Contains(d.m.flash.text, folder+" is a folder: the name of a file is missing")
	})
	if a := exportTable(d.m.screens.Front(), "  ", d.clock.Now()).(nav.Export); !strings.HasPrefix(a.Path, "etcd-lock-locks-") {
		t.Errorf("a path of spaces is taken as %q", a.Path)
	}
}

// On a terminal without Unicode nothing but ASCII is drawn, and every sign of
// ours has another to stand for it.
func TestASCII(t *testing.T) {
	d := newDriver(t, func(o *backend.Options) { o.ASCII = true })
	incident(d)
	for _, text := range []string{">  x /orders ", "^ contended", "` . write   shipping svc[162]@web-1", "-- > locks 4 - worst first ---"} {
		d.mustShow(text)
	}
	d.send(resize(200, 60))
	d.mustShow("___") // a sparkline
	for _, s := range everyScreen {
		if s.name == "name" || s.name == "path" { // which is typed with other characters
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
		d.send(effects.StatusMsg{})
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

// What comes by itself again and again is drawn with the next update.
func TestFramesWaitForUpdates(t *testing.T) {
	d := newDriver(t, nil)
	d.idle()
	d.m.View()
	d.m.effects.Pause = time.Hour
	d.clock.add(time.Minute)
	for _, msg := range []tea.Msg{tickMsg{}, effects.DiagnosedMsg{}, effects.StatusMsg{}} {
		if d.send(msg); d.m.frame.dirty {
			t.Errorf("%T is drawn at once", msg)
		}
	}
	if d.send(effects.UpdateMsg{OK: true, Update: inspect.Update{Snapshot: d.m.Live.Snapshot}}); !d.m.frame.dirty {
		t.Error("an update is not drawn")
	}
	d.m.View()
	if d.send(frameMsg{}); d.m.frame.dirty {
		t.Error("what was drawn with the update is drawn again")
	}
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

// That the watch is behind etcd is said when it lasts.
func TestLag(t *testing.T) {
	d := newDriver(t, nil)
	d.m.Status = backend.Status{Revision: d.m.Live.Revision + 7, Leader: "etcd-0", At: d.clock.Now()}
	d.mustShow("lag 0")
	d.clock.add(5 * time.Second)
	d.m.Now = d.clock.Now()
	d.mustShow("! lag 7 rev, 5s")
	d.send(effects.StatusMsg{Err: errors.New("unavailable")})
	d.mustShow("leader etcd-0")
}

// The header says which alarms etcd has, and what they mean where there is room.
func TestHeaderAlarm(t *testing.T) {
	d := newDriver(t, nil)
	for _, tt := range []struct {
		alarms []inspect.Alarm
		width  int
		want   string
	}{
		{nil, 160, "● connected"},
		{[]inspect.Alarm{inspect.AlarmNoSpace}, 160, "✗ alarm NOSPACE: no lock can be taken; releases work"},
		{[]inspect.Alarm{inspect.AlarmCorrupt}, 160, "✗ alarm CORRUPT: all writes are refused, leases do not end"},
		{[]inspect.Alarm{inspect.AlarmCorrupt, inspect.AlarmNoSpace}, 160, "✗ alarm CORRUPT, NOSPACE: all writes are refused, leases do not end"},
		{[]inspect.Alarm{inspect.AlarmNoSpace}, 60, "✗ alarm NOSPACE "},
	} {
		d.m.Status.Cluster.Alarms = tt.alarms
		if got := ansi.Strip(header(d.m.Context, "127.0.0.1:2379", tt.width)); !strings.Contains(got, tt.want) || strings.Contains(got, "alarm") != (tt.alarms != nil) {
			t.Errorf("%v in %d cells: %q, want %q", tt.alarms, tt.width, got, tt.want)
		}
	}
	d.m.Status.Cluster.Alarms = []inspect.Alarm{inspect.AlarmNoSpace}
	d.m.Conn.Lost = true
	if got := ansi.Strip(header(d.m.Context, "127.0.0.1:2379", 160)); strings.Contains(got, "alarm") {
		t.Errorf("an alarm of an etcd that does not answer: %q", got)
	}
}

// alarmedHealth is the status of an etcd with alarms.
type alarmedHealth struct {
	backend.Health
	alarms []inspect.Alarm
}

func (h *alarmedHealth) Status(ctx context.Context) (backend.Status, error) {
	s, err := h.Health.Status(ctx)
	s.Cluster.Alarms = h.alarms
	return s, err
}

// An alarm is among the problems a second after it is in the header, though no lock has
// changed.
func TestAlarmIsAProblem(t *testing.T) {
	health := &alarmedHealth{}
	d := newDriver(t, func(o *backend.Options) {
		health.Health = o.Health
		o.Health = health
	})
	health.alarms = []inspect.Alarm{inspect.AlarmCorrupt}
	d.clock.add(5 * time.Second)
	d.send(tickMsg{})
	d.until("the alarm is known", func() bool { return d.m.effects.Idle() && len(d.m.Status.Cluster.Alarms) > 0 })
	d.clock.add(time.Second)
	d.send(tickMsg{})
	d.until("it is diagnosed", d.m.effects.Idle)
	if f := d.m.Live.Verdict.Findings; len(f) != 1 || f[0].Kind != diagnose.Corrupt {
		t.Errorf("findings: %+v", f)
	}
}

// The log says why the locks were read anew, and that tokens went back.
func TestResyncedIsLogged(t *testing.T) {
	d := newDriver(t, nil)
	live := d.m.Live.Snapshot
	live.Revision += 40
	resync := inspect.Resync{Cause: inspect.ResyncWentBack, From: live.Revision + 60, To: live.Revision}
	effects.UpdateMsg{OK: true, Update: inspect.Update{Snapshot: live, Resynced: resync}}.Apply(d.m.effects)
	d.press("7")
	d.in("events")
	d.row("resynchronized").has("! etcd", "data replaced: revisions went back from")
	last := d.m.Log.Entries[len(d.m.Log.Entries)-1].Text
	if want := "; fencing tokens went back: those up to 200 can be given twice; events in between are unknown"; !strings.HasSuffix(last, want) {
		t.Errorf("%q, want %q", last, want)
	}
}
