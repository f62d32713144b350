package tui

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/inspect"
)

func (s *locksScreen) tableColumns() []column[*lockRow] {
	return []column[*lockRow]{
		{title: "", long: "finding", box: box{min: 1, want: 2}, key: "F", compare: bySeverity,
			cell: s.finding, text: func(r *lockRow) string { return string(r.finding.Kind) }},
		{title: "name", box: box{min: 12, want: 40, flex: true, soon: true}, key: "N", compare: byName, ascending: true,
			cell: s.nameCell, text: func(r *lockRow) string { return safe(r.lock.ID.Name) }},
		{title: "layout", box: box{min: 7, rank: 7}, key: "L", compare: byLayout, ascending: true, cell: s.layout},
		{title: "state", box: box{min: 11, rank: 4}, key: "S", compare: byState, cell: s.state},
		{title: "read", long: "readers", box: box{min: 5, want: 8, rank: 2}, right: true, key: "E", compare: byReaders, cell: s.readers},
		{title: "write", long: "writers", box: box{min: 6, want: 8, rank: 2}, right: true, key: "D", compare: byWriters, cell: s.writers},
		{title: "wait", long: "waiters", box: box{min: 5, want: 8}, right: true, key: "W", compare: byWaiters, cell: s.waiters},
		{title: "queue", box: box{min: 8, want: sampleCount, rank: 5}, cell: s.spark, text: func(*lockRow) string { return "" }},
		{title: "waits", long: "longest wait", box: box{min: 7, want: 12, rank: 3}, right: true, key: "A", compare: byWait,
			last: func(r *lockRow) bool { return r.waiter.IsZero() }, cell: s.waits},
		{title: "held", long: "longest hold", box: box{min: 7, want: 12, rank: 1}, right: true, key: "H", compare: byHold,
			last: func(r *lockRow) bool { return r.holder.IsZero() }, cell: s.held},
	}
}

// What is looked for comes first: the worst, the most, the oldest.
func bySeverity(a, b *lockRow) int { return cmp.Compare(b.severity(), a.severity()) }
func byState(a, b *lockRow) int    { return cmp.Compare(stateRank(b), stateRank(a)) }
func byReaders(a, b *lockRow) int  { return cmp.Compare(b.counts.Readers, a.counts.Readers) }
func byWriters(a, b *lockRow) int  { return cmp.Compare(b.counts.Writers, a.counts.Writers) }
func byWaiters(a, b *lockRow) int  { return cmp.Compare(b.counts.Waiters, a.counts.Waiters) }
func byWait(a, b *lockRow) int     { return a.waiter.Compare(b.waiter) }
func byHold(a, b *lockRow) int     { return a.holder.Compare(b.holder) }

func byLayout(a, b *lockRow) int {
	return strings.Compare(string(a.lock.ID.Layout), string(b.lock.ID.Layout))
}

func byName(a, b *lockRow) int { return compareIDs(a.lock.ID, b.lock.ID) }

func stateRank(r *lockRow) int {
	switch {
	case r.counts.Waiters > 0:
		return 3
	case r.counts.Writers > 0:
		return 2
	default:
		return min(len(r.lock.Queue), 1)
	}
}

func (s *locksScreen) finding(r *lockRow, _ int) cell {
	return cell(severitySign(s.theme, r.severity()))
}

func (s *locksScreen) nameCell(r *lockRow, w int) cell {
	name := safe(r.lock.ID.Name)
	if s.hasOwn(r.lock.ID) {
		return cell{"* " + cutMiddle(name, w-2), s.theme.own}
	}
	return cell{cutMiddle(name, w), s.theme.plain}
}

func (s *locksScreen) layout(r *lockRow, _ int) cell {
	return cell{safe(string(r.lock.ID.Layout)), s.theme.dim}
}

func (s *locksScreen) state(r *lockRow, _ int) cell {
	switch {
	case r.free():
		return cell{"· free", s.theme.free}
	case r.counts.Waiters > 0:
		return cell{"▲ " + string(inspect.StateContended), s.theme.contended}
	default:
		return cell{"● " + string(r.lock.State()), s.theme.holding}
	}
}

func (s *locksScreen) readers(r *lockRow, _ int) cell { return s.number(r.counts.Readers) }
func (s *locksScreen) writers(r *lockRow, _ int) cell { return s.number(r.counts.Writers) }
func (s *locksScreen) waiters(r *lockRow, _ int) cell { return s.number(r.counts.Waiters) }

// number dims zeros, so that the others stand out.
func (s *locksScreen) number(n int) cell {
	if n == 0 {
		return cell{"0", s.theme.dim}
	}
	return cell{strconv.Itoa(n), s.theme.plain}
}

func (s *locksScreen) waits(r *lockRow, _ int) cell { return s.age(r.waiter) }
func (s *locksScreen) held(r *lockRow, _ int) cell  { return s.age(r.holder) }

func (s *locksScreen) age(since time.Time) cell { return cell{age(s.clock(), since), s.theme.plain} }

func (s *locksScreen) spark(r *lockRow, w int) cell {
	if s.inPast() {
		return cell{}
	}
	return cell{s.queues.spark(r.lock.ID, w), s.theme.waiting}
}

// lockRow is a lock with what the table says of it.
type lockRow struct {
	lock    inspect.Lock
	counts  inspect.Counts
	waiter  time.Time // since when the first waiter has waited
	holder  time.Time // since when the oldest holder has its request
	finding inspect.Finding
}

// free reports whether the lock has no request any more.
func (r *lockRow) free() bool { return len(r.lock.Queue) == 0 }

func newLockRow(l inspect.Lock) *lockRow {
	r := &lockRow{lock: l, counts: l.Count(), waiter: l.OldestWaiter()}
	for _, q := range l.Queue {
		if q.Holding && !q.Since.IsZero() && (r.holder.IsZero() || q.Since.Before(r.holder)) {
			r.holder = q.Since
		}
	}
	return r
}

// worstFirst is the usual order: by findings, then by how many wait behind these,
// then the contended locks, then by name.
func worstFirst(a, b *lockRow) int {
	return cmp.Or(
		cmp.Compare(b.severity(), a.severity()),
		cmp.Compare(b.finding.Behind, a.finding.Behind),
		cmp.Compare(min(b.counts.Waiters, 1), min(a.counts.Waiters, 1)),
		byName(a, b),
	)
}

func (r *lockRow) severity() inspect.Severity { return r.finding.Severity }
