package cli

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// aSnapshot has a contended lock and one whose name is not UTF-8.
func aSnapshot() inspect.Snapshot {
	a := inspect.LockID{Layout: layout.RWLock, Name: "/a"}
	bad := inspect.LockID{Layout: layout.Mutex, Name: "\xff"}
	owner := keyspace.Owner{Host: "h", PID: 7, Program: "p", Label: "l", Time: noon.Add(-time.Minute)}
	return inspect.Snapshot{Revision: 9, Other: 3, Locks: []inspect.Lock{
		{ID: a, Queue: []inspect.Request{
			{Key: "/a/read/1", Lock: a, Mode: keyspace.Read, Lease: 0x1f, Revision: 2, Owner: owner.Ref(), Owned: true, Since: owner.Time, Holding: true},
			{Key: "/a/read/2", Lock: a, Mode: keyspace.Read, Lease: 0x2f, Revision: 3, Holding: true},
			{Key: "/a/write/3", Lock: a, Mode: keyspace.Write, Revision: 4, Since: noon.Add(-1500 * time.Millisecond)},
		}},
		{ID: bad, Queue: []inspect.Request{{Key: "\xff/5", Lock: bad, Mode: keyspace.Write, Lease: 5, Revision: 5, Holding: true}}},
	}}
}

func TestLsOptions(t *testing.T) {
	for _, args := range [][]string{{}, {"/p"}, {"/p", "/q"}} {
		var got *lsOptions
		cmd := newLsCmd(&app{}, func(_ context.Context, opts *lsOptions) error {
			got = opts
			return nil
		})
		cmd.SetArgs(args)
		if err := cmd.Execute(); err != nil || !slices.Equal(got.prefixes, args) {
			t.Errorf("ls %q: %+v, %v", args, got, err)
		}
	}
}

func TestLsJSON(t *testing.T) {
	var b bytes.Buffer
	if err := (output.Printer{Writer: &b}).Document(newLsDoc(aSnapshot(), noon)); err != nil {
		t.Fatal(err)
	}
	want := `{
  "prefixes": [],
  "revision": 9,
  "other": 3,
  "locks": [
    {
      "name": "/a",
      "layout": "rwlock",
      "state": "contended",
      "readers": 2,
      "writers": 0,
      "waiters": 1,
      "oldest": "2026-01-02T11:59:00Z",
      "longest_wait_seconds": 1.5,
      "longest_wait_bound": "exact"
    },
    {
      "name": "\ufffd",
      "name_base64": "/w==",
      "layout": "mutex",
      "state": "write",
      "readers": 0,
      "writers": 1,
      "waiters": 0
    }
  ]
}
`
	if b.String() != want {
		t.Errorf("JSON\n%s\nwant\n%s", b.String(), want)
	}
}

func TestLsTable(t *testing.T) {
	var b bytes.Buffer
	if err := newLsDoc(aSnapshot(), noon).table(output.Printer{Writer: &b, Terminal: true}); err != nil {
		t.Fatal(err)
	}
	want := `NAME  LAYOUT  STATE        READERS  WRITERS  WAITERS  LONGEST WAIT
/a    rwlock  ▲ contended  2        0        1        1s
\xff  mutex   ● write      0        1        0        -
`
	if b.String() != want {
		t.Errorf("table\n%s\nwant\n%s", b.String(), want)
	}
}

// TestLsClockAhead has an owner whose clock is ahead of ours.
func TestLsClockAhead(t *testing.T) {
	doc := newLsDoc(aSnapshot(), noon.Add(-time.Hour))
	if *doc.Locks[0].LongestWait != 0 {
		t.Errorf("longest wait = %v", *doc.Locks[0].LongestWait)
	}
}

// A wait behind one without a time is longer than the one with a time.
func TestLsWaitAtLeast(t *testing.T) {
	s := aSnapshot()
	l := &s.Locks[0]
	first := l.Queue[2]
	first.Key, first.Since, first.Owner = "/a/write/0", time.Time{}, keyspace.Owner{}.Ref()
	l.Queue = []inspect.Request{l.Queue[0], l.Queue[1], first, l.Queue[2]}
	doc := newLsDoc(s, noon)
	if got := doc.Locks[0]; *got.LongestWait != 1.5 || got.WaitBound != "at_least" || got.wait != "≥1s" {
		t.Errorf("%v %s %s", *got.LongestWait, got.WaitBound, got.wait)
	}
}
