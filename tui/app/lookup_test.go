package app

import (
	"errors"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/nav"
)

// Leases are looked up for the rows in view, counted down in between, and not
// at all while that cannot be answered.
func TestLeases(t *testing.T) {
	d := newDriver(t, nil)
	for i := range 1000 {
		d.cluster.Put(inspect.Request{Lock: rw("/a"), Mode: keyspace.Write, Lease: int64(i + 1)})
	}
	idle := d.m.effects.Idle
	d.until("all are there", func() bool { return len(d.queue()) == 1000 && idle() })
	d.press("enter")
	d.in("lock")
	visible := d.m.screens.Front().(nav.Leaser).Leases(d.m.Context)
	d.clock.add(3 * time.Second)
	d.send(tickMsg{})
	d.until("looked up", func() bool {
		for _, id := range visible {
			if _, ok := d.m.LeaseLeft(id); !ok {
				return false
			}
		}
		return idle()
	})
	d.clock.add(3 * time.Second)
	d.m.Now = d.clock.Now()
	d.mustShow("6s")

	for _, leases := range d.cluster.LookUps() {
		if len(leases) > inspect.MaxLeases {
			t.Errorf("asked for %d leases", len(leases))
		}
	}

	t.Run("NoneWhileDisconnected", func(t *testing.T) {
		d.cluster.SetDown(errors.New("unavailable"))
		d.until("lost", func() bool { return d.m.Conn.Lost })
		d.until("the last answer is in", idle)
		before := len(d.cluster.LookUps())
		d.clock.add(time.Hour)
		d.send(tickMsg{})
		d.idle()
		if len(d.cluster.LookUps()) != before {
			t.Error("asked")
		}
		d.mustNotShow("gone")
		d.mustNotShow(" 0s ")
	})
}

// However many sessions there are, Problems says of the one that holds up the others whether
// its lease is renewed.
func TestProblemLeases(t *testing.T) {
	d := newDriver(t, nil)
	for i := range 500 {
		d.cluster.Put(inspect.Request{
			Lock: rw("/a"), Mode: keyspace.Write, Lease: int64(i + 1), Owned: true, Since: d.clock.Now().Add(-time.Hour),
			Owner: keyspace.Owner{Host: "web-1", PID: i + 1, Program: "worker"}.Ref(),
		})
	}
	d.until("all are there", func() bool { return len(d.queue()) == 500 })
	d.diagnosed()
	d.press("3")
	for range 4 { // by turns, all of them are looked up in more than that
		d.mustShow("long-wait")
		d.clock.add(3 * time.Second)
		d.send(tickMsg{})
		d.idle()
	}
	d.mustShow("worker[1]@web-1: a renewal of its lease was last seen")
}
