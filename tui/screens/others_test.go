package screens

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/locktest"
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
