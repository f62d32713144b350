package screens

import (
	"cmp"
	"iter"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

func (s *locksScreen) tableColumns() []widget.Column[*lockRow] {
	columns := []widget.Column[*lockRow]{
		{Title: "", Long: "finding", Box: widget.Box{Min: 1}, Key: "F", Compare: bySeverity,
			Cell: s.finding, Text: func(r *lockRow) string { return string(r.finding.Kind) }},
		{Title: "name", Box: widget.Box{Min: 18, Want: 48, Flex: true, Soon: true, Uncut: true}, Key: "N", Compare: byName, Ascending: true,
			Cell: s.nameCell, Text: func(r *lockRow) string { return term.Name(r.lock.ID.Name) }},
		{Title: "layout", Box: widget.Box{Min: 7, Want: 16, Rank: 6, Yields: true}, Key: "L", Compare: byLayout, Ascending: true, Cell: s.layout},
		{Title: "state", Box: widget.Box{Min: 11, Rank: 4}, Key: "S", Compare: byState, Cell: s.state},
		{Title: "holder", Box: widget.Box{Min: 16, Want: 32, Rank: 2, Soon: true, Uncut: true}, Key: "O", Compare: byHolder, Ascending: true, Cell: s.holder,
			Last: func(r *lockRow) bool { return r.holders() == 0 }, Brief: briefHolder},
		{Title: "readers", Box: widget.Box{Min: 7, Rank: 7, Yields: true}, Right: true, Key: "E", Compare: byReaders, Cell: s.readers, Number: countOf(func(c inspect.Counts) int { return c.Readers })},
		{Title: "writers", Box: widget.Box{Min: 7, Rank: 7, Yields: true}, Right: true, Key: "D", Compare: byWriters, Cell: s.writers, Number: countOf(func(c inspect.Counts) int { return c.Writers })},
		{Title: "waiters", Box: widget.Box{Min: 8}, Right: true, Key: "W", Compare: byWaiters, Cell: s.waiters, Number: func(r *lockRow) (float64, bool) {
			return float64(r.counts.Waiters), r.free() || r.lock.ID.Layout.Waiters
		}},
		{Title: "queue", Box: widget.Box{Min: 8, Want: state.SampleCount, Rank: 5}, Cell: s.spark, Text: func(*lockRow) string { return "" }},
		{Title: "waited", Box: widget.Box{Min: 7, Rank: 3}, Right: true, Key: "A", Compare: byWait,
			Last: func(r *lockRow) bool { return !r.waiter.Known() }, Cell: s.waits, Number: s.ageOf(func(r *lockRow) inspect.Start { return r.waiter })},
		{Title: "held", Box: widget.Box{Min: 7, Rank: 1}, Right: true, Key: "H", Compare: byHold,
			Last: func(r *lockRow) bool { return !r.holder.Known() }, Cell: s.held, Number: s.ageOf(func(r *lockRow) inspect.Start { return r.holder })},
	}
	return slices.Insert(columns, 1, contextColumn(s.Context, func(r *lockRow) *nav.Context { return r.of })...)
}

// What is looked for comes first: the worst, the most, the oldest.
func bySeverity(a, b *lockRow) int { return cmp.Compare(b.severity(), a.severity()) }
func byState(a, b *lockRow) int    { return cmp.Compare(stateRank(b), stateRank(a)) }
func byReaders(a, b *lockRow) int  { return cmp.Compare(b.counts.Readers, a.counts.Readers) }
func byWriters(a, b *lockRow) int  { return cmp.Compare(b.counts.Writers, a.counts.Writers) }
func byWaiters(a, b *lockRow) int  { return cmp.Compare(b.counts.Waiters, a.counts.Waiters) }
func byWait(a, b *lockRow) int     { return a.waiter.Compare(b.waiter) }
func byHold(a, b *lockRow) int     { return a.holder.Compare(b.holder) }

// byHolder puts locks of the same holder side by side.
func byHolder(a, b *lockRow) int { return strings.Compare(holderText(a), holderText(b)) }

func byLayout(a, b *lockRow) int {
	return a.lock.ID.Layout.Compare(b.lock.ID.Layout)
}

func byName(a, b *lockRow) int {
	return cmp.Or(a.lock.ID.Compare(b.lock.ID), strings.Compare(a.of.Etcd.Name, b.of.Etcd.Name))
}

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
	return SeveritySign(s.Theme, r.severity())
}

func (s *locksScreen) nameCell(r *lockRow, w int) theme.Text {
	name := term.Name(r.lock.ID.Name)
	if r.of.HasOwn(r.lock.ID) {
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
		return theme.Styled("● "+string(r.lock.StateAt(r.of.Clock())), s.Theme.Holding)
	}
}

func (s *locksScreen) holder(r *lockRow, w int) theme.Text {
	style := s.Theme.Plain
	if r.holders() != 1 {
		style = s.Theme.Dim
	}
	text := holderText(r)
	if r.holders() == 1 && r.lock.State() != inspect.StateUnknown {
		text = clientIn(r.holding(), w)
	}
	return theme.Styled(term.CutMiddle(text, w), style)
}

// holderText names the client that holds the lock, or says how many do.
func holderText(r *lockRow) string {
	switch n := r.holders(); {
	case r.lock.State() == inspect.StateUnknown:
		return format.Waiters(0, false)
	case n == 0:
		return ""
	case n == 1:
		return state.Who(r.holding())
	case r.counts.Writers == 0:
		return strconv.Itoa(n) + " readers"
	default:
		return strconv.Itoa(n) + " holders"
	}
}

// briefHolder names the holder in little room; empty unless there is one alone.
func briefHolder(r *lockRow) string {
	if r.holders() != 1 || r.lock.State() == inspect.StateUnknown {
		return ""
	}
	return briefWho(r.holding())
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

func (s *locksScreen) waits(r *lockRow, _ int) theme.Text { return age(r.of, r.waiter) }
func (s *locksScreen) held(r *lockRow, _ int) theme.Text  { return age(r.of, r.holder) }

func (s *locksScreen) spark(r *lockRow, w int) theme.Text {
	return theme.Styled(r.of.ShownQueues().Spark(r.lock.ID, w), s.Theme.Waiting)
}

// countOf is a column that filters compare with numbers. A lock whose value cannot be read
// has no counts.
func countOf(count func(inspect.Counts) int) func(*lockRow) (float64, bool) {
	return func(r *lockRow) (float64, bool) {
		return float64(count(r.counts)), r.lock.State() != inspect.StateUnknown
	}
}

// ageOf is a column that filters compare with times: what it shows, a bound too.
func (s *locksScreen) ageOf(start func(*lockRow) inspect.Start) func(*lockRow) (float64, bool) {
	return func(r *lockRow) (float64, bool) {
		since, _ := start(r).Since()
		return r.of.Clock().Sub(since).Seconds(), start(r).Known()
	}
}

// ofQueue are texts about the requests of a lock, those of one request after the other.
func ofQueue(r *lockRow, about ...func(inspect.Request) string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, q := range r.lock.Queue {
			for _, text := range about {
				if !yield(text(q)) {
					return
				}
			}
		}
	}
}

// briefWho is the client of a request as ownerIn names it in little room.
func briefWho(r inspect.Request) string { return briefOwner(r.Owner.Value()) }

// briefOwner is an owner as ownerIn names it in little room.
func briefOwner(o keyspace.Owner) string {
	name, host := term.Safe(cmp.Or(o.Label, o.Program)), term.Safe(o.Host)
	if name == "" || host == "" {
		return name
	}
	return name + "@" + host
}

func hostOf(r inspect.Request) string    { return term.Safe(r.Owner.Value().Host) }
func sessionOf(r inspect.Request) string { return format.Lease(r.Lease) }

// lockRow is a lock with what the table says of it.
type lockRow struct {
	of      *nav.Context // the cluster
	lock    inspect.Lock
	counts  inspect.Counts
	waiter  inspect.Start  // of the longest wait
	holder  inspect.Start  // of the longest hold
	finding diagnose.Brief // the worst
}

func (r *lockRow) id() in[inspect.LockID] { return in[inspect.LockID]{r.lock.ID, r.of.Etcd.Name} }

// holders is how many hold the lock.
func (r *lockRow) holders() int { return r.counts.Readers + r.counts.Writers }

// holding is the first request that holds the lock, of which there is one.
func (r *lockRow) holding() inspect.Request {
	return r.lock.Queue[slices.IndexFunc(r.lock.Queue, func(q inspect.Request) bool { return q.Holding })]
}

// free reports whether the lock has no request any more.
func (r *lockRow) free() bool { return len(r.lock.Queue) == 0 }

func newLockRow(of *nav.Context, l inspect.Lock) *lockRow {
	return &lockRow{of: of, lock: l, counts: l.Count(), waiter: l.LongestWait(), holder: l.LongestHold()}
}

// worstFirst is the usual order: what is critical, then by how many wait, then by
// findings, then by name. How many wait counts in powers of two, so that busy locks do not
// change places with each grant.
func worstFirst(a, b *lockRow) int {
	return cmp.Or(
		cmp.Compare(b.severity()/diagnose.Critical, a.severity()/diagnose.Critical),
		cmp.Compare(bits.Len(b.behind()), bits.Len(a.behind())),
		cmp.Compare(b.severity(), a.severity()),
		byName(a, b),
	)
}

// behind is how many are known to wait because of the lock.
func (r *lockRow) behind() uint { return uint(max(r.finding.Behind, r.counts.Waiters)) }

func (r *lockRow) severity() diagnose.Severity { return r.finding.Severity }

// lockPart is the rows of a cluster.
type lockPart struct {
	of    *nav.Context
	rows  []*lockRow     // of the snapshot, in its order
	locks []inspect.Lock // that snapshot's
	known time.Time      // of the verdict that the rows have
}

// refresh takes in the snapshot, and reports whether its verdict is the one that the rows
// had, and whether anything has changed. Rows of queues that have not changed are kept: there may be many locks, and few of
// them change at a time.
func (p *lockPart) refresh() (judged, changed bool) {
	shown := p.of.Shown()
	judged = p.known.Equal(shown.Verdict.At)
	if judged && p.rows != nil && inspect.Same(p.locks, shown.Locks) {
		return true, false
	}
	p.locks, p.known = shown.Locks, shown.Verdict.At
	old, i := p.rows, 0
	rows := make([]*lockRow, 0, len(shown.Locks)+1)
	for _, l := range shown.Locks {
		for i < len(old) && old[i].lock.ID.Compare(l.ID) < 0 {
			i++
		}
		var r *lockRow
		if i < len(old) && old[i].lock.ID == l.ID && inspect.Same(old[i].lock.Queue, l.Queue) {
			r = old[i]
		} else {
			r = newLockRow(p.of, l)
			r.finding = shown.Verdict.Worst(l.ID)
		}
		if !judged {
			r.finding = shown.Verdict.Worst(l.ID)
		}
		rows = append(rows, r)
	}
	p.rows = rows
	return judged, true
}

// gone is the row of the lock that the cursor is meant for if that does not exist; nil: it does.
func (s *locksScreen) gone() *lockRow {
	here, ok := s.table.Target()
	if !ok {
		return nil
	}
	of := clusterNamed(s.Context, here.of)
	if of == nil {
		return nil
	}
	if _, there := of.Shown().Find(here.id); there {
		return nil
	}
	return &lockRow{of: of, lock: inspect.Lock{ID: here.id}}
}

// join takes in the snapshot of each cluster, and reports whether their verdicts are those
// that the rows had, and whether anything has changed.
func (s *locksScreen) join() (judged, changed bool) {
	judged = true
	old := s.parts
	s.parts = nil
	for _, c := range s.Clusters() {
		p := &lockPart{of: c}
		if i := slices.IndexFunc(old, func(p *lockPart) bool { return p.of == c }); i >= 0 {
			p = old[i]
		}
		same, other := p.refresh()
		judged, changed = judged && same, changed || other
		s.parts = append(s.parts, p)
	}
	return judged, changed || len(s.parts) != len(old)
}
