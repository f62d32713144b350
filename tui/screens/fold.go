package screens

import (
	"cmp"
	"fmt"
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
	return likeness{r.Mode, numberless(term.Safe(cmp.Or(r.Owner.Label, r.Owner.Program)))}
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

// folded is waiters that a row stands for.
type folded struct {
	rows []queueRow
	nth  int // such row of the queue
}

// fold has one row stand for all but the first of the waiters that are alike and wait one
// after the other. Those among which the cursor is are shown.
func fold(rows []queueRow, at string, folds func(queueRow) bool) []queueRow {
	shown := make([]queueRow, 0, len(rows))
	nth := 0
	for len(rows) > 0 {
		run := 1
		if like := likenessOf(rows[0].Request); folds(rows[0]) {
			for run < len(rows) && folds(rows[run]) && likenessOf(rows[run].Request) == like {
				run++
			}
		}
		hidden := rows[min(alikeShown, run):run]
		if run < alikeLeast || slices.ContainsFunc(hidden, func(r queueRow) bool { return r.Key == at }) {
			shown = append(shown, rows[:run]...)
		} else {
			nth++
			of := &folded{hidden, nth}
			shown = append(append(shown, rows[:alikeShown]...), queueRow{at: hidden[0].at, nearest: -1, folded: of})
		}
		rows = rows[run:]
	}
	return shown
}

// id identifies the row that stands for waiters: it stays the same while the queue moves on.
func (f *folded) id() string { return "\x00" + strconv.Itoa(f.nth) }

// requests are those of the rows.
func (f *folded) requests() []inspect.Request {
	requests := make([]inspect.Request, 0, len(f.rows))
	for _, r := range f.rows {
		requests = append(requests, r.Request)
	}
	return requests
}

// text says how many there are, and what they are.
func (f *folded) text() string {
	return "… " + strconv.Itoa(len(f.rows)) + " more like this" + alikeText(f.requests())
}

// positions are those of the first and the last of them.
func (f *folded) positions() string {
	return "#" + f.rows[0].position() + " to #" + f.rows[len(f.rows)-1].position()
}

// alikeText names what waiters have in common, ": worker-* on 3 hosts"; it is empty if that
// is nothing.
func alikeText(requests []inspect.Request) string {
	names, hosts := map[string]bool{}, hostCounts(requests)
	for _, r := range requests {
		names[likenessOf(r).name] = true
	}
	if len(names) != 1 || names[""] {
		return ""
	}
	for name := range names {
		switch {
		case len(hosts) == 1 && hosts[0].name != "":
			return ": " + name + " on " + hosts[0].name
		case len(hosts) > 1:
			return ": " + name + " on " + format.Count(len(hosts), "host", "hosts")
		default:
			return ": " + name
		}
	}
	return ""
}

// hostCount is how many requests are of clients on a host.
type hostCount struct {
	name string // empty: not known
	n    int
}

// hostCounts counts requests by the hosts of their clients, most first.
func hostCounts(requests []inspect.Request) []hostCount {
	n := map[string]int{}
	for _, r := range requests {
		n[hostOf(r)]++
	}
	var counts []hostCount
	for _, name := range slices.Sorted(maps.Keys(n)) {
		counts = append(counts, hostCount{name, n[name]})
	}
	slices.SortStableFunc(counts, func(a, b hostCount) int { return b.n - a.n })
	return counts
}

// hostsText lists the hosts of clients in w cells: "batch-1 67, batch-2 66".
func hostsText(requests []inspect.Request, w int) string {
	var parts []string
	for _, h := range hostCounts(requests) {
		parts = append(parts, fmt.Sprintf("%s %d", cmp.Or(h.name, "unknown host"), h.n))
	}
	text := strings.Join(parts, ", ")
	for n := len(parts); term.Width(text) > w && n > 1; {
		n--
		text = strings.Join(parts[:n], ", ") + " and " + strconv.Itoa(len(parts)-n) + " more"
	}
	return text
}
