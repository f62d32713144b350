package diagnose

import (
	"testing"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/locktest"
)

// A waiter for a semaphore is in a deadlock only if what is left of the permits, once all
// others are gone, is too little for it.
func TestDeadlocksThroughSemaphores(t *testing.T) {
	for _, test := range []struct {
		name, spec string
		members    int // of the deadlock
	}{
		{"another holder gives back a permit", "/pool A.s1=1/2 B.s2=1/2 C.s5=1/2\n/l C.w3 A.w4", 0},
		{"the only permit", "/pool A.s1=1/1 C.s5=1/1\n/l C.w3 A.w4", 2},
		{"all permits are wanted", "/pool A.s1=1/2 B.s2=1/2 C.s5=2/2\n/l C.w3 A.w4", 2},
		{"behind a request that takes all", "/pool A.s1=1/2 D.s2=2/2 C.s6=1/2\n/l C.w3 A.w4", 2},
		{"both holders wait for the waiter", "/pool A.s1=1/2 B.s2=1/2 C.s7=1/2\n/l C.w3 A.w4 B.w5", 2},
		{"fewer permits by what another one was told", "/pool A.s1=1/3 C.s5=1/1\n/l C.w3 A.w4", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := Locks(locktest.Snapshot(t, test.spec), nil, Thresholds{}, locktest.Epoch)
			members := 0
			if len(d.Cycles) > 0 {
				members = len(d.Cycles[0])
			}
			if members != test.members || len(d.Cycles) > 1 {
				t.Errorf("deadlocks %v, want one of %d", d.Cycles, test.members)
			}
		})
	}
}

func TestPermitsOfSemaphores(t *testing.T) {
	s := locktest.Snapshot(t, "/pool A.s1=2/3 B.s2=1/3 C.s3=1/3\n/told A.s4=1/3 B.s5=1/1 C.s6=1/3\n/mixed A.s7=1/1 B.r8")
	pool, told := s.Named("/pool")[0], s.Named("/told")[0]
	if got := locktest.Keys(pool.Queue[:2]); !pool.Queue[0].Holding || !pool.Queue[1].Holding || pool.Queue[2].Holding {
		t.Errorf("holding: %v", got)
	}
	if p := pool.Permits(); p.Taken != 3 || p.Total != 3 {
		t.Errorf("permits %+v", p)
	}
	if told.Queue[1].Holding || told.Queue[2].Holding || told.State() != inspect.StateContended {
		t.Errorf("of %s hold more than one was told", told.ID.Name)
	}
	want := `warning mixed-layouts of a b: /mixed/slot/7 /mixed/read/8
warning permits-differ of b a: /told/slot/5 /told/slot/4
`
	if got := data(Findings(s, nil, Thresholds{}, locktest.Epoch).Findings); got != want {
		t.Errorf("findings\n%swant\n%s", got, want)
	}
}

func TestBlockersOfSemaphores(t *testing.T) {
	l := locktest.Snapshot(t, "/pool A.s1=1/3 B.s2=1/3 C.s3=2/3 D.s4=1/3").Locks[0]
	for i, want := range []int{0, 0, 2, 3} {
		if got := l.Blockers(i); len(got) != want {
			t.Errorf("request %d is blocked by %s", i, locktest.Keys(got))
		}
	}
}
