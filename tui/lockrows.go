package tui

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
)

func (s *locksScreen) columns() []column[*lockRow] {
	number := func(of func(*lockRow) int) func(*lockRow, int) cell {
		return func(r *lockRow, _ int) cell { return s.number(of(r)) }
	}
	most := func(of func(*lockRow) int) func(a, b *lockRow) int {
		return func(a, b *lockRow) int { return cmp.Compare(of(b), of(a)) }
	}
	ago := func(of func(*lockRow) time.Time) func(*lockRow, int) cell {
		return func(r *lockRow, _ int) cell { return cell{age(s.clock(), of(r)), s.theme.plain} }
	}
	oldest := func(of func(*lockRow) time.Time) func(a, b *lockRow) int {
		return func(a, b *lockRow) int { return of(a).Compare(of(b)) }
	}
	readers := func(r *lockRow) int { return r.counts.Readers }
	writers := func(r *lockRow) int { return r.counts.Writers }
	waiters := func(r *lockRow) int { return r.counts.Waiters }
	waiter := func(r *lockRow) time.Time { return r.waiter }
	holder := func(r *lockRow) time.Time { return r.holder }
	return []column[*lockRow]{
		{title: "", long: "finding", box: box{min: 1, want: 2}, key: "F", compare: most(func(r *lockRow) int { return int(r.severity()) }),
			cell: s.finding, text: func(r *lockRow) string { return string(r.finding.Kind) }},
		{title: "name", box: box{min: 12, want: 40, flex: true, soon: true}, key: "N", compare: byName, ascending: true,
			cell: s.nameCell, text: func(r *lockRow) string { return safe(r.lock.ID.Name) }},
		{title: "layout", box: box{min: 7, rank: 7}, key: "L", ascending: true,
			compare: func(a, b *lockRow) int { return cmp.Compare(a.lock.ID.Layout, b.lock.ID.Layout) },
			cell:    func(r *lockRow, _ int) cell { return cell{safe(string(r.lock.ID.Layout)), s.theme.dim} }},
		{title: "state", box: box{min: 11, rank: 4}, key: "S", compare: most(stateRank),
			cell: func(r *lockRow, _ int) cell { g := s.state(r); return cell(g) }},
		{title: "read", long: "readers", box: box{min: 5, want: 8, rank: 2}, right: true, key: "E", compare: most(readers), cell: number(readers)},
		{title: "write", long: "writers", box: box{min: 6, want: 8, rank: 2}, right: true, key: "D", compare: most(writers), cell: number(writers)},
		{title: "wait", long: "waiters", box: box{min: 5, want: 8}, right: true, key: "W", compare: most(waiters), cell: number(waiters)},
		{title: "queue", box: box{min: 8, want: sampleCount, rank: 5}, cell: s.spark, text: func(*lockRow) string { return "" }},
		{title: "waits", long: "longest wait", box: box{min: 7, want: 12, rank: 3}, right: true, key: "A", compare: oldest(waiter),
			last: func(r *lockRow) bool { return r.waiter.IsZero() }, cell: ago(waiter)},
		{title: "held", long: "longest hold", box: box{min: 7, want: 12, rank: 1}, right: true, key: "H", compare: oldest(holder),
			last: func(r *lockRow) bool { return r.holder.IsZero() }, cell: ago(holder)},
	}
}

func stateRank(r *lockRow) int {
	switch {
	case r.counts.Waiters > 0:
		return 3
	case r.counts.Writers > 0:
		return 2
	default:
		return boolInt(!r.free())
	}
}

func (s *locksScreen) finding(r *lockRow, _ int) cell {
	g := severitySign(s.theme, r.severity())
	return cell(g)
}

// severitySign is the sign of how bad something is.
func severitySign(t theme, sev diagnose.Severity) sign {
	switch sev {
	case diagnose.Critical:
		return sign{"✗", t.lost}
	case diagnose.Warning:
		return sign{"!", t.warning}
	case diagnose.Notice:
		return sign{"·", t.dim}
	default:
		return sign{"", t.plain}
	}
}

func (s *locksScreen) nameCell(r *lockRow, w int) cell {
	name := safe(r.lock.ID.Name)
	if s.hasOurs(r.lock.ID) {
		return cell{"* " + cutMiddle(name, w-2), s.theme.ours}
	}
	return cell{cutMiddle(name, w), s.theme.plain}
}

func (s *locksScreen) spark(r *lockRow, w int) cell {
	if s.inPast() {
		return cell{}
	}
	return cell{s.queues.spark(r.lock.ID, w), s.theme.waiting}
}

// number dims zeros, so that the others stand out.
func (s *locksScreen) number(n int) cell {
	if n == 0 {
		return cell{"0", s.theme.dim}
	}
	return cell{strconv.Itoa(n), s.theme.plain}
}

func (s *locksScreen) state(r *lockRow) sign {
	if r.free() {
		return sign{"· free", s.theme.free}
	}
	if r.counts.Waiters > 0 {
		return sign{"▲ " + string(inspect.StateContended), s.theme.contended}
	}
	return sign{"● " + string(r.lock.State()), s.theme.holding}
}

// lockRow is a lock with what the table says of it.
type lockRow struct {
	lock    inspect.Lock
	counts  inspect.Counts
	waiter  time.Time // since when the longest waiting one waits
	holder  time.Time // since when the oldest holder has asked
	finding diagnose.Finding
}

// free reports whether nobody holds or asks for the lock any more.
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

// worstFirst is the usual order: findings by how bad they are, then the locks
// that others wait for longest, then by name.
func worstFirst(a, b *lockRow) int {
	return cmp.Or(
		cmp.Compare(b.severity(), a.severity()),
		cmp.Compare(b.finding.Behind, a.finding.Behind),
		cmp.Compare(boolInt(b.counts.Waiters > 0), boolInt(a.counts.Waiters > 0)),
		byName(a, b),
	)
}

func (r *lockRow) severity() diagnose.Severity { return r.finding.Severity }

func byName(a, b *lockRow) int {
	return cmp.Or(
		strings.Compare(a.lock.ID.Name, b.lock.ID.Name),
		strings.Compare(string(a.lock.ID.Layout), string(b.lock.ID.Layout)),
	)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
