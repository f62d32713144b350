package app

import (
	"strings"
	"testing"

	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/term"
)

func TestPrefixesText(t *testing.T) {
	for want, prefixes := range map[string]keyspace.Prefixes{
		"all keys":                 nil,
		"/app1/ /zoo/":             {"/app1/", "/zoo/"},
		"/a-long-pref… and 1 more": {"/a-long-prefix-of-locks/", "/zoo/"},
		"/short/ and 2 more":       {"/short/", "/a-long-prefix-of-locks/", "/zoo/"},
		"/a-long-prefix-of-locks…": {"/a-long-prefix-of-locks-alone/"},
	} {
		if got := prefixesText(prefixes, 24); got != want || term.Width(got) > 24 {
			t.Errorf("%q: %q (%d columns), want %q", prefixes, got, term.Width(got), want)
		}
	}
}

// TestNotice: the UI says at its start that it reads only some prefixes.
func TestNotice(t *testing.T) {
	const notice = "reading only /app1/ and /zoo/: user bob may read nothing else"
	d := newDriver(t, func(o *backend.Options) {
		o.Prefixes, o.Notice = keyspace.Prefixes{"/app1/", "/zoo/"}, notice
	})
	d.until("the notice", func() bool { return strings.Contains(d.plain(), notice) })
	if !strings.Contains(d.plain(), "/app1/ /zoo/") {
		t.Errorf("no prefixes in the header:\n%s", d.plain())
	}
}

// TestTour leads to what is worst, and says so once nothing is wrong.
func TestTour(t *testing.T) {
	d := newDriver(t, func(o *backend.Options) {
		o.Tour = backend.Tour{
			Steps: []backend.TourStep{{Lock: "/legacy", Text: "press 3: no lease"}, {Lock: "/orders", Text: "press 3: a deadlock"}},
			After: "healed",
		}
	})
	incident(d)
	d.mustShow("press 3: a deadlock") // critical, and so before the first step
	for _, l := range d.m.Live.Locks {
		if l.ID.Name == "/legacy" {
			continue
		}
		for _, r := range l.Queue {
			d.cluster.Remove(r.Lock, r.Key)
		}
	}
	d.until("removed", func() bool { return len(d.m.Live.Locks) == 1 })
	d.diagnosed()
	d.mustShow("press 3: no lease")
	d.cluster.Remove(d.m.Live.Locks[0].ID, d.m.Live.Locks[0].Queue[0].Key)
	d.until("removed", func() bool { return len(d.m.Live.Locks) == 0 })
	d.diagnosed()
	d.mustShow("healed")
}
