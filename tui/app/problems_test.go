package app

import (
	"slices"
	"testing"

	"etcd-lock/internal/diagnose"
)

// The worst problem is first, drawn as its cycle, with what helps.
func TestProblemsScreen(t *testing.T) {
	d := newDriver(t, nil)
	incident(d)
	d.press("3")
	d.mustShow(">  ✗ critical deadlock")
	d.mustShow("┌▸ billing svc[161]@web-1")
	d.mustShow("↓ waits for write /stock, which shipping svc[162]@web-1 holds")
	d.mustShow("back to billing svc[161]@web-1")
	d.mustShow("more lines: J")
	d.press("J", "J")
	d.mustShow("etcd-lock release --lease 00000000000000a2")
	d.mustShow("= etcdctl lease revoke 00000000000000a2")
	d.press("s")
	d.in("session")
	d.press("esc", "enter")
	d.in("lock")
}

// What is said below the problems begins anew when the cursor comes to another
// one, also when it does so because the first has gone.
func TestProblemsBelow(t *testing.T) {
	d := newDriver(t, nil)
	incident(d)
	d.press("3")
	d.mustShow("more lines: J")
	d.mustShow("┌▸ billing")
	d.press("J")
	d.mustNotShow("┌▸ billing")
	orders, _ := d.m.Live.Find(rw("/orders"))
	for _, r := range orders.Queue {
		d.cluster.Remove(r.Lock, r.Key)
	}
	d.until("gone", func() bool { _, there := d.m.Live.Find(rw("/orders")); return !there })
	d.diagnosed()
	d.mustNotShow("deadlock")
	d.mustShow("has not been renewed for 40s and ends in") // which only the text below shows in full
}

// Problems are sorted and filtered like all rows, and gone when they are.
func TestProblemsSort(t *testing.T) {
	d := newDriver(t, nil)
	incident(d)
	d.press("3")
	worst := d.column("kind")[0]
	d.press("N")
	if kinds := d.column("kind"); !slices.IsSorted(kinds) {
		t.Errorf("sorted %s", kinds)
	}
	d.press("B")
	if behind := d.column("behind"); behind[0] < behind[len(behind)-1] {
		t.Errorf("sorted %s", behind)
	}
	d.press("/")
	d.typed(string(diagnose.Deadlock))
	d.press("enter")
	if kinds := d.column("kind"); len(kinds) == 0 || kinds[0] != worst {
		t.Errorf("filtered to %v", kinds)
	}
	d.press("esc")
	for _, lease := range []int64{0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5} {
		d.cluster.Revoke(lease)
	}
	d.until("all are gone", func() bool { return len(d.m.Live.Locks) == 0 })
	d.diagnosed()
	d.mustShow("no problems")
}
