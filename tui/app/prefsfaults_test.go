package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
)

const faultyPrefs = `sort: {locks: -nonsense, lokcs: name, sessions: -ttl, problems: context}
hidden:
  locks: [layout, layuot]
  session: [oldest]
  sessions: [for]
  clietns: []
views:
  - {name: good, screen: locks, filter: "context:prod a", sort: -context}
  - {name: no screen, screen: lock}
  - {name: bad, screen: sessions, filter: "hodls>1", sort: nonsense}
  - {name: worse, screen: events, filter: "~["}
`

// What preferences say of screens and columns that there are not is said once, with where it
// is and what there is. The rest holds, and nothing of the file is lost when it is saved.
func TestPrefsFaults(t *testing.T) {
	f := backend.PrefsFile(filepath.Join(t.TempDir(), "ui.yaml"))
	if err := os.WriteFile(string(f), []byte(faultyPrefs), 0o600); err != nil {
		t.Fatal(err)
	}
	shared := backend.OpenPreferences(f)
	d := newDriver(t, func(o *backend.Options) { o.Preferences = shared })
	d.send(resize(400, 24))
	d.mustShow("✗ 1 of 9, see events: ui.yaml:1:15: sort of locks: no column nonsense to sort by")
	incident(d)
	var said []string
	for _, e := range d.m.Log.Entries {
		if e.Kind == state.EntryError {
			said = append(said, strings.TrimPrefix(e.Text, "ui.yaml"))
		}
	}
	want := []string{
		":1:15: sort of locks: no column nonsense to sort by; columns: finding, name, layout, state,",
		":1:33: sort: no screen lokcs; screens: locks, sessions, problems,",
		":6:12: hidden: no screen clietns; screens: locks,",
		":3:19: hidden in locks: no column layuot; columns: finding, name, layout,",
		":4:13: hidden in session: no column oldest; columns: state, mode, lock,",
		":9:31: view no screen: no screen lock; screens: locks, sessions,",
		":10:60: view bad: no column nonsense to sort by; columns: session, client, ttl,",
		":10:43: view bad: filter: there is no field hodls, so that was looked for as text; fields: client,",
		":11:43: view worse: filter: error parsing regexp",
	}
	for i, text := range want {
		if i >= len(said) || !strings.HasPrefix(said[i], text) {
			t.Errorf("%d of %d: not said: %s", i, len(said), text)
		}
	}
	if len(said) != len(want) || strings.Contains(strings.Join(said, ""), "no column context") {
		t.Errorf("said %d:\n%s", len(said), strings.Join(said, "\n"))
	}
	next := newDriver(t, func(o *backend.Options) { o.Preferences = shared }) // of another cluster
	logged := slices.ContainsFunc(next.m.Log.Entries, func(e *state.Entry) bool { return e.Kind == state.EntryError })
	if next.m.flash.isError || logged {
		t.Errorf("said twice: %s, %v", next.m.flash.text, next.m.Log.Entries)
	}
	d.mustNotShow(" layout ")
	d.press("2")
	d.mustNotShow(" oldest ")
	if by := d.m.screens.Front().Grid().Sorted(); by != "-ttl" {
		t.Errorf("sorted by %q", by)
	}
	d.press("3", "j", "1", "j")
	d.press(":")
	d.typed("mouse off")
	d.press("enter")
	d.until("saved", func() bool {
		p, err := f.Load()
		return err == nil && !p.Mouse && d.m.effects.Idle()
	})
	kept, err := os.ReadFile(string(f))
	if err != nil {
		t.Fatal(err)
	}
	before := parsedPrefs(t, faultyPrefs)
	before.Mouse = false
	if diff := cmp.Diff(before, parsedPrefs(t, string(kept))); diff != "" {
		t.Error(diff)
	}

	d.press("1", "N") // another order takes its place
	d.until("saved", func() bool {
		p, err := f.Load()
		return err == nil && p.Sort["locks"] == "name" && d.m.effects.Idle()
	})
}

// parsedPrefs are the preferences of a file with that text.
func parsedPrefs(t *testing.T, text string) backend.Prefs {
	t.Helper()
	f := backend.PrefsFile(filepath.Join(t.TempDir(), "ui.yaml"))
	if err := os.WriteFile(string(f), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := f.Load()
	if err != nil {
		t.Fatal(err)
	}
	p.File = nil
	return p
}

// What may be chosen for a screen is no fault, on none of them, whatever the UI was started
// with.
func TestPrefsWithoutFaults(t *testing.T) {
	d := newDriver(t, nil)
	p := d.m.effects.Chosen()
	for k := nav.KindLocks; k <= nav.LastKind; k++ {
		check := prefsCheck{c: d.m.Context, anywhere: d.m.Roaming(), prefs: &p.Prefs}
		grid := check.grid(k)
		p.Hidden[k.String()] = grid.Columns()
		for _, column := range grid.Sortable() {
			p.Sort[k.String()] = "-" + column
			if k.IsView() {
				p.Views = append(p.Views, backend.View{Name: "v", Screen: k.String(), Sort: column, Filter: "a"})
			}
		}
	}
	if faults := prefsFaults(d.m.Context, &p.Prefs); len(faults) > 0 {
		t.Error(faults)
	}
}

// A column that is hidden by its heading is, and can be shown by either name.
func TestHiddenByHeading(t *testing.T) {
	for _, name := range []string{"for", "oldest"} {
		d := newDriver(t, nil)
		incident(d)
		d.m.effects.Chosen().Hidden["sessions"] = []string{"for"}
		d.do(nav.Restyle{})
		d.press("2")
		d.mustNotShow(" oldest ")
		d.mustNotShow(" for ")
		d.press(":")
		d.typed("show " + name)
		d.press("enter")
		if left := d.m.effects.Chosen().Hidden["sessions"]; len(left) > 0 {
			t.Errorf("%s: still hidden: %v", name, left)
		}
	}
}
