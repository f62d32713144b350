package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
)

// What was chosen is kept; what cannot be read is told, and no failure.
func TestPrefs(t *testing.T) {
	t.Run("Kept", func(t *testing.T) {
		f := backend.PrefsFile(filepath.Join(t.TempDir(), "etcd-lock", "ui.yaml"))
		d := newDriver(t, func(o *backend.Options) { o.Preferences = backend.OpenPreferences(f) })
		d.put("/a", keyspace.Read, 0)
		d.press("N", "N")
		d.until("saved", func() bool {
			p, err := f.Load()
			return err == nil && p.Sort["locks"] == "-name"
		})
		next := newDriver(t, func(o *backend.Options) { o.Preferences = backend.OpenPreferences(f) })
		next.put("/a", keyspace.Read, 0)
		next.put("/b", keyspace.Read, 0)
		next.until("sorted", func() bool { return next.names() == "/b /a" })
	})

	t.Run("Clicked", func(t *testing.T) {
		f := backend.PrefsFile(filepath.Join(t.TempDir(), "ui.yaml"))
		d := newDriver(t, func(o *backend.Options) { o.Preferences = backend.OpenPreferences(f) })
		d.put("/a", keyspace.Read, 0)
		heading := strings.Split(d.plain(), "\n")[3]
		d.send(tea.MouseClickMsg{X: strings.Index(heading, "name"), Y: 3, Button: tea.MouseLeft})
		d.until("saved", func() bool {
			p, err := f.Load()
			return err == nil && p.Sort["locks"] == "name"
		})
	})

	t.Run("Broken", func(t *testing.T) {
		for text, why := range map[string]string{
			"mouse: [": ":1:8: ", "nonsense: 1": `:1:1: unknown field "nonsense"`, "background: pink": `: background "pink": dark, light or auto`, "ask: never": `: ask "never": others or always`,
			"views: [{filter: a}]": ": views: each needs a name and a screen", "\x00\x01": ":1:1: ", "- a": ":1:1: wrong kind of value: want a mapping",
			"# mine\nmouse: maybe": ":2:8: wrong kind of value: want true or false", "views: 3": ":1:8: wrong kind of value: want a list",
		} {
			f := backend.PrefsFile(filepath.Join(t.TempDir(), "ui.yaml"))
			if err := os.WriteFile(string(f), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			d := newDriver(t, func(o *backend.Options) { o.Preferences = backend.OpenPreferences(f) })
			d.until("told", func() bool { return d.m.flash.isError })
			if told := d.m.flash.text; !strings.HasPrefix(told, string(f)+why) {
				t.Errorf("%q: %s", text, told)
			}
			if diff := cmp.Diff(backend.DefaultPrefs(), d.m.effects.Chosen().Prefs); diff != "" {
				t.Error(diff)
			}
			d.press(":")
			d.typed("mouse off")
			d.press("enter")
			if kept, err := os.ReadFile(string(f)); !d.m.effects.Idle() || string(kept) != text {
				t.Errorf("%q is to be written over, now %q, %v", text, kept, err)
			}
			d.press(":")
			d.typed("save mine")
			d.press("enter")
			d.mustShow("saved until you quit, since the file of preferences is not used: F2 goes to")
		}
	})

	t.Run("Empty", func(t *testing.T) {
		for _, text := range []string{"", "\n", "# nothing yet\n"} {
			f := backend.PrefsFile(filepath.Join(t.TempDir(), "ui.yaml"))
			if err := os.WriteFile(string(f), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := f.Load()
			if diff := cmp.Diff(backend.DefaultPrefs(), p); err != nil || diff != "" {
				t.Errorf("%q: %v\n%s", text, err, diff)
			}
		}
	})

	// That a terminal shows nothing else is nobody's choice.
	t.Run("ASCII", func(t *testing.T) {
		for _, chosen := range []bool{true, false} {
			f := backend.PrefsFile(filepath.Join(t.TempDir(), "ui.yaml"))
			if err := f.Save(backend.Prefs{ASCII: chosen, Background: backend.BackgroundAuto}); err != nil {
				t.Fatal(err)
			}
			d := newDriver(t, func(o *backend.Options) { o.Preferences, o.ASCII = backend.OpenPreferences(f), true })
			d.press(":")
			d.typed("mouse on")
			d.press("enter")
			d.until("saved", func() bool { return d.m.effects.Idle() })
			if kept, err := f.Load(); err != nil || !kept.Mouse || kept.ASCII != chosen || !d.m.ascii {
				t.Errorf("%+v was kept, and %v chosen; %v", kept, chosen, err)
			}
		}
	})

	t.Run("LastWins", func(t *testing.T) {
		f := backend.PrefsFile(filepath.Join(t.TempDir(), "ui.yaml"))
		p := backend.OpenPreferences(f)
		p.Sort["locks"] = "name"
		first := p.Saving()
		p.Sort["locks"] = "-name"
		for _, save := range []func() error{p.Saving(), first} {
			if err := save(); err != nil {
				t.Fatal(err)
			}
		}
		if kept, err := f.Load(); err != nil || kept.Sort["locks"] != "-name" {
			t.Errorf("%v is kept, %v", kept.Sort, err)
		}
	})

	t.Run("NoPlace", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := backend.PrefsFile(filepath.Join(file, "ui.yaml")).Save(backend.DefaultPrefs()); err == nil {
			t.Error("saved into a file")
		}
	})
}

// Columns go and come back by command, and stay as they are in the next table of
// the kind and after a restart.
func TestHide(t *testing.T) {
	f := backend.PrefsFile(filepath.Join(t.TempDir(), "ui.yaml"))
	d := newDriver(t, func(o *backend.Options) { o.Preferences = backend.OpenPreferences(f) })
	incident(d)
	run := func(d *driver, text string, keys ...string) {
		d.press(":")
		d.typed(text)
		d.press(append(keys, "enter")...)
	}
	d.mustShow(" state ")
	run(d, "hide st", "tab")
	d.mustNotShow(" state ")
	d.press("enter")
	d.in("lock")
	d.mustShow(" state ") // of another table
	run(d, "hide why it waits")
	d.mustNotShow("why it waits")
	d.press("esc", "enter")
	d.in("lock")
	d.mustNotShow("why it waits")
	d.press("enter", "enter")
	d.until("another lock", func() bool { return len(d.m.screens.Open) == 4 })
	run(d, "hide owner")
	d.press("esc", "esc")
	d.mustNotShow("owner") // of the same kind, and open already
	d.until("saved", func() bool {
		p, err := f.Load()
		return err == nil && len(p.Hidden) == 2 && d.m.effects.Idle()
	})

	next := newDriver(t, func(o *backend.Options) { o.Preferences = backend.OpenPreferences(f) })
	incident(next)
	next.mustNotShow(" state ")
	next.press(":")
	next.typed("show ")
	next.mustShow("show a hidden column, or all")
	next.press("tab", "enter")
	next.mustShow(" state ")
	next.press("enter")
	next.in("lock")
	next.mustNotShow("why it waits")
	run(next, "show")
	next.mustShow("why it waits")
	next.until("saved", func() bool {
		p, err := f.Load()
		return err == nil && len(p.Hidden) == 0 && next.m.effects.Idle()
	})

	t.Run("Refuses", func(t *testing.T) {
		run(next, "show mode")
		next.mustShow("✗ show: mode is not hidden; hidden: none")
		run(next, "hide nonsense")
		next.mustShow("✗ hide: no column nonsense; columns: #, mode")
		for _, name := range []string{"#", "mode", "state", "owner", "session", "ttl", "for"} {
			run(next, "hide "+name)
		}
		run(next, "hide why it waits")
		next.mustShow("✗ hide: why it waits is the last column")
		next.mustShow("behind 1: writer #1")
	})
}

// A filter is saved by a name and reached by a key, also the next time.
func TestSavedViews(t *testing.T) {
	f := backend.PrefsFile(filepath.Join(t.TempDir(), "ui.yaml"))
	run := func(d *driver, text string) { d.press(":"); d.typed(text); d.press("enter") }
	d := newDriver(t, func(o *backend.Options) { o.Preferences = backend.OpenPreferences(f) })
	incident(d)
	d.press("f2")
	d.mustShow("F2: no view saved here; :save NAME")
	run(d, "view mine")
	d.mustShow("✗ view: no view is saved; :save NAME saves one")
	run(d, "filter owner:billing")
	run(d, "sort -name")
	run(d, "save by billing")
	d.mustShow("saved: F2 goes to by billing")
	d.press("2")
	run(d, "save all sessions")
	d.mustShow("saved: F3 goes to all sessions")
	d.press("enter")
	run(d, "save nothing")
	d.mustShow("✗ save: the filter of one session cannot be saved")
	d.until("saved", func() bool {
		p, err := f.Load()
		return err == nil && len(p.Views) == 2 && d.m.effects.Idle()
	})

	next := newDriver(t, func(o *backend.Options) { o.Preferences = backend.OpenPreferences(f) })
	incident(next)
	next.press("3", "f2")
	next.in("locks")
	if got, grid := next.names(), next.m.screens.Front().Grid(); got != "/stock /orders" || grid.Sorted() != "-name" {
		t.Errorf("%s, sorted by %q", got, grid.Sorted())
	}
	next.press("f3")
	next.in("sessions")
	next.send(resize(200, 60))
	next.press("?")
	next.mustShow("F2         by billing: locks owner:billing")
	next.press("esc")
	run(next, "forget by billing")
	run(next, "view by billing")
	next.mustShow("✗ view: no view by billing; saved: all sessions")
	next.press("1", "f2")
	next.in("sessions")
}

// A saved view that cannot be shown says why, and changes nothing.
func TestSavedViewsThatFail(t *testing.T) {
	f := backend.PrefsFile(filepath.Join(t.TempDir(), "ui.yaml"))
	var views []backend.View
	for _, v := range []backend.View{
		{Screen: "locks", Filter: "~["}, {Screen: "locks", Filter: "x", Sort: "nonsense"}, {Screen: "scenarios"}, {Screen: "lock"},
	} {
		v.Name = "v" + v.Screen + v.Sort
		views = append(views, v)
	}
	if err := f.Save(backend.Prefs{Background: backend.BackgroundAuto, Views: views}); err != nil {
		t.Fatal(err)
	}
	d := newDriver(t, func(o *backend.Options) { o.Preferences = backend.OpenPreferences(f) })
	incident(d)
	d.press("/")
	d.typed("billing")
	d.press("enter")
	before := d.names()
	for name, why := range map[string]string{
		"vlocks": "error parsing regexp", "vlocksnonsense": "no column nonsense to sort by",
		"vscenarios": "scenarios: not available here", "vlock": "there is no view of the screen lock",
	} {
		d.press(":")
		d.typed("view " + name)
		d.press("enter")
		d.mustShow("✗ view " + name + ": " + why)
		if now := d.names(); now != before || d.home().Filtered() != "billing" {
			t.Errorf("%s: %q are shown, by %q; before %q", name, now, d.home().Filtered(), before)
		}
	}
}
