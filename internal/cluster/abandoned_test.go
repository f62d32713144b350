//go:build unix

package cluster_test

import (
	"os"
	"testing"

	"etcd-lock/internal/etcd"
)

// The data of a cluster is kept as long as one of its members lives, even without the program that
// started it, and removed by whatever needs such a folder next.
func TestDataOfDeadMembersIsRemoved(t *testing.T) {
	dir := tempDir(t)
	c := start(t, 1)
	t.Cleanup(c.Close)
	c.Disown()
	wantSwept(t, dir, 1)
	c.Members()[0].Crash()
	wantSwept(t, dir, 0)
}

// wantSwept fails the test if not n folders are left in dir after a sweep.
func wantSwept(t *testing.T, dir string, n int) {
	t.Helper()
	s, err := etcd.NewScratch()
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if left, err := os.ReadDir(dir); err != nil || len(left) != n {
		t.Errorf("left: %v, %v; want %d folders", left, err, n)
	}
}
