package widget

import (
	"strings"
	"testing"
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
