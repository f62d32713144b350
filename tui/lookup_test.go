package tui

import (
	"errors"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// Leases are looked up for the rows in view, counted down in between, and not
// at all while that cannot be answered.
func TestLeases(t *testing.T) {
	d := newDriver(t, nil)
	for i := range 1000 {
		d.cluster.put(inspect.Request{Lock: rw("/a"), Mode: keyspace.Write, Lease: int64(i + 1)})
	}
	idle := d.m.effects.idle
	d.until("all are there", func() bool { return len(d.queue()) == 1000 && idle() })
	d.press("enter")
	d.in("lock")
	visible := d.m.screens.front().(leaser).Leases()
	d.clock.add(3 * time.Second)
	d.send(tickMsg{})
	d.until("looked up", func() bool {
		for _, id := range visible {
			if _, ok := d.m.leaseLeft(id); !ok {
				return false
			}
		}
		return idle()
	})
	d.clock.add(3 * time.Second)
	d.m.now = d.clock.Now()
	d.mustShow("6s")

	for _, leases := range d.cluster.lookUps() {
		if len(leases) > inspect.MaxLeases {
			t.Errorf("asked for %d leases", len(leases))
		}
	}

	t.Run("NoneWhileDisconnected", func(t *testing.T) {
		d.cluster.setDown(errors.New("unavailable"))
		d.until("lost", func() bool { return d.m.conn.lost })
		d.until("the last answer is in", idle)
		before := len(d.cluster.lookUps())
		d.clock.add(time.Hour)
		d.send(tickMsg{})
		d.idle()
		if len(d.cluster.lookUps()) != before {
			t.Error("asked")
		}
		d.mustNotShow("gone")
		d.mustNotShow(" 0s ")
	})
}
