package app

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
	"etcd-lock/tui/effects"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/screens"
	"etcd-lock/tui/widget"
)

// withForce is a driver whose user may release by force.
func withForce(t *testing.T) (*driver, *backendtest.Releaser) {
	t.Helper()
	f := &backendtest.Releaser{}
	d := newDriver(t, func(o *backend.Options) {
		f.Cluster = o.Source.(*backendtest.Cluster)
		o.Releaser = f
	})
	return d, f
}

// asked goes on until the preview is there.
func (d *driver) asked() {
	d.t.Helper()
	d.until("asked", func() bool { return d.m.asked != nil && d.m.asked.Dialog.Yes != "" })
}

// told goes on until it was done and it is said who holds now.
func (d *driver) told(f *backendtest.Releaser) {
	d.t.Helper()
	d.until("told", func() bool { return f.Done.Load() == 1 && strings.Contains(d.m.flash.text, " now") })
}

// What is marked is not mistaken for what is released: with marks on other rows, the keys
// that release are off and say so.
func TestForceWithMarks(t *testing.T) {
	d, _ := withForce(t)
	incident(d)
	d.press("enter")
	d.in("lock")
	d.press("m")
	d.mustShow("1 marked")
	for _, key := range []string{"ctrl+x", "ctrl+k"} {
		d.press(key)
		if d.m.asked != nil {
			t.Fatalf("%s asks although another row is marked", key)
		}
		d.mustShow("1 row is marked, but it acts on one row only: unmark that first")
	}
	d.press("g", "ctrl+k")
	d.asked()
	d.mustShow("● releases write /orders  of billing svc[161]@web-1, token 101")
	d.press("esc", "m", "m", "M", "ctrl+k")
	d.asked()
}

// A request is released only after its preview was agreed to; then it is told
// who holds.
func TestForceRequest(t *testing.T) {
	d, f := withForce(t)
	incident(d)
	d.press("enter")
	d.in("lock")
	d.press("ctrl+x")
	d.asked()
	d.mustShow("● releases write /orders  of billing svc[161]@web-1, token 101")
	d.mustShow("→ next: shipping svc[162]@web-1 gets write /orders")
	d.mustShow("Planned at revision 108; aborted if any of these keys changed since.")
	d.mustShow("  etcdctl del /orders/write/id-101")
	d.mustShow("[ No ]")

	t.Run("No", func(t *testing.T) {
		d.press("enter")
		if d.m.asked != nil || f.Done.Load() != 0 {
			t.Fatalf("done %d", f.Done.Load())
		}
		d.mustShow("release a request: not done")
	})

	t.Run("Yes", func(t *testing.T) {
		d.press("ctrl+x")
		d.asked()
		d.press("right", "enter")
		d.told(f)
		d.send(resize(160, 24))
		d.mustShow("/orders is now held by shipping svc[162]@web-1 (write); gone: write /orders of billing svc[161]@web-1 at revision 109")
	})
}

// While it is still looked at what would go, no key is an answer.
func TestForceLooks(t *testing.T) {
	d, f := withForce(t)
	incident(d)
	f.Hold = make(chan struct{})
	d.press("enter", "ctrl+x")
	d.mustShow("checking what this would release")
	d.press("y", "right", "tab")
	d.mustShow("[ Close ]") // and no answer was taken before the question
	d.press("esc")
	close(f.Hold)
	d.press("ctrl+x")
	d.asked()
	if f.Done.Load() != 0 {
		t.Errorf("done %d", f.Done.Load())
	}
}

// A session with several locks goes only when its name is typed.
func TestForceSession(t *testing.T) {
	d, f := withForce(t)
	incident(d)
	d.press("2", "/")
	d.typed("billing")
	d.press("enter", "ctrl+k")
	d.asked()
	d.mustShow("revoke session 00000000000000a1")
	d.mustShow("type billing to go on:")
	d.mustShow("  etcdctl lease revoke 00000000000000a1")
	d.press("y", "enter")
	if d.m.asked != nil || f.Done.Load() != 0 {
		t.Fatalf("done %d without its name", f.Done.Load())
	}
	d.press("ctrl+k")
	d.asked()
	d.typed("billing")
	d.press("enter")
	d.told(f)
	d.mustShow("/orders is now held by shipping")
	d.send(resize(200, 24))
	d.mustShow("; gone: 2 requests of billing")
}

// Keys that are no requests count, and without a client's name it is the lease.
func TestForceWord(t *testing.T) {
	one := inspect.Request{Lock: rw("/a"), Mode: keyspace.Write, Lease: 0xbeef}
	named := one
	named.Owned, named.Owner = true, keyspace.Owner{Label: "api"}.Ref()
	hostile := one
	hostile.Owned, hostile.Owner = true, keyspace.Owner{Label: "a\x1b[2J"}.Ref()
	foreign := one
	foreign.Owned, foreign.Owner = true, keyspace.Owner{Label: "日本"}.Ref() // not on every keyboard
	for want, p := range map[string]backend.Release{
		"":                 {Gone: []inspect.Request{one, one}},
		"000000000000cafe": {Lease: 0xcafe, Gone: []inspect.Request{foreign}, Others: []inspect.Request{{Key: "/x"}}},
		"000000000000beef": {Lease: 0xbeef, Gone: []inspect.Request{hostile}, Others: []inspect.Request{{Key: "/x"}}},
		"api":              {Lease: 0xbeef, Gone: []inspect.Request{named}, Others: []inspect.Request{{Key: "/x"}}},
	} {
		if got := wordFor(p); got != want {
			t.Errorf("%+v: %q, want %q", p, got, want)
		}
	}
}

// A request of which the lock was read in part is called that, and nothing is said of who is next.
func TestForceCut(t *testing.T) {
	t.Parallel()
	d, _ := withForce(t)
	lines := strings.Join(planLines(d.m.Context, diagnose.Target{Key: "/v/write/1"}, backend.Release{
		Others: []inspect.Request{{Key: "/v/write/1", Lease: 1, Cut: true}, {Key: "/config", Lease: 1}},
	}), "\n")
	for want, shown := range map[string]bool{
		"deletes /v/write/1, which is a request for /v, of which only a part was read": true,
		"deletes /config, which is not a lock request":                                 true,
		"who gets it next is not known: only a part of its lock was read":              true,
		"no waiter would get a lock":                                                   false,
	} {
		if strings.Contains(ansi.Strip(lines), want) != shown {
			t.Errorf("%q is to be there: %t\n%s", want, shown, lines)
		}
	}
}

// The first remedy of a problem is one key away, and asked for too.
func TestForceRemedy(t *testing.T) {
	d, f := withForce(t)
	incident(d)
	d.press("3", "ctrl+k")
	d.asked()
	d.mustShow("revoke session 00000000000000a2")
	d.press("esc", "G", "ctrl+k")
	if d.m.asked != nil {
		d.asked()
	}
	if f.Done.Load() != 0 {
		t.Errorf("done %d", f.Done.Load())
	}
}

// Where there is no problem, there is none to be solved.
func TestForceNothing(t *testing.T) {
	d, _ := withForce(t)
	d.diagnosed()
	d.press("3", "ctrl+k")
	d.mustShow("no problem is selected")
}

// What has changed since it was shown is explained, and can be looked at anew.
func TestForceChanged(t *testing.T) {
	d, f := withForce(t)
	incident(d)
	f.Fail = errors.New(`release: it has changed since it was shown, so nothing was done: "/orders/write/id-101" is gone`)
	d.press("enter", "ctrl+x")
	d.asked()
	d.press("y")
	d.until("explained", func() bool { return d.m.asked != nil && d.m.asked.Dialog.Yes == "Check again" })
	d.mustShow("it has changed since it was shown")
	d.press("y")
	d.until("asked anew", func() bool { return d.m.asked != nil && d.m.asked.Dialog.Yes == "Release" })
	d.press("y")
	d.told(f)

	t.Run("Gone", func(t *testing.T) {
		d.do(nav.PlanRelease{Target: diagnose.Target{Key: "/none"}})
		d.until("explained", func() bool { return d.m.asked.Dialog.Yes == "Check again" })
		d.mustShow("nothing to release")
	})
}

// Read-only, or without the port, there are no such keys, not even in the help.
func TestForceReadOnly(t *testing.T) {
	for name, change := range map[string]func(*backend.Options){
		"ReadOnly": func(o *backend.Options) {
			o.Releaser, o.ReadOnly = &backendtest.Releaser{Cluster: o.Source.(*backendtest.Cluster)}, true
		},
		"NoPort": func(*backend.Options) {},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDriver(t, change)
			incident(d)
			for _, keys := range [][]string{{"1", "enter"}, {"2"}, {"2", "enter"}, {"3"}} {
				d.press(keys...)
				d.press("ctrl+x", "ctrl+k")
				if d.m.asked != nil {
					t.Errorf("%v: asked", keys)
				}
				for _, g := range d.m.screens.Front().Bindings() {
					if slices.ContainsFunc(g.Bindings, widget.Binding.Shown) && g.Title == screens.DangerTitle {
						t.Errorf("%v: in the help", keys)
					}
				}
				d.press("esc", "esc")
			}
		})
	}
}

func TestGoldenForce(t *testing.T) {
	ask := func(d *driver) {
		incident(d)
		d.do(nav.PlanRelease{Target: diagnose.Target{Lease: 0xa1}})
		d.asked()
	}
	force := func(o *backend.Options) {
		o.Releaser = &backendtest.Releaser{Cluster: o.Source.(*backendtest.Cluster), Others: []inspect.Request{{Key: "/config/billing"}}}
	}
	golden(t, "force_80x24", 80, 24, ask, force)
	golden(t, "force_120x36", 120, 36, ask, force)
}

// What is agreed to can be read whole, however long a name is or small the
// terminal.
func TestForceWhole(t *testing.T) {
	d, _ := withForce(t)
	r := d.put("/"+strings.Repeat("long", 60)+"/end", keyspace.Write, 0)
	d.do(nav.PlanRelease{Target: diagnose.Target{Key: r.Key}})
	d.asked()
	d.mustShow("/end  of worker[42]@web-1, token")
	d.send(resize(40, 10))
	seen := d.plain()
	for range 40 {
		d.press("down")
		seen += d.plain()
	}
	for _, text := range []string{"worker[42]@web-1", "etcdctl del", "Make sure"} {
		if !strings.Contains(seen, text) {
			t.Errorf("nowhere: %q\n%s", text, seen)
		}
	}
}

// Nothing in it breaks the screen, whatever stands in etcd.
func TestForceFits(t *testing.T) {
	t.Parallel()
	d, f := withForce(t)
	d.show(hostile(d.clock.Now()))
	f.Others = []inspect.Request{{Key: "\x1b[2J\n日本"}}
	var plan backend.Release
	for _, l := range d.m.Live.Locks {
		plan.Gone = append(plan.Gone, l.Queue...)
	}
	plan.Others, plan.Granted = f.Others, plan.Gone[:9]
	target := diagnose.Target{Key: "\x1b[2J'/" + string(make([]byte, 300))}
	d.do(nav.Ask{Dialog: &widget.Dialog{}, Waits: true})
	d.do(nav.Planned{Target: target, Plan: plan})
	d.fits("preview", 1)
	d.send(effects.AppliedMsg{Plan: plan, Revision: 5})
	d.fits("gone", 1)
	d.press("esc")
	d.send(effects.AppliedMsg{Err: errors.New("\x1b[2J\n" + time.Now().String())})
	d.fits("failed", 1)
}
