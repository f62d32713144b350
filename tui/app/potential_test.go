package app

import (
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// oppositeOrders has report acquire /a and then /b, and once it has released both, billing
// /b and then /a.
func oppositeOrders(d *driver) {
	d.t.Helper()
	put := func(name, label string, lease int64) inspect.Request {
		r := d.cluster.Put(inspect.Request{
			Lock: rw(name), Mode: keyspace.Write, Lease: lease, Owned: true, Since: d.clock.Now(), Seen: d.clock.Now(), Saw: true,
			Owner: keyspace.Owner{Host: "web-1", PID: int(lease), Program: "svc", Label: label}.Ref(),
		})
		d.until("it is seen", func() bool { return d.m.Live.Revision >= r.Revision })
		return r
	}
	a, b := put("/a", "report", 0xa1), put("/b", "report", 0xa1)
	d.cluster.Remove(b.Lock, b.Key)
	d.cluster.Remove(a.Lock, a.Key)
	d.until("both are gone", func() bool {
		_, hasA := d.m.Live.Find(a.Lock)
		_, hasB := d.m.Live.Find(b.Lock)
		return !hasA && !hasB
	})
	put("/b", "billing", 0xa2)
	put("/a", "billing", 0xa2)
	d.until("learnt", func() bool {
		if len(d.m.Potential.Deadlocks) > 0 {
			return true
		}
		d.clock.add(time.Second)
		d.send(tickMsg{})
		return false
	})
}

// Deadlocks that could happen are learnt while the UI runs, and are below those that have.
func TestPotentialProblems(t *testing.T) {
	d := newDriver(t, nil)
	oppositeOrders(d)
	d.diagnosed()
	d.mustShow("3 problems ·1")
	d.press("3")
	d.mustShow("problems 0 · 1 potential")
	d.row(">").has("· potential", "/a +1", "potential deadlock")
	d.mustShow("report svc[161]@web-1 held /a for writing")
	d.mustShow("billing svc[162]@web-1 held /b for writing")
	d.press("J")
	d.mustShow("Potential only: it could")
	d.press("ctrl+k")
	d.mustShow("ctrl+k: not available here")
	d.press("s")
	d.mustShow("s: this finding names no session")
	d.press("enter")
	d.in("lock")
	d.mustShow("/a · rwlock · 1 holding")
	d.press("3", "/")
	d.typed("kind:potential")
	d.press("enter")
	if kinds := d.column("kind"); len(kinds) != 1 {
		t.Errorf("filtered to %s", kinds)
	}
	d.press("esc")
	incidentAround(d)
	d.press("3")
	d.mustShow("3 problems ·2")
	if kinds := d.column("kind"); len(kinds) != 2 || kinds[1] != "potential" {
		t.Errorf("the kinds are %s", kinds)
	}
}

// incidentAround has a client wait for so long that it is a problem.
func incidentAround(d *driver) {
	d.t.Helper()
	d.put("/slow", keyspace.Write, time.Hour)
	d.cluster.SetLease(0x694d8f9b0a1c0001, inspect.Lease{State: inspect.LeaseAlive, Granted: 90 * time.Second, Remaining: 20 * time.Second})
	d.diagnosed()
	d.diagnosed()
}

// A deadlock that has happened is not told a second time as one that could.
func TestPotentialHappens(t *testing.T) {
	d := newDriver(t, nil)
	incident(d)
	d.until("learnt", func() bool {
		d.clock.add(time.Second)
		d.send(tickMsg{})
		return d.m.effects.Idle() && len(d.m.Potential.Deadlocks) > 0
	})
	d.press("3")
	d.mustShow("deadlock")
	d.mustNotShow("potential")
	d.cluster.Revoke(0xa2)
	d.until("revoked", func() bool { _, there := d.m.Live.Find(rw("/stock")); return there && d.m.Live.Revision > 108 })
	d.diagnosed()
	d.mustShow("✓ deadlock")
	d.mustShow("1 potential")
}

// History shows no deadlocks that could happen: they are learnt from the present.
func TestPotentialInPast(t *testing.T) {
	d, _ := withPast(t, 100)
	oppositeOrders(d)
	d.press("3")
	d.mustShow("1 potential")
	d.press("[")
	d.until("in the past", d.m.InPast)
	d.mustNotShow("potential")
	d.press("b")
	d.until("live", func() bool { return !d.m.InPast() })
	d.mustShow("1 potential")
}
