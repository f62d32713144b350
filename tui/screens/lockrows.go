package screens

import (
	"cmp"
	"strconv"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

func (s *locksScreen) tableColumns() []widget.Column[*lockRow] {
	return []widget.Column[*lockRow]{
		{Title: "", Long: "finding", Box: widget.Box{Min: 1, Want: 2}, Key: "F", Compare: bySeverity,
			Cell: s.finding, Text: func(r *lockRow) string { return string(r.finding.Kind) }},
		{Title: "name", Box: widget.Box{Min: 12, Want: 40, Flex: true, Soon: true}, Key: "N", Compare: byName, Ascending: true,
			Cell: s.nameCell, Text: func(r *lockRow) string { return term.Name(r.lock.ID.Name) }},
		{Title: "layout", Box: widget.Box{Min: 7, Want: 16, Rank: 7}, Key: "L", Compare: byLayout, Ascending: true, Cell: s.layout},
		{Title: "state", Box: widget.Box{Min: 11, Rank: 4}, Key: "S", Compare: byState, Cell: s.state},
		{Title: "read", Long: "readers", Box: widget.Box{Min: 5, Want: 8, Rank: 2}, Right: true, Key: "E", Compare: byReaders, Cell: s.readers},
		{Title: "write", Long: "writers", Box: widget.Box{Min: 6, Want: 8, Rank: 2}, Right: true, Key: "D", Compare: byWriters, Cell: s.writers},
		{Title: "wait", Long: "waiters", Box: widget.Box{Min: 5, Want: 8}, Right: true, Key: "W", Compare: byWaiters, Cell: s.waiters},
		{Title: "queue", Box: widget.Box{Min: 8, Want: state.SampleCount, Rank: 5}, Cell: s.spark, Text: func(*lockRow) string { return "" }},
		{Title: "waits", Long: "longest wait", Box: widget.Box{Min: 7, Want: 12, Rank: 3}, Right: true, Key: "A", Compare: byWait,
			Last: func(r *lockRow) bool { return !r.waiter.Known() }, Cell: s.waits},
		{Title: "held", Long: "longest hold", Box: widget.Box{Min: 7, Want: 12, Rank: 1}, Right: true, Key: "H", Compare: byHold,
			Last: func(r *lockRow) bool { return !r.holder.Known() }, Cell: s.held},
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
	return a.lock.ID.Layout.Compare(b.lock.ID.Layout)
}

func byName(a, b *lockRow) int { return a.lock.ID.Compare(b.lock.ID) }

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

func (s *locksScreen) finding(r *lockRow, _ int) theme.Text {
	return severitySign(s.Theme, r.severity())
}

func (s *locksScreen) nameCell(r *lockRow, w int) theme.Text {
	name := term.Name(r.lock.ID.Name)
	if s.HasOwn(r.lock.ID) {
		return theme.Styled("* "+term.CutMiddle(name, w-2), s.Theme.Own)
	}
	return theme.Styled(term.CutMiddle(name, w), s.Theme.Plain)
}

func (s *locksScreen) layout(r *lockRow, _ int) theme.Text {
	return theme.Styled(r.lock.ID.Layout.String(), s.Theme.Dim)
}

func (s *locksScreen) state(r *lockRow, _ int) theme.Text {
	switch {
	case r.free():
		return theme.Styled("· free", s.Theme.Free)
	case r.counts.Waiters > 0:
		return theme.Styled("▲ "+string(r.lock.State()), s.Theme.Contended)
	case r.counts.Readers+r.counts.Writers == 0:
		return theme.Styled("· "+string(r.lock.State()), s.Theme.Free)
	case r.lock.State() == inspect.StateUnknown:
		return theme.Styled("? "+string(r.lock.State()), s.Theme.Dim)
	default:
		return theme.Styled("● "+string(r.lock.StateAt(s.Clock())), s.Theme.Holding)
	}
}

func (s *locksScreen) readers(r *lockRow, _ int) theme.Text { return s.holders(r, r.counts.Readers) }
func (s *locksScreen) writers(r *lockRow, _ int) theme.Text { return s.holders(r, r.counts.Writers) }

func (s *locksScreen) holders(r *lockRow, n int) theme.Text {
	if r.lock.State() == inspect.StateUnknown {
		return theme.Styled(format.Waiters(0, false), s.Theme.Dim)
	}
	return s.number(n)
}

func (s *locksScreen) waiters(r *lockRow, _ int) theme.Text {
	if !r.free() && !r.lock.ID.Layout.Waiters {
		return theme.Styled(format.Waiters(0, false), s.Theme.Dim)
	}
	return s.number(r.counts.Waiters)
}

// number dims zeros, so that the others stand out.
func (s *locksScreen) number(n int) theme.Text {
	if n == 0 {
		return theme.Styled("0", s.Theme.Dim)
	}
	return theme.Styled(strconv.Itoa(n), s.Theme.Plain)
}

func (s *locksScreen) waits(r *lockRow, _ int) theme.Text { return age(s.Context, r.waiter) }
func (s *locksScreen) held(r *lockRow, _ int) theme.Text  { return age(s.Context, r.holder) }

func (s *locksScreen) spark(r *lockRow, w int) theme.Text {
	if s.InPast() {
		return theme.Text{}
	}
	return theme.Styled(s.Queues.Spark(r.lock.ID, w), s.Theme.Waiting)
}

// lockRow is a lock with what the table says of it.
type lockRow struct {
	lock    inspect.Lock
	counts  inspect.Counts
	waiter  inspect.Start // of the longest wait
	holder  inspect.Start // of the longest hold
	finding diagnose.Finding
}

// free reports whether the lock has no request any more.
func (r *lockRow) free() bool { return len(r.lock.Queue) == 0 }

func newLockRow(l inspect.Lock) *lockRow {
	return &lockRow{lock: l, counts: l.Count(), waiter: l.LongestWait(), holder: l.LongestHold()}
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

func (r *lockRow) severity() diagnose.Severity { return r.finding.Severity }
