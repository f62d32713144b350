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
		"order":  {"/orders/eu", "/Orders/us", "/billing/order"},
		"Or":     {"/Orders/us"},
		"ord":    {"/orders/eu", "/Orders/us", "/billing/order", "/o/r/d"},
		"rders":  {"/orders/eu", "/Orders/us"},
		"oseu":   {"/orders/eu"},
		"rs/":    {"/orders/eu", "/Orders/us"},
		"bil or": {"/billing/order"},
		"x1b":    {`/\x1b[31m`},
		"zzz":    nil,
	} {
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
}
