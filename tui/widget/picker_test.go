package widget

import (
	"slices"
	"testing"
)

// What is typed finds the items that have its letters, the best first.
func TestPickerSearch(t *testing.T) {
	items := []string{"/orders/eu", "/Orders/us", "/billing/order", "/jobs/orphans", "/o/r/d", "/\x1b[31m"}
	for text, want := range map[string][]string{
		"":       {"/orders/eu", "/Orders/us", "/billing/order", "/jobs/orphans", "/o/r/d", `/\x1b[31m`},
		"order":  {"/billing/order", "/orders/eu", "/Orders/us"},
		"Or":     {"/Orders/us"},
		"ord":    {"/orders/eu", "/Orders/us", "/billing/order", "/o/r/d"},
		"rders":  {"/orders/eu", "/Orders/us"},
		"oseu":   {"/orders/eu"},
		"rs/":    {"/orders/eu", "/Orders/us"},
		"bil or": {"/billing/order"},
		"x1b":    {`/\x1b[31m`},
		"zzz":    nil,
	} {
		checkSearch(t, items, text, want)
	}
}

// Who types a name in full finds it first, then those that begin so, the shortest first.
func TestPickerOrder(t *testing.T) {
	t.Parallel()
	items := []string{"/svc14/svc1", "/team0/svc14/lock", "/team0/svc1a", "/team1/svc1/lock", "/team1/xsvc1", "/team2/s-v-c-1", "/team3/xsvc12"}
	for text, want := range map[string][]string{
		"svc1": {"/svc14/svc1", "/team1/svc1/lock", "/team0/svc1a", "/team0/svc14/lock", "/team1/xsvc1", "/team3/xsvc12", "/team2/s-v-c-1"},
		"":     items, // not the shortest first: in the order of their names
	} {
		checkSearch(t, items, text, want)
	}
}

// Letters that words begin with come before those that are anywhere.
func TestPickerBeginnings(t *testing.T) {
	t.Parallel()
	items := []string{"/stock/eu", "/calico/openstack/neutron", "/orders/eu", "/ops/eu/jobs", "/orders/e/u"}
	checkSearch(t, items, "oeu", []string{"/orders/eu", "/orders/e/u", "/ops/eu/jobs", "/stock/eu", "/calico/openstack/neutron"})
	checkSearch(t, items, "oreu", []string{"/orders/eu", "/orders/e/u"})
}

func checkSearch(t *testing.T, items []string, text string, want []string) {
	t.Helper()
	p := NewPicker("", items)
	p.Search(text)
	var got []string
	for _, i := range p.shown {
		got = append(got, p.items[i])
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q: %q, want %q", text, got, want)
	}
}
