package app

import (
	"slices"
	"strings"
	"testing"

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
