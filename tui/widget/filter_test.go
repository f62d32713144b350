package widget

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/tui/theme"
)

type thing struct {
	name, owner string
	waiters     int // -1: not known
}

func newFilterTable() *Table[string, thing] {
	cols := []Column[thing]{
		{Title: "name", Cell: func(r thing, _ int) theme.Text { return theme.Text{Text: r.name} }},
		{
			Title: "waiters", Cell: func(r thing, _ int) theme.Text { return theme.Text{Text: strconv.Itoa(r.waiters)} },
			Number: func(r thing) (float64, bool) { return float64(r.waiters), r.waiters >= 0 },
		},
	}
	cols = append(cols, Column[thing]{Title: "own", Long: "owned by", Cell: func(r thing, _ int) theme.Text { return theme.Text{Text: r.owner} }})
	looks := theme.New(true, true)
	t := NewTable(&looks, cols, func(r thing) string { return r.name })
	t.Match = func(r thing) string { return r.name }
	t.More = func(r thing) iter.Seq[string] { return slices.Values([]string{r.owner}) }
	t.Fields = map[string]func(thing) iter.Seq[string]{"owner": t.More}
	t.Set([]thing{{"/orders/eu", "shop@a", 12}, {"/orders/us", "Shop@b", 300}, {"/Billing", "report@a", -1}, {"urn:x", "", 0}})
	return t
}

// A filter is words, fields and numbers, expressions after ~, and the rest of the rows
// after !.
func TestFilter(t *testing.T) {
	const all = "/orders/eu /orders/us /Billing urn:x"
	for text, want := range map[string]string{
		"": all, "!": all, "~": all, "owner:": all, "waiters>": all, "!waiters>=": all,
		"orders": "/orders/eu /orders/us", "bill": "/Billing", "Orders": "", "!bill": "/orders/eu /orders/us urn:x",
		"~^/o.*s$": "/orders/us", "!~[eu]u?$": "/orders/us /Billing urn:x", ".": "", "~a b": "",
		"shop": "/orders/eu /orders/us", "@a": "/orders/eu /Billing", "shop @a": "/orders/eu", "!shop !urn": "/Billing",
		"owner:shop": "/orders/eu /orders/us", "owner:Shop": "/orders/us", "owner:orders": "", "owner:~^r": "/Billing",
		"!owner:shop": "/Billing urn:x", "name:eu": "/orders/eu", "urn:": "urn:x", "urn:x": "urn:x",
		"waiters>12": "/orders/us", "waiters>=12": "/orders/eu /orders/us", "waiters<12": "urn:x", "waiters<=12": "/orders/eu urn:x",
		"waiters=12": "/orders/eu", "waiters==12": "/orders/eu", "waiters>1m": "/orders/us", "!waiters>12": "/orders/eu /Billing urn:x",
		"orders waiters>100 owner:shop": "/orders/us", "own:report": "/Billing", "name>3": "",
	} {
		table := newFilterTable()
		if err := table.SetFilter(text); err != nil {
			t.Fatal(text, err)
		}
		var got []string
		for _, r := range table.rows {
			got = append(got, r.name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q shows %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"~[": "missing closing ]", "owner:~[": "missing closing ]",
		"waiters>many": "many is not a number or a time (2d3h)", "waiters=<3": "<3 is not a number", "waiters>2d3": "2d3 is not", "waiters>xd": "xd is not",
	} {
		if err := newFilterTable().SetFilter(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

// A filter takes the ages that tables show.
func TestFilterTakesAges(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, age := range []time.Duration{
		0, time.Second, 59 * time.Second, time.Minute, 91 * time.Second, time.Hour, 3*time.Hour + 4*time.Minute,
		day, 2*day + 3*time.Hour, 99*day + 23*time.Hour, 100 * day, 999 * day, 274 * 365 * day,
	} {
		text := format.Age(age)
		table := newFilterTable()
		table.Set([]thing{{"exact", "", int(age / time.Second)}, {"later", "", int(age/time.Second) + 1}})
		if err := table.SetFilter("waiters=" + text); err != nil || len(table.rows) != 1 || table.rows[0].name != "exact" {
			t.Errorf("%s: rows %v, error %v", text, table.rows, err)
		}
	}
}

// A term about a field that there is not, or one without numbers, is text, and says that.
func TestFilterOdd(t *testing.T) {
	t.Parallel()
	const fields = "so that was looked for as text; fields: name, owner, waiters"
	for text, want := range map[string]string{
		"": "", "shop": "", "owner:x": "", "name:x": "", "waiters>1": "", ":x": "", "/a:b": "", "~a:b": "", "owner:~x:y": "",
		"foo:bar": "there is no field foo, " + fields, "!foo=1 bar:x": "there is no field foo, " + fields, "shop Owner:x": "there is no field Owner, " + fields,
		"name>3": "name is no number to compare, so that was looked for as text", "owner<3": "owner is no number to compare, so that was looked for as text",
	} {
		table := newFilterTable()
		if err := table.SetFilter(text); err != nil || table.Odd() != want {
			t.Errorf("%q: %q, error %v, want %q", text, table.Odd(), err, want)
		}
	}
}
