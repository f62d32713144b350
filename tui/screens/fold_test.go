package screens

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/state"
)

func TestNumberless(t *testing.T) {
	for name, want := range map[string]string{
		"worker-17":               "worker-*",
		"worker":                  "worker",
		"eu1-worker-3":            "eu*-worker-*",
		"orders-7d9f8b6c5-x2x4q":  "orders-*-*",
		"":                        "",
		"12":                      "*",
		"web.7":                   "web.*",
		"two  spaces":             "two  spaces",
		"日本-4":                    "日本-*",
		"v2/worker/" + "9":        "v*/worker/*",
		"a-" + "ffffffffffffffff": "a-ffffffffffffffff",
	} {
		if got := numberless(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// crowded is a lock with a holder, workers that wait for it, and a reader after these.
func crowded(workers int) inspect.Lock {
	id := rwLock("/jobs")
	request := func(rev int, mode keyspace.Mode, label string) inspect.Request {
		return inspect.Request{
			Key: keyspace.Encode("/jobs", mode, fmt.Sprint(rev)), Lock: id, Mode: mode, Lease: int64(rev), Revision: int64(rev), Holding: rev == 1,
			Owned: true, Owner: keyspace.Owner{Label: label, Program: "worker", PID: 1000 + rev, Host: fmt.Sprintf("batch-%d", rev%3+1)}.Ref(), Since: testNow.Add(-time.Minute),
		}
	}
	queue := []inspect.Request{request(1, keyspace.Write, "nightly")}
	for i := range workers {
		queue = append(queue, request(i+2, keyspace.Write, fmt.Sprintf("worker-%d", i)))
	}
	return inspect.NewLock(id, append(queue, request(workers+2, keyspace.Read, "report")))
}

func crowdedScreen(workers, w, h int) (s *lockScreen, show func(workers int), text func() string) {
	c := newTestContext()
	s = newLockScreen(c, rwLock("/jobs"))
	show = func(workers int) {
		c.Live.Snapshot = inspect.Snapshot{Revision: int64(workers) + 2, Locks: []inspect.Lock{crowded(workers)}}
		c.Live.Verdict = state.NewVerdict(c.Live.Snapshot, nil, testNow)
		s.Refresh()
		s.Fit(w, h)
	}
	show(workers)
	s.Fit(w, h)
	return s, show, func() string { s.Fit(w, h); return ansi.Strip(s.View(w, h)) }
}

// Waiters that are alike are one row, which says how many and what they are. The others,
// positions and what is wrong are in view all the same, also on a small screen.
func TestAlikeWaitersFold(t *testing.T) {
	s, _, text := crowdedScreen(1200, 80, 24)
	for _, want := range []string{
		"   1 write ● holds  nightly", "   2 write ○ waits  worker-0", "   3 write ○ waits  worker-1",
		"… 1198 more like this: worker-* on 3 hosts",
		"1202 read  ○ waits  report", "1200 more waited longer than 30s", "… 1198 more sessions",
	} {
		if !strings.Contains(text(), want) {
			t.Errorf("%q is not shown:\n%s", want, text())
		}
	}
	if strings.Index(text(), "problems and fixes") > strings.Index(text(), "timeline") {
		t.Errorf("the timeline is above the findings:\n%s", text())
	}
	s.table.Move(3)
	for _, want := range []string{"#4 to #1201 · enter shows them", "the first waits for 1m, the last for 1m", "hosts: batch-2 400, batch-1 399, batch-3 399"} {
		if !strings.Contains(text(), want) {
			t.Errorf("%q is not shown:\n%s", want, text())
		}
	}
	if key, lease := s.toRelease(); key != "" || lease != 0 {
		t.Errorf("a row that stands for several would be released: %s, lease %d", key, lease)
	}
	if n := len(s.table.Sheet().Rows); n != 1202 {
		t.Errorf("%d rows are exported", n)
	}
}

// Enter shows those that a row stands for, until the cursor leaves them.
func TestFoldedAreShown(t *testing.T) {
	s, _, text := crowdedScreen(200, 160, 40)
	s.table.Move(3)
	s.drill()
	if r, _ := s.table.Current(); r.position() != "4" || strings.Contains(text(), "more like this") {
		t.Errorf("the cursor is on #%s:\n%s", r.position(), text())
	}
	s.table.Move(-1)
	s.table.Moved()
	if r, _ := s.table.Current(); r.position() != "3" || !strings.Contains(text(), "… 198 more like this") {
		t.Errorf("the cursor is on #%s:\n%s", r.position(), text())
	}
	if err := s.table.SetFilter("worker-150"); err != nil || !strings.Contains(text(), "152 write ○ waits   worker-150") {
		t.Errorf("%v:\n%s", err, text())
	}
}

// The request under the cursor is not folded when more of its kind arrive: a key acts on
// what the user looks at.
func TestCursorIsNotFolded(t *testing.T) {
	s, show, text := crowdedScreen(alikeLeast-1, 160, 40)
	s.table.Move(5)
	before, _ := s.table.Current()
	show(300)
	if now, _ := s.table.Current(); now.Key != before.Key || now.folded != nil {
		t.Errorf("the cursor is on #%s, want #%s:\n%s", now.position(), before.position(), text())
	}
	s.table.Move(-5)
	s.table.Moved()
	if !strings.Contains(text(), "… 298 more like this") {
		t.Errorf("not folded again:\n%s", text())
	}
}

// A large screen has all that is known of the lock under the cursor beside the locks: the
// findings in full, the hosts of its clients, and what its sessions have done.
func TestRoomyLocks(t *testing.T) {
	c := newTestContext()
	c.Live.Snapshot = inspect.Snapshot{Revision: 9, Locks: []inspect.Lock{crowded(200)}}
	c.Live.Verdict = state.NewVerdict(c.Live.Snapshot, nil, testNow)
	s := newLocksScreen(c)
	s.Refresh()
	for _, size := range []size{{200, 56}, {160, 46}, {300, 40}} {
		s.Fit(size.w, size.h)
		view := ansi.Strip(s.View(size.w, size.h))
		for _, want := range []string{
			"etcd-lock release --lease 0000000000000001", "200 more waited longer than 30s", "owner", "hosts: batch-2 68, batch-1 67",
			"timeline · ", " more sessions", "-5m",
		} {
			if !strings.Contains(view, want) {
				t.Errorf("%v: %q is not shown:\n%s", size, want, view)
			}
		}
		if lines := strings.Split(view, "\n"); len(lines) > size.h {
			t.Errorf("%v: %d lines", size, len(lines))
		}
	}
	s.Fit(80, 20)
	if view := ansi.Strip(s.View(80, 20)); strings.Contains(view, "timeline") || !strings.Contains(view, "for    ttl") {
		t.Errorf("on a small screen:\n%s", view)
	}
}
