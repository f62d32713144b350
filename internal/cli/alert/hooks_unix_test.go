//go:build unix

package alert

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/hooks"
)

// script is a program that runs lines of a shell.
func script(t *testing.T, text string) program {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return program{hooks.Program{"sh", file}}
}

// A program gets the line as its input and in its environment, whatever is in it.
func TestProgram(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	t.Setenv("OUT", out)
	n := notice("$(touch "+out+".pwned)\x00`id`\n"+strings.Repeat("é", 5000), "/a\n/b", "/c\xff")
	h := script(t, `{ printf '%s|%s|%s|%s\n' "$ETCD_LOCK_EVENT" "$ETCD_LOCK_KIND" "$ETCD_LOCK_SEVERITY" "$ETCD_LOCK_LOCKS"; cat; } >"$OUT"`)
	if err := h.deliver(t.Context(), n, []byte("the body\n")); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if want := "raised|long-wait|warning|/a\\n/b\n/c\\xff\nthe body\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if _, err := os.Stat(out + ".pwned"); err == nil {
		t.Error("the text was run")
	}
	err = script(t, "echo it is broken >&2; exit 3").deliver(t.Context(), n, nil)
	if err == nil || err.Error() != "exit status 3: it is broken" {
		t.Error(err)
	}
}

// A program that does not end is killed with what it has started.
func TestProgramThatHangs(t *testing.T) {
	started := filepath.Join(t.TempDir(), "started")
	t.Setenv("STARTED", started)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	h := script(t, `trap '' TERM; sleep 1000 & echo $! >"$STARTED.new"; mv "$STARTED.new" "$STARTED"; wait; sleep 1000`)
	go func() { ended <- h.deliver(ctx, notice("a"), nil) }()
	etcdtest.Eventually(t, "it has started", func() bool { _, err := os.Stat(started); return err == nil })
	pid, err := os.ReadFile(started)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("no error")
	}
	etcdtest.Eventually(t, "its child is killed", func() bool {
		state, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(pid)), "stat"))
		return err != nil || strings.Contains(string(state), ") Z ")
	})
}
