package flight

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

func TestWithin(t *testing.T) {
	rule := layout.Builtin().Rule("mutex")
	var locks []inspect.Lock
	for _, name := range []string{"/a", "/a/b", "/c"} {
		id := inspect.LockID{Layout: rule, Name: name}
		locks = append(locks, inspect.NewLock(id, []inspect.Request{{Key: name + "/1f", Lock: id, Mode: keyspace.Write, Revision: 3}}))
	}
	s := inspect.Snapshot{Prefixes: keyspace.NewPrefixes("/a", "/c"), Locks: locks, Other: 3}
	names := func(s inspect.Snapshot) (all []string) {
		for _, l := range s.Locks {
			all = append(all, l.ID.Name)
		}
		return all
	}
	for prefix, want := range map[string][]string{"/a": {"/a", "/a/b"}, "/a/": {"/a", "/a/b"}, "/a/b/": {"/a/b"}, "/c": {"/c"}, "/cc": nil} {
		got, err := Within(s, []string{prefix})
		if diff := cmp.Diff(want, names(got)); err != nil || diff != "" || got.Other != OtherUnknown {
			t.Errorf("%s: %v, other %d\n%s", prefix, err, got.Other, diff)
		}
	}
	if got, err := Within(s, nil); err != nil || got.Other != 3 || len(got.Locks) != 3 {
		t.Errorf("all: %+v, %v", got, err)
	}
	if _, err := Within(s, []string{"/"}); err == nil {
		t.Error("more than was recorded: no error")
	}
}
