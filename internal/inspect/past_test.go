package inspect

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
)

// timely makes a test end that would wait for ever.
func timely(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func snapshotAt(t *testing.T, s *Source, prefix string, revision int64) Snapshot {
	t.Helper()
	snap, err := s.SnapshotAt(timely(t), revision, prefix)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func compact(t *testing.T, client *clientv3.Client, revision int64) {
	t.Helper()
	if _, err := client.Compact(t.Context(), revision); err != nil {
		t.Fatal(err)
	}
}

func TestSnapshotAt(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	s := newSource(client)
	first := put(t, client, "/a/write/1")
	put(t, client, "/a/write/2", "/b/write/1", "/other")
	last := del(t, client, "/a/write/1")

	t.Run("OK", func(t *testing.T) {
		for revision, want := range map[int64]int{1: 0, first: 1, first + 1: 2, last: 1} {
			got := snapshotAt(t, s, "/a/", revision)
			n := 0
			for _, l := range got.Locks {
				n += len(l.Queue)
			}
			if n != want || got.Revision != revision || got.Prefixes[0] != "/a/" {
				t.Errorf("at %d: %+v, want %d requests", revision, got, want)
			}
		}
	})
	t.Run("Now", func(t *testing.T) {
		if got, want := snapshotAt(t, s, "", 0), snapshot(t, s, ""); !reflect.DeepEqual(got, want) {
			t.Errorf("at 0: %+v, want %+v", got, want)
		}
	})
	t.Run("ErrFuture", func(t *testing.T) {
		_, err := s.SnapshotAt(timely(t), last+1, "/a/")
		if !errors.Is(err, ErrFuture) || !strings.HasSuffix(err.Error(), "the current one is 6") {
			t.Errorf("err = %v", err)
		}
	})
	t.Run("ErrCompacted", func(t *testing.T) {
		compact(t, client, first+1)
		_, err := s.SnapshotAt(timely(t), first, "/a/")
		if !errors.Is(err, ErrCompacted) || !strings.HasSuffix(err.Error(), "the oldest one is 3") {
			t.Errorf("err = %v", err)
		}
		if got := snapshotAt(t, s, "/a/", first+1); len(got.Locks[0].Queue) != 2 {
			t.Errorf("at the floor: %+v", got)
		}
	})
}

func remembered(t *testing.T, s *Source, prefix string, since int64) (*History, []Event) {
	t.Helper()
	return rememberedAll(t, s, since, prefix)
}

// TestHistoryLaw: at every revision, what the history has told by then is what
// there is to read.
func TestHistoryLaw(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	s := newSource(client)
	churn := churn{t: t, client: client, rng: rand.New(rand.NewPCG(1, 9)), prefix: "/law/"}
	churn.run(40)
	check := func(t *testing.T, since int64) {
		t.Helper()
		h, events := remembered(t, s, "/law/", since)
		if since > 0 && h.Begin.Revision != since {
			t.Errorf("begins at %d, want %d", h.Begin.Revision, since)
		}
		before := h.Begin
		for revision := h.Begin.Revision + 1; revision <= h.End; revision++ {
			after := snapshotAt(t, s, "/law/", revision)
			n := 0
			for n < len(events) && events[n].Revision == revision {
				n++
			}
			want := Compare(before, after)
			for i := range want {
				want[i].Revision = revision
			}
			if diff := cmp.Diff(want, slices.Clone(events[:n])); diff != "" && len(want)+n > 0 {
				t.Fatalf("at %d, -compared +told:\n%s", revision, diff)
			}
			events, before = events[n:], after
		}
		if len(events) > 0 {
			t.Errorf("%d events after the end", len(events))
		}
	}
	t.Run("All", func(t *testing.T) { check(t, 0) })
	t.Run("Since", func(t *testing.T) { check(t, 20) })
	t.Run("Compacted", func(t *testing.T) {
		compact(t, client, 15)
		check(t, 0)
		if h, _ := remembered(t, s, "/law/", 0); h.Floor != 15 || h.Begin.Revision != 15 {
			t.Errorf("floor %d, begins at %d; want 15", h.Floor, h.Begin.Revision)
		}
	})
}

func TestHistory(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	s := newSource(client)
	begin := put(t, client, "/a/write/1", "/a/write/2")
	del(t, client, "/a/write/1")
	end := put(t, client, "/else/1", "/else/2") // of which a watch on the prefix is not told

	t.Run("OK", func(t *testing.T) {
		h, events := remembered(t, s, "/a/", begin)
		want := []string{"released /a/write/1", "granted /a/write/2"}
		if got := lines(events); !slices.Equal(got, want) || h.End != end || h.Floor != 1 {
			t.Errorf("events = %q until %d, floor %d; want %q until %d", got, h.End, h.Floor, want, end)
		}
	})
	t.Run("Nothing", func(t *testing.T) {
		if h, events := remembered(t, s, "/a/", end); len(events) > 0 || len(h.Begin.Locks) != 1 {
			t.Errorf("events = %q from %+v", lines(events), h.Begin)
		}
	})
	t.Run("EndIsFixed", func(t *testing.T) {
		h, err := s.History(timely(t), 0, "/a/")
		if err != nil {
			t.Fatal(err)
		}
		put(t, client, "/a/write/9")
		for e, err := range h.Events(timely(t)) {
			if err != nil || e.Revision > h.End {
				t.Errorf("%+v, %v after the end", e, err)
			}
		}
	})
	t.Run("Enough", func(t *testing.T) {
		h, err := s.History(timely(t), 0, "/a/")
		if err != nil {
			t.Fatal(err)
		}
		for e := range h.Events(timely(t)) {
			if e.Revision != 2 {
				t.Errorf("first event: %+v", e)
			}
			break
		}
	})
	t.Run("ErrFuture", func(t *testing.T) {
		if _, err := s.History(timely(t), 1000, "/a/"); !errors.Is(err, ErrFuture) {
			t.Errorf("err = %v", err)
		}
	})
	t.Run("ErrCompacted", func(t *testing.T) {
		h, err := s.History(timely(t), 0, "/a/")
		if err != nil {
			t.Fatal(err)
		}
		compact(t, client, end)
		for _, err = range h.Events(timely(t)) {
		}
		if !errors.Is(err, ErrCompacted) {
			t.Errorf("err = %v of what was compacted before it was read", err)
		}
		if _, err := s.History(timely(t), 2, "/a/"); !errors.Is(err, ErrCompacted) {
			t.Errorf("err = %v of what was compacted before", err)
		}
	})
	t.Run("CtxCanceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		h, err := s.History(ctx, 0, "/a/")
		if err != nil {
			t.Fatal(err)
		}
		put(t, client, "/a/write/10")
		h.End += 2 // is yet to come
		cancel()
		for _, err = range h.Events(ctx) {
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v, want context.Canceled", err)
		}
	})
}

func TestCompare(t *testing.T) {
	db := newStore()
	at := func(change func()) Snapshot {
		change()
		db.commit()
		return newState(nil, db.listing(), nil).snapshot()
	}
	put := func(keys ...string) func() {
		return func() {
			for _, key := range keys {
				db.put(key, "", 0)
				db.commit()
			}
		}
	}
	empty := at(func() {})
	before := at(put("a/write/1", "a/write/2", "b/read/1", "d/read/1"))
	after := at(func() { db.del("a/write/1"); db.del("b/read/1"); put("c/read/1", "d/write/2")() })
	tests := []struct {
		name          string
		before, after Snapshot
		want          []string
	}{
		{"nothing", before, before, nil},
		{"all new", empty, before, []string{"granted a/write/1", "waiting a/write/2", "granted b/read/1", "granted d/read/1"}},
		{"all gone", before, empty, []string{"released a/write/1", "left a/write/2", "released b/read/1", "released d/read/1"}},
		{"some", before, after, []string{"released a/write/1", "granted a/write/2", "released b/read/1", "granted c/read/1", "waiting d/write/2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := lines(Compare(tt.before, tt.after)); !slices.Equal(got, tt.want) {
				t.Errorf("Compare = %q, want %q", got, tt.want)
			}
		})
	}
}
