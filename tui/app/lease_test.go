package app

import (
	"fmt"
	"strconv"
	"testing"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/nav"
)

// TestFilterTakesLeases wants every table with leases to find one by its ID as anything prints
// it: this program, etcdctl, and JSON.
func TestFilterTakesLeases(t *testing.T) {
	t.Parallel()
	const negative, positive = -0x1234_5678_9abc_def0, 0x694d_8f9b_0a1c_0bad
	d := newDriver(t, nil)
	for name, lease := range map[string]int64{"/neg": negative, "/small": -5, "/pos": positive} {
		d.cluster.Put(inspect.Request{Lock: rw(name), Mode: keyspace.Write, Lease: lease})
	}
	d.until("all is there", func() bool { return len(d.m.Live.Locks) == 3 })
	d.diagnosed()
	finds := func(what, text string) {
		t.Helper()
		if err := d.grid().SetFilter(text); err != nil {
			t.Fatal(err)
		}
		if rows := d.grid().Sheet().Rows; len(rows) != 1 {
			t.Errorf("%s: %s finds %q", what, text, rows)
		}
		d.press("esc")
	}
	for name, lease := range map[string]int64{"/neg": negative, "/small": -5, "/pos": positive} {
		for _, id := range []string{format.Lease(lease), fmt.Sprintf("%016x", lease), strconv.FormatInt(lease, 16), strconv.FormatInt(lease, 10)} {
			for key, screen := range map[string]string{"1": "locks", "2": "sessions"} {
				d.press(key)
				d.in(screen)
				finds(screen, id)
				finds(screen, "session:"+id)
			}
			d.do(nav.OpenLock(rw(name)))
			d.in("lock")
			finds(name, "session:"+id)
			d.press("esc")
		}
	}
}
