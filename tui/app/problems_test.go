package app

import (
	"slices"
	"testing"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// The worst problem is first, drawn as its cycle, with what helps.
func TestProblemsScreen(t *testing.T) {
	d := newDriver(t, nil)
	incident(d)
	d.press("3")
	d.mustShow(">  ✗ deadlock")
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
	d.mustShow("✓ deadlock      /stock +1")
	d.mustShow("problems 4")
	d.mustShow("deadlock on /stock and /orders: billing svc[161]@web-1 and shipping") // the text below began anew
	d.mustNotShow("┌▸ billing")
	d.clock.add(10 * time.Second)
	d.send(tickMsg{})
	d.diagnosed()
	d.mustNotShow("resolved")
	d.mustShow("has not been renewed for 40s and ends in") // which only the text below shows in full
}

// Waits are shown with what they last because of, once; they are found there.
func TestFoldedWaits(t *testing.T) {
	d := newDriver(t, nil)
	incident(d)
	d.press("3")
	d.send(resize(160, 50))
	d.mustShow("+2 waits · deadlock on /stock and /orders")
	d.mustShow("because of it:")
	d.mustShow("! shipping svc[162]@web-1 has waited 1m15s for /orders (write)")
	if kinds := d.column("kind"); slices.Contains(kinds, string(diagnose.LongWait)) {
		t.Errorf("a wait is shown beside its cause: %s", kinds)
	}
	d.mustShow("3 problems ✗1 !2")
	d.press("/")
	d.typed("api")
	d.press("enter")
	if kinds := d.column("kind"); !slices.Equal(kinds, []string{"expiring"}) {
		t.Errorf("a client that waits is found in %s", kinds)
	}
}

// Another remedy than the first can be chosen.
func TestOtherRemedy(t *testing.T) {
	d, _ := withForce(t)
	incident(d)
	d.press("3")
	d.send(resize(160, 50))
	d.mustShow("> etcd-lock release --lease 00000000000000a2")
	d.press("o")
	d.mustShow("> etcd-lock release --lease 00000000000000a1")
	d.press("ctrl+k")
	d.asked()
	d.mustShow("00000000000000a1")
	d.press("esc")
	d.press("o")
	d.mustShow("> etcd-lock release --lease 00000000000000a2")
	d.press("j", "k")
	d.press("o", "j", "k") // another problem under the cursor begins anew
	d.mustShow("> etcd-lock release --lease 00000000000000a2")
}

// On a small screen, what the chosen remedy would do is seen without scrolling.
func TestChosenRemedyIsSeen(t *testing.T) {
	d, _ := withForce(t)
	incident(d)
	d.press("3")
	d.mustShow("ctrl+k 1 of 2: end the session of shipping svc[162]@web-1: releases")
	d.press("J", "o")
	d.mustShow("ctrl+k 2 of 2: end the session of billing svc[161]@web-1: releases")
	d.send(resize(160, 50)) // on which all of it has room
	d.mustNotShow("2 of 2")
}

// What is resolved is told in the past tense, and has no key that applies a remedy.
func TestResolvedWait(t *testing.T) {
	d, _ := withForce(t)
	d.put("/backup", keyspace.Write, 0)
	d.put("/backup", keyspace.Write, time.Minute)
	d.diagnosed()
	d.press("3")
	d.row(">").has("! long-wait")
	d.mustShow("ctrl+k apply")
	backup, _ := d.m.Live.Find(rw("/backup"))
	d.cluster.Remove(backup.ID, backup.Queue[0].Key)
	d.until("the other one holds", func() bool { l, _ := d.m.Live.Find(rw("/backup")); return len(l.Queue) == 1 })
	d.diagnosed()
	d.row(">").has("✓ long-wait")
	d.mustShow("had waited 1m5s for /backup (write)")
	d.mustNotShow("ctrl+k apply")
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
	d.mustShow("✓ resolved")
	d.clock.add(10 * time.Second)
	d.send(tickMsg{})
	d.mustShow("problems 0 · 1 potential")
}

// Who waits under a lock that is not read may be in a deadlock, and none of the keys shows it.
func TestUnseenUnder(t *testing.T) {
	d := newDriver(t, nil)
	d.cluster.SetOutside(keyspace.Prefixes{"/app1/"}, nil)
	d.cluster.Put(inspect.Request{Lock: rw("/app1/a"), Mode: keyspace.Write, Lease: 0xa1})
	d.cluster.Put(inspect.Request{Lock: rw("/app1/a"), Mode: keyspace.Write, Lease: 0xa2, Owner: keyspace.Owner{Under: "/zoo/z/write/1"}.Ref()})
	d.until("both are there", func() bool { return d.m.Live.Revision == 102 })
	d.diagnosed()
	d.diagnosed()
	d.until("looked up", func() bool { return len(d.m.Unseen) > 0 })
	d.press("3")
	d.mustShow("it runs under a lock that was not read, below /zoo/")
}

// A cause that may lie in keys that are not read is said, as why says it: with no
// problem, below one, and with the lock.
func TestUnseenKeys(t *testing.T) {
	d := newDriver(t, nil)
	d.cluster.SetOutside(keyspace.Prefixes{"/app1/"}, map[int64]inspect.Outside{0xa1: {Keys: []string{"/zoo/z/write/1"}}})
	holder := d.cluster.Put(inspect.Request{Lock: rw("/app1/a"), Mode: keyspace.Write, Lease: 0xa1})
	d.cluster.Put(inspect.Request{Lock: rw("/app1/a"), Mode: keyspace.Write, Lease: 0xa2})
	d.until("both are there", func() bool { return d.m.Live.Revision == 102 })
	d.diagnosed()
	d.diagnosed()
	d.until("looked up", func() bool { return len(d.m.Unseen) > 0 })
	d.mustShow("problems ?")
	says := "not known  whether session 00000000000000a1 waits for something elsewhere: it"
	d.press("enter")
	d.in("lock")
	d.mustShow(says)
	d.press("3")
	d.mustShow("no problems in what is read")
	d.mustShow(says)
	d.mustShow("has 1 key that was not read, below /zoo/; read more with etcd-lock tui /app1/")
	d.cluster.SetLease(0xa1, inspect.Lease{State: inspect.LeaseAlive, Granted: 90 * time.Second, Remaining: 50 * time.Second})
	d.diagnosed()
	d.diagnosed()
	d.mustShow("problems !1")
	d.mustShow(says)
	d.cluster.Remove(holder.Lock, holder.Key)
	d.until("it is gone", func() bool { return d.m.Live.Revision == 103 })
	d.diagnosed()
	d.diagnosed()
	d.until("nothing waits", func() bool { return len(d.m.Unseen) == 0 })
	d.mustNotShow("not known")
}
