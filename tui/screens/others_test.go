package screens

import (
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/locktest"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
)

// Keys in the way of a lock are above its queue, and no lock is made of them.
func TestOtherKeysAreShown(t *testing.T) {
	s := locktest.Snapshot(t, "/a/b A.m1\n/a -.k2 B.m3 C.m4")
	var got []string
	for _, r := range newLockRows(s.Locks[0]) {
		got = append(got, r.position()+" "+modeText(r.Request)+" "+r.Key+" "+r.why())
	}
	want := []string{
		"- write /a/b/a request for /a/b",
		"- - /a/k2 not a lock request",
		"1 write /a/b behind 2 other keys",
		"2 write /a/c behind 1: writer #1, 2 other keys",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Another key has no token, and a request has one.
func TestOtherKeysHaveNoToken(t *testing.T) {
	l := locktest.Snapshot(t, "/a -.k2 B.m3").Locks[0]
	if got := tokenText(l.Others[0]) + place(l.Others[0]); got != "- · created at revision 2" {
		t.Errorf("of another key: %q", got)
	}
	if got := tokenText(l.Queue[0]) + place(l.Queue[0]); got != "3 · token 3" {
		t.Errorf("of a request: %q", got)
	}
}

// The empty name, which a mutex can have, is shown as two quotes, as commands do.
func TestEmptyName(t *testing.T) {
	c := newTestContext()
	id := inspect.LockID{Layout: layout.Mutex}
	r := inspect.Request{Key: "/1f", Lock: id, Mode: keyspace.Write, Lease: 0x1f, Revision: 2, Holding: true}
	c.Changes = &backend.Changes{Events: []backend.Change{{Event: inspect.Event{Kind: inspect.EventGranted, Request: r, Revision: 2}, Place: backend.Place{Revision: 2}}}, Since: backend.Place{Revision: 1}, Until: backend.Place{Revision: 2}}
	c.Live.Snapshot = inspect.Snapshot{Revision: 2, Locks: []inspect.Lock{inspect.NewLock(id, []inspect.Request{r})}}
	c.Live.Verdict = state.NewVerdict(c.Live.Snapshot, nil, testNow)
	history := newHistoryScreen(c, nav.Ref{Kind: nav.KindPast})
	history.Refresh()
	locks := newLocksScreen(c)
	locks.Refresh()
	session := newSessionScreen(c, r.Session())
	session.Refresh()
	for name, s := range map[string]nav.Screen{"history": history, "locks": locks, "session": session} {
		s.Fit(120, 20)
		if got := ansi.Strip(s.View(120, 20)); !strings.Contains(got, ` "" `) {
			t.Errorf("%s does not show the name:\n%s", name, got)
		}
	}
}

// What the end of a session does is said of the keys that are attached to its lease, and of
// those that are no requests.
func TestEndOfSession(t *testing.T) {
	c := newTestContext()
	c.Live.Snapshot = locktest.Snapshot(t, "/a a.w1 b.w4\n/b a.w2 b.w5\n/c a.k3 b.m6")
	view := func(of inspect.Lease) string {
		c.Live.Verdict = state.NewVerdict(c.Live.Snapshot, map[int64]inspect.Lease{0xa: of}, testNow)
		s := newSessionScreen(c, inspect.SessionID{Lease: 0xa})
		s.Refresh()
		s.Fit(120, 30)
		return ansi.Strip(s.View(120, 30))
	}
	for _, tt := range []struct {
		of   inspect.Lease
		does []string
	}{
		{inspect.Lease{State: inspect.LeaseAlive}, []string{"releases write /a", "releases write /b", "takes /c/k3 out of the way"}},
		{inspect.Lease{State: inspect.LeaseAlive, Lacks: []string{"/a/write/1", "/c/k3"}}, []string{"releases write /b"}},
		{inspect.Lease{State: inspect.LeaseUnattached}, nil},
	} {
		got := view(tt.of)
		for _, does := range []string{"releases write /a", "releases write /b", "takes /c/k3 out of the way", "cancels"} {
			if strings.Contains(got, does) != slices.Contains(tt.does, does) {
				t.Errorf("with %+v, %q is not as in %q:\n%s", tt.of, does, tt.does, got)
			}
		}
	}
}
