package tui

import (
	"testing"

	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// The worst problem is first, drawn as its cycle, with what helps.
func TestProblemsScreen(t *testing.T) {
	d := newDriver(t, nil)
	incident(d)
	d.press("3")
	d.mustShow(">  ✗ critical deadlock")
	d.mustShow("┌▸ billing svc 161@web-1")
	d.mustShow("↓ waits for write /stock, which shipping svc 162@web-1 holds")
	d.mustShow("and so back to billing svc 161@web-1")
	d.mustShow("more lines: J")
	d.press("J", "J")
	d.mustShow("etcd-lock release --lease a2")
	d.mustShow("= etcdctl lease revoke a2")
	d.press("s")
	d.in("session")
	d.press("esc", "enter")
	d.in("lock")
}

// Each step of a cycle is a sentence, whatever leads to the next session.
func TestProblemsCycle(t *testing.T) {
	d := newDriver(t, nil)
	s := d.m.screens.views[KindProblems].(*problemsScreen)
	for kind, want := range map[inspect.EdgeKind]string{
		inspect.EdgeHard:   "waits for write /a, which b holds",
		inspect.EdgeSoft:   "waits for write /a, which b is ahead for",
		inspect.EdgeInside: "holds write /a, and runs b under it",
	} {
		e := inspect.Edge{Kind: kind, To: inspect.SessionID{Lease: 0xb}, Waiter: inspect.Request{Lock: rw("/a"), Mode: keyspace.Write}}
		if got := ansi.Strip(s.arrow(&verdict{}, e)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What is said below the problems begins anew when the cursor comes to another
// one, also when it does so because the first has gone.
func TestProblemsBelow(t *testing.T) {
	d := newDriver(t, nil)
	incident(d)
	d.press("3")
	d.mustShow("more lines: J")
	s := d.m.screens.front().(*problemsScreen)
	if d.press("J"); s.pager.top == 0 {
		t.Fatal("not scrolled")
	}
	orders, _ := d.m.live.Snapshot.Find(rw("/orders"))
	for _, r := range orders.Queue {
		d.cluster.remove(r.Lock, r.Key)
	}
	d.until("gone", func() bool { _, there := d.m.live.Snapshot.Find(rw("/orders")); return !there })
	d.diagnosed()
	if f, _ := s.table.current(); f.Kind == inspect.FindingDeadlock {
		t.Fatal("there is still a deadlock")
	}
	if s.pager.top != 0 {
		t.Errorf("scrolled by %d", s.pager.top)
	}
}

// Problems are sorted and filtered like all rows, and gone when they are.
func TestProblemsSort(t *testing.T) {
	d := newDriver(t, nil)
	incident(d)
	d.press("3")
	table := d.m.screens.front().(*problemsScreen).table
	worst := table.rows[0].Kind
	d.press("N")
	if kinds := table.rows; kinds[0].Kind > kinds[len(kinds)-1].Kind {
		t.Errorf("sorted %s to %s", kinds[0].Kind, kinds[len(kinds)-1].Kind)
	}
	d.press("B")
	if rows := table.rows; rows[0].Behind < rows[len(rows)-1].Behind {
		t.Errorf("sorted %d to %d", rows[0].Behind, rows[len(rows)-1].Behind)
	}
	d.press("/")
	d.typed(string(inspect.FindingDeadlock))
	d.press("enter")
	if len(table.rows) == 0 || table.rows[0].Kind != worst {
		t.Errorf("filtered to %d rows", len(table.rows))
	}
	d.press("esc")
	for _, lease := range []int64{0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5} {
		d.cluster.revoke(lease)
	}
	d.until("all are gone", func() bool { return len(d.m.live.Snapshot.Locks) == 0 })
	d.diagnosed()
	d.mustShow("nothing is wrong with any lock")
}
