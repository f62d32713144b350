package app

import (
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
	"etcd-lock/tui/nav"
)

// On the narrowest terminal no column of a table is cut, and those stay that say who it is
// about.
func TestColumnsOfANarrowTerminal(t *testing.T) {
	d := newDriver(t, func(o *backend.Options) {
		o.Past = &backendtest.History{Cluster: o.Source.(*backendtest.Cluster)}
		o.Scenarios = backendtest.Scenarios{}
	})
	incident(d)
	d.send(resize(40, 10))
	for _, c := range []struct {
		keys  []string
		in    string
		shows []string
	}{
		{[]string{"1"}, "locks", []string{"name", "waiters"}},
		{[]string{"enter"}, "lock", []string{"state", "owner", "for"}},
		{[]string{"H"}, "history", []string{"revision", "event", "client"}},
		{[]string{"2"}, "sessions", []string{"client", "ttl", "renewals"}},
		{[]string{"enter"}, "session", []string{"state", "lock"}},
		{[]string{"3"}, "problems", []string{"lock", "what"}},
		{[]string{"4"}, "clients", []string{"client", "state"}},
		{[]string{"5"}, "scenarios", []string{"name", "state"}},
		{[]string{"6"}, "past", []string{"revision", "event", "lock"}},
		{[]string{"7"}, "events", []string{"event", "what"}},
		{[]string{"8"}, "hot", []string{"name", "waited"}},
		{[]string{"@"}, "commands", []string{"outcome", "what"}},
	} {
		d.press(c.keys...)
		d.in(c.in)
		checkHeading(d, c.shows)
	}
	d.do(nav.OpenView(nav.KindNotifications))
	d.in("notifications")
	checkHeading(d, []string{"state", "what"})
}

// checkHeading checks that the heading of the table in front has these columns, and that
// the terminal does not cut it.
func checkHeading(d *driver, shows []string) {
	d.t.Helper()
	lines := strings.Split(d.plain(), "\n")
	i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "── ▸") })
	if i < 0 || i+1 >= len(lines) {
		d.t.Fatalf("no table is shown:\n%s", d.plain())
	}
	heading := lines[i+1]
	names := strings.Fields(heading)
	for _, name := range shows {
		if !slices.Contains(names, name) || strings.Contains(heading, "…") {
			d.t.Errorf("no whole column %q in %q:\n%s", name, heading, d.plain())
		}
	}
}

// A table that is sorted by a column without room says so in its title, with the arrow; a
// heading that is there never loses its own.
func TestSortedByAColumnWithoutRoom(t *testing.T) {
	d := newDriver(t, nil)
	incident(d)
	d.press("E")
	d.mustShow("locks 4 · by readers▼")
	d.press("R")
	d.mustShow("locks 4 · by readers▲")
	d.press("W")
	d.mustNotShow("· by ")
	d.mustShow("waiters▼")
	d.send(resize(200, 60))
	d.press("E")
	d.mustShow("reader▼")
	d.mustNotShow("· by ")
}

// Keys that scroll a text say why they do not, and the bottom line names them only while
// there is more text. The one that removes marks says that there are none.
func TestKeysThatMoveNothingSaySo(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/a", keyspace.Write, 0)
	d.diagnosed()
	says := func(key, text string) {
		t.Helper()
		d.do(nav.Quiet{})
		d.press(key)
		d.mustShow(key + ": " + text)
	}
	says("M", "no row is marked")
	d.press("2", "enter")
	d.in("session")
	d.mustNotShow("J more")
	says("J", "all of the text is shown")
	says("K", "all of the text is shown")
	d.press("1", "enter")
	d.in("lock")
	d.send(resize(80, 12)) // without room for a text
	d.plain()
	says("J", "no text is shown here")

	d = newDriver(t, nil)
	incident(d)
	d.press("3")
	d.in("problems")
	d.mustShow("J more")
	says("K", "this is the beginning of the text")
	for range 30 {
		d.press("J")
		d.plain()
	}
	says("J", "this is the end of the text")
}

// What is printed to be run is never cut: it goes on in the next line.
func TestPrintedCommandsAreWhole(t *testing.T) {
	d := newDriver(t, func(o *backend.Options) {
		withReleases(o)
		o.Flags.EtcdLock = []string{"--endpoints=https://etcd-1.example.com:2379,https://etcd-2.example.com:2379"}
	})
	incident(d)
	d.press("3")
	d.in("problems")
	d.send(resize(80, 40))
	d.cursorOn("no-lease")
	l, _ := d.m.Live.Find(rw("/legacy"))
	if shown := strings.Join(strings.Fields(d.plain()), " "); !strings.Contains(shown, "release --request "+l.Queue[0].Key) {
		t.Errorf("the command is not whole:\n%s", d.plain())
	}
}

// The q of screens leaves a dialog too, as No.
func TestLeaveADialogByQ(t *testing.T) {
	d := newDriver(t, withReleases)
	r := d.put("/a", keyspace.Write, 0)
	d.press("w")
	if d.m.asked == nil {
		t.Fatal("it does not ask")
	}
	d.press("q")
	d.mustShow("write lock on /a: not done")
	d.press("enter", "ctrl+k")
	d.until("previewed", func() bool { return d.m.asked != nil && !d.m.asked.Waits })
	d.press("q")
	d.in("lock")
	if l, _ := d.m.Live.Find(rw("/a")); d.m.asked != nil || len(l.Queue) != 1 || l.Queue[0].Key != r.Key {
		t.Error("q does not leave it, or does what it asks for")
	}
}

// The help is readable on the narrowest terminal: its lines go on below, and no word is lost.
func TestHelpOfANarrowTerminal(t *testing.T) {
	d := newDriver(t, nil)
	d.send(resize(40, 60))
	d.press("?")
	d.mustShow("▸ help: locks · ↓ for more")
	d.mustShow("open: the lock with its\n             queue and timeline")
	shown := d.plain()
	for range 40 {
		d.press("pgdown")
		shown += d.plain()
	}
	d.mustShow("▸ help: locks · ↑ for more")
	if strings.Contains(shown, "…\n") {
		t.Errorf("a line is cut:\n%s", shown)
	}
	below := ":sort COLUMN      sort; - in front\n                    reverses"
	if lines := ansi.Strip(strings.Join(d.m.helpLines(), "\n")); !strings.Contains(lines, below) {
		t.Errorf("the help of a command does not go on below its text:\n%s", lines)
	}
}

// A key that moved closes the help that it opened, and messages name it.
func TestHelpKeyThatMoved(t *testing.T) {
	d := newDriver(t, func(o *backend.Options) {
		o.Keys = []backend.Key{{From: "?", To: []string{"ctrl+g"}}}
	})
	d.press("ctrl+y")
	d.mustShow("ctrl+y: does nothing here; ctrl+g lists the keys that do")
	d.press("ctrl+g")
	d.mustShow("▸ help: locks")
	d.press("ctrl+g")
	d.mustNotShow("▸ help: locks")
}
