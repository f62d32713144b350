//go:build unix

package etcd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
)

// What a killed program leaves is removed by the next that starts an etcd; what others use, and
// what only looks like it, is not.
func TestScratchOfTheDeadIsRemoved(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	outside := filepath.Join(t.TempDir(), "outside")
	write(t, filepath.Join(outside, "owner.lock"))
	write(t, filepath.Join(temp, "etcd-lock-unlocked", "data"))
	write(t, filepath.Join(temp, "other", "owner.lock"))
	link(t, outside, filepath.Join(temp, "etcd-lock-link"))
	write(t, filepath.Join(temp, "etcd-lock-linked", "data"))
	link(t, filepath.Join(outside, "owner.lock"), filepath.Join(temp, "etcd-lock-linked", "owner.lock"))
	living, err := etcd.NewScratch()
	if err != nil {
		t.Fatal(err)
	}
	defer living.Close()
	kept := names(t, temp)

	killEmbedded(t)
	if left := names(t, temp); len(left) != len(kept)+1 {
		t.Fatalf("a killed etcd and what was there: %q", left)
	}
	e, err := etcd.StartEmbedded(t.Context(), etcd.EmbeddedConfig{})
	if err != nil {
		t.Fatal(err)
	}
	e.Close()
	if left := names(t, temp); !slices.Equal(left, kept) {
		t.Errorf("left: %q, want %q", left, kept)
	}
	if _, err := os.Stat(filepath.Join(outside, "owner.lock")); err != nil {
		t.Error("behind a symbolic link: ", err)
	}
}

// killEmbedded runs a program with an embedded etcd, and kills it once that serves.
func killEmbedded(t *testing.T) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), embedEnv+"=yes"), os.Stderr
	etcdtest.KillOnceItSays(t, cmd)
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
}
