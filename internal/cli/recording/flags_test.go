package recording

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

func TestParseTime(t *testing.T) {
	end := time.Date(2026, 11, 27, 9, 30, 0, 0, time.Local)
	now := end.Add(3 * time.Hour)
	day := func(d, h, m, s int) time.Time { return time.Date(2026, 11, d, h, m, s, 0, time.Local) }
	tests := map[string]time.Time{
		"03:12":                day(27, 3, 12, 0),
		"09:30:00":             day(27, 9, 30, 0),
		"09:30:01":             day(26, 9, 30, 1),
		"-2h":                  day(27, 10, 30, 0),
		"2026-11-26T03:12":     day(26, 3, 12, 0),
		"2026-11-26 03:12:04":  day(26, 3, 12, 4),
		"2026-11-26":           day(26, 0, 0, 0),
		"2026-11-27T03:12:04Z": time.Date(2026, 11, 27, 3, 12, 4, 0, time.UTC),
	}
	for s, want := range tests {
		if got, err := parseTime(s, now, end); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "2h", "24:00", "yesterday"} {
		if got, err := parseTime(s, now, end); err == nil {
			t.Errorf("%q: %v, want an error", s, got)
		}
	}
}

func TestValues(t *testing.T) {
	for s, want := range map[string]string{"7d": "7d", "48h": "2d", "12h": "12h0m0s", "0d": "", "-1h": "", "d": "", "70000d": "", "": ""} {
		var a Age
		if err := a.Set(s); (err == nil) != (want != "") || err == nil && a.String() != want {
			t.Errorf("age %q: %s, %v", s, a.String(), err)
		}
	}
	for s, want := range map[string]string{"1GiB": "1GiB", "1024MiB": "1GiB", "500": "500", "0": "", "1GB": "", "-1": "", "9999999999GiB": ""} {
		var b Size
		if err := b.Set(s); (err == nil) != (want != "") || err == nil && b.String() != want {
			t.Errorf("size %q: %s, %v", s, b.String(), err)
		}
	}
}

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
		got, err := within(s, []string{prefix})
		if diff := cmp.Diff(want, names(got)); err != nil || diff != "" || got.Other != OtherUnknown {
			t.Errorf("%s: %v, other %d\n%s", prefix, err, got.Other, diff)
		}
	}
	if got, err := within(s, nil); err != nil || got.Other != 3 || len(got.Locks) != 3 {
		t.Errorf("all: %+v, %v", got, err)
	}
	if _, err := within(s, []string{"/"}); err == nil {
		t.Error("more than was recorded: no error")
	}
}
