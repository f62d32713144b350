package screens

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/term"
)

// Of waiters that are alike and wait one after the other, the first alikeShown are shown if
// there are alikeLeast of them.
const (
	alikeShown = 2
	alikeLeast = 8
)

// likeness is what waiters have in common that differ only in which of many they are.
type likeness struct {
	mode keyspace.Mode
	name string // with * in place of numbers
}

func likenessOf(r inspect.Request) likeness {
	o := r.Owner.Value()
	return likeness{r.Mode, numberless(term.Safe(cmp.Or(o.Label, o.Program)))}
}

// numberless writes * in the place of the numbers in a name, and of the parts that are
// numbers for the most part, such as the endings of names of pods.
func numberless(name string) string {
	var b strings.Builder
	for len(name) > 0 {
		end := strings.IndexFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		part := name
		if end >= 0 {
			part = name[:end]
		}
		first := strings.IndexFunc(part, unicode.IsDigit)
		switch {
		case first < 0:
			b.WriteString(part)
		case strings.IndexFunc(part[first:], unicode.IsLetter) < 0: // a word with a number
			b.WriteString(part[:first] + "*")
		default:
			b.WriteString("*")
		}
		if end < 0 {
			break
		}
		b.WriteByte(name[end])
		name = name[end+1:]
	}
	return b.String()
}

// folded is waiters that are alike, for which one row stands.
type folded struct {
	rows  []queueRow
	nth   int         // such row of the queue
	hosts []hostCount // of their clients, once it is asked for
}

// fold has one row stand for all but the first of the waiters that are alike and wait one
// after the other. Those among which the cursor is are shown.
func fold(rows []queueRow, at string, folds func(queueRow) bool) []queueRow {
	shown := make([]queueRow, 0, len(rows))
	nth := 0
	for len(rows) > 0 {
		run := 1
		for folds(rows[0]) && run < len(rows) && folds(rows[run]) && rows[run].like == rows[0].like {
			run++
		}
		hidden := rows[min(alikeShown, run):run]
		if run < alikeLeast || slices.ContainsFunc(hidden, func(r queueRow) bool { return r.Key == at }) {
			shown = append(shown, rows[:run]...)
		} else {
			nth++
			of := &folded{rows: hidden, nth: nth}
			shown = append(append(shown, rows[:alikeShown]...), queueRow{at: hidden[0].at, nearest: -1, folded: of})
		}
		rows = rows[run:]
	}
	return shown
}

// id identifies the row that stands for waiters: it stays the same while the queue moves on.
func (f *folded) id() string { return "\x00" + strconv.Itoa(f.nth) }

// text says how many there are, and what they are.
func (f *folded) text() string {
	return "… " + strconv.Itoa(len(f.rows)) + " more like this" + kindText(f.rows[0].like.name, f.hostCounts())
}

func (f *folded) hostCounts() []hostCount {
	if f.hosts == nil {
		f.hosts = countHosts(len(f.rows), func(i int) inspect.Request { return f.rows[i].Request })
	}
	return f.hosts
}

// positions are those of the first and the last of them.
func (f *folded) positions() string {
	return "#" + f.rows[0].position() + " to #" + f.rows[len(f.rows)-1].position()
}

// alikeText names what waiters have in common, as kindText does; it is empty if that is
// nothing.
func alikeText(requests []inspect.Request) string {
	if len(requests) == 0 {
		return ""
	}
	like := likenessOf(requests[0])
	if slices.ContainsFunc(requests, func(r inspect.Request) bool { return likenessOf(r).name != like.name }) {
		return ""
	}
	return kindText(like.name, hostCounts(requests))
}

// kindText names a kind of clients and where they run, ": worker-* on 3 hosts"; it is empty
// if they have no name.
func kindText(name string, hosts []hostCount) string {
	switch {
	case name == "":
		return ""
	case len(hosts) > 1:
		return ": " + name + " on " + format.Count(len(hosts), "host", "hosts")
	case len(hosts) == 1 && hosts[0].name != "":
		return ": " + name + " on " + hosts[0].name
	default:
		return ": " + name
	}
}

// hostCount is how many requests are of clients on a host.
type hostCount struct {
	name string // empty: not known
	n    int
}

// hostCounts counts requests by the hosts of their clients, most first.
func hostCounts(requests []inspect.Request) []hostCount {
	return countHosts(len(requests), func(i int) inspect.Request { return requests[i] })
}

func countHosts(requests int, request func(i int) inspect.Request) []hostCount {
	n := map[string]int{}
	for i := range requests {
		n[hostOf(request(i))]++
	}
	var counts []hostCount
	for _, name := range slices.Sorted(maps.Keys(n)) {
		counts = append(counts, hostCount{name, n[name]})
	}
	slices.SortStableFunc(counts, func(a, b hostCount) int { return b.n - a.n })
	return counts
}

// hostsText lists the hosts of clients in w cells: "batch-1 67, batch-2 66".
func hostsText(hosts []hostCount, w int) string {
	var parts []string
	for _, h := range hosts {
		text := h.name + " " + strconv.Itoa(h.n)
		if h.name == "" {
			text = format.Count(h.n, "on an unknown host", "on unknown hosts")
		}
		parts = append(parts, text)
	}
	text := strings.Join(parts, ", ")
	for n := len(parts); term.Width(text) > w && n > 1; {
		n--
		text = strings.Join(parts[:n], ", ") + " and " + strconv.Itoa(len(parts)-n) + " more"
	}
	return text
}
