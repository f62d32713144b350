package console

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"etcd-lock/tui/backend"
)

func TestBackground(t *testing.T) {
	run := func(args ...string) (string, error) {
		return commands{}.Background(backend.CommandLine{Args: args, Env: []string{"ROW_HOST=web-1"}}, t.Context().Done())
	}
	t.Run("LastLine", func(t *testing.T) {
		if last, err := run("sh", "-c", `echo first; echo "last of ${ROW_HOST}"; echo`); err != nil || last != "last of web-1" {
			t.Errorf("got %q, %v", last, err)
		}
	})
	t.Run("Fails", func(t *testing.T) {
		if last, err := run("sh", "-c", "echo why >&2; exit 3"); err == nil || err.Error() != "exit status 3" || last != "why" {
			t.Errorf("got %q, %v", last, err)
		}
	})
	t.Run("NotThere", func(t *testing.T) {
		if _, err := run("no-such-program-here"); err == nil || !strings.Contains(err.Error(), "not found") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("MuchOutput", func(t *testing.T) {
		if last, err := run("sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done"); err != nil || last != "line 2999" {
			t.Errorf("got %q, %v", last, err)
		}
	})
}

// TestBackgroundIsStopped: whatever has the output of the program, too.
func TestBackgroundIsStopped(t *testing.T) {
	for _, args := range [][]string{{"sleep", "60"}, {"sh", "-c", "sleep 60 & wait"}} {
		stop := make(chan struct{})
		close(stop)
		if _, err := (commands{}).Background(backend.CommandLine{Args: args}, stop); err == nil {
			t.Errorf("%q was not stopped", args)
		}
	}
}

// TestBackgroundLeavesSomething: what a program has started does not keep the UI waiting.
func TestBackgroundLeavesSomething(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	last, err := commands{}.Background(backend.CommandLine{Args: []string{"sh", "-c", "sleep 60 & echo $!"}}, stop)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(last)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := os.FindProcess(pid); err != nil || p.Kill() != nil { // it still runs
		t.Errorf("%d: %v", pid, err)
	}
}
