package state

import (
	"slices"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/tui/backend"
)

// What is known of a part of the time in place of a number of waiters.
const (
	NotRecorded = -1
	NotRead     = -2
)

// CellOf returns which of n equal parts of the time between two times a time is in: the first
// or the last one if it is not between them.
func CellOf(t, from, to time.Time, n int) int {
	whole := to.Sub(from)
	if whole <= 0 || t.Before(from) {
		return 0
	}
	return min(int(float64(t.Sub(from))/float64(whole)*float64(n)), n-1)
}

// OverviewCells returns the most requests that waited in each of n equal parts of the time
// between two times.
func OverviewCells(o *backend.Overview, from, to time.Time, n int) []int {
	cells := make([]int, n)
	step := to.Sub(from) / time.Duration(max(n, 1))
	for i := range cells {
		begin := from.Add(time.Duration(i) * step)
		first := CellOf(begin, o.Begin, o.End, len(o.Waiters))
		last := max(CellOf(begin.Add(step-1), o.Begin, o.End, len(o.Waiters)), first)
		if begin.After(o.End) || len(o.Waiters) == 0 {
			cells[i] = NotRead
			continue
		}
		cells[i] = slices.Max(o.Waiters[first : last+1])
		if cells[i] == NotRecorded && begin.Before(o.Read) {
			cells[i] = NotRead
		}
	}
	return cells
}

// SeverityOf returns the severity that a recording says, 0 if there is none.
func SeverityOf(word string) diagnose.Severity {
	for _, s := range []diagnose.Severity{diagnose.Critical, diagnose.Warning, diagnose.Notice} {
		if s.String() == word {
			return s
		}
	}
	return 0
}

// NextMark returns the problem that was found first after a time (by 1), or last before it
// (-1), if one is known.
func NextMark(o *backend.Overview, at time.Time, by int) (backend.Mark, bool) {
	if by > 0 {
		i := slices.IndexFunc(o.Marks, func(m backend.Mark) bool { return m.Time.After(at) })
		if i < 0 {
			return backend.Mark{}, false
		}
		return o.Marks[i], true
	}
	for _, m := range slices.Backward(o.Marks) {
		if m.Time.Before(at) {
			return m, true
		}
	}
	return backend.Mark{}, false
}
