package app

import (
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// shown goes on until a request is on the screen, with what is wrong.
func (d *driver) shown(requests ...inspect.Request) {
	d.t.Helper()
	for _, r := range requests {
		made := d.cluster.Put(r)
		d.until("the request is there", func() bool { return d.m.Live.Revision >= made.Revision })
	}
	d.diagnosed()
}

// A wait without an owner that is older than the UI has a lower bound, everywhere,
// and becomes a problem.
func TestWaitOlderThanTheUI(t *testing.T) {
	d := newDriver(t, nil)
	began := d.clock.Now()
	d.shown(
		inspect.Request{Lock: rw("/a"), Mode: keyspace.Write, Lease: 0xa1, Seen: began},
		inspect.Request{Lock: rw("/a"), Mode: keyspace.Write, Lease: 0xa2, Seen: began},
	)
	d.mustShow("≥5s")
	d.mustNotShow("has waited")
	d.clock.add(44 * time.Second)
	d.diagnosed()
	d.row("/a  ").has("!", "≥54s    ≥54s")
	d.row("└ ○ write").has("≥54s")
	d.mustShow("! lease 00000000000000a2 has waited at least 54s for /a (write)")
	d.press("2")
	d.row("00000a2").has("≥54s")
	d.press("1", "enter")
	d.in("lock")
	d.row("2 write ○ waits").has("≥54s")
	d.press("j")
	d.mustShow("has waited for at least 54s")
}

// A waiter that is granted after 12 minutes has not held for 12 minutes.
func TestHoldCountsFromItsGrant(t *testing.T) {
	d := newDriver(t, nil)
	now := d.clock.Now()
	d.shown(
		inspect.Request{Lock: rw("/a"), Mode: keyspace.Write, Lease: 0xa1, Since: now.Add(-12 * time.Minute), Seen: now, Saw: true},
		inspect.Request{Lock: rw("/a"), Mode: keyspace.Write, Lease: 0xa2, Since: now, Seen: now, Saw: true},
		inspect.Request{Lock: rw("/b"), Mode: keyspace.Write, Lease: 0xa3, Since: now.Add(-12 * time.Minute)},
	)
	d.row("/a  ").has("5s      5s")
	d.mustShow("≤12m5s")
	d.press("3")
	d.mustShow("lease 00000000000000a3 has held /b (write) for at most 12m")
	d.mustNotShow("00000000000000a1 has held")
}

// leases has the lease a1 looked up every few seconds, as etcd answers then.
func (d *driver) leases(long time.Duration, answer func(now time.Time) inspect.Lease) {
	d.t.Helper()
	for end := d.clock.Now().Add(long); d.clock.Now().Before(end); {
		before := len(d.cluster.LookUps())
		d.clock.add(3 * time.Second)
		d.cluster.SetLease(0xa1, answer(d.clock.Now()))
		d.send(tickMsg{})
		d.until("looked up", func() bool { return len(d.cluster.LookUps()) > before && d.m.effects.Idle() })
	}
}

// endsAt is a lease that ends then unless it is renewed.
func endsAt(end time.Time, granted time.Duration) func(now time.Time) inspect.Lease {
	return func(now time.Time) inspect.Lease {
		return inspect.Lease{State: inspect.LeaseAlive, Granted: granted, Remaining: end.Sub(now)}
	}
}

// A client that was killed with a lease of two hours never looks alive.
func TestDeadClientOfALongLease(t *testing.T) {
	d := newDriver(t, nil)
	d.cluster.SetLease(0xa1, endsAt(d.clock.Now().Add(85*time.Minute), 2*time.Hour)(d.clock.Now()))
	d.shown(inspect.Request{Lock: rw("/a"), Mode: keyspace.Write, Lease: 0xa1})
	d.press("2")
	lease := endsAt(d.clock.Now().Add(81*time.Minute), 2*time.Hour)
	answer := func(now time.Time) inspect.Lease {
		d.mustNotShow("renewed ")
		return lease(now)
	}
	d.leases(30*time.Second, answer)
	d.row("00000a1").has("· not due")
	d.leases(2*time.Minute, answer)
	d.row("00000a1").has("! none 41m3")
	d.press("3")
	d.mustShow("! expiring")
	d.mustShow("if its client is dead, end the session")
}

// A new leader starts all TTLs anew, which is no renewal.
func TestTTLStartsAnewAtALeaderChange(t *testing.T) {
	d := newDriver(t, nil)
	end := d.clock.Now().Add(time.Minute)
	d.cluster.SetLease(0xa1, endsAt(end, time.Minute)(d.clock.Now().Add(5*time.Second)))
	d.shown(inspect.Request{Lock: rw("/a"), Mode: keyspace.Write, Lease: 0xa1})
	d.press("2")
	for term := range uint64(4) {
		d.leases(27*time.Second, func(now time.Time) inspect.Lease {
			d.mustNotShow("● renewed")
			return endsAt(end, time.Minute)(now)
		})
		d.cluster.SetTerm(2 + term)
		end = d.clock.Now().Add(time.Minute)
	}
	d.row("00000a1").has("! none 1m5")
	d.press("enter")
	d.mustShow("its lease has not been renewed for 1m5")
	d.mustShow("the leader changed meanwhile")
	d.press("3")
	d.mustShow("no renewal of lease 00000000000000a1 was seen for 1m")
}

// A renewal that was seen is shown, and since when.
func TestRenewalIsShown(t *testing.T) {
	d := newDriver(t, nil)
	d.shown(inspect.Request{Lock: rw("/a"), Mode: keyspace.Write, Lease: 0xa1})
	d.press("2")
	began := d.clock.Now()
	d.leases(30*time.Second, func(now time.Time) inspect.Lease {
		return endsAt(now.Add(time.Minute-now.Sub(began)%(20*time.Second)), time.Minute)(now)
	})
	d.row("00000a1").has("● renewed")
	d.press("enter")
	d.mustShow("a renewal of its lease was last seen")
}
