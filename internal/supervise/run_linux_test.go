package supervise

import (
	"os"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"etcd-lock/internal/etcdtest"
)

// TestRunKilled holds that a command does not outlive the program that holds
// its lock.
func TestRunKilled(t *testing.T) {
	endpoint := etcdtest.Start(t)
	e := begin(t, etcdtest.Client(t, endpoint), endpoint, "15s", `trap "" TERM HUP; echo ready; read x`)
	e.expect("ready")
	e.signal(syscall.SIGKILL)
	e.groupEnds()
	e.exits(-1)
}

// adoptsEnv makes the program under test adopt orphans, as the first process of a
// container does.
const adoptsEnv = "ETCD_LOCK_ADOPTS"

var _ = func() error {
	if os.Getenv(adoptsEnv) == "" {
		return nil
	}
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}()

// TestRunReapsOrphans: processes that the command leaves to this one do not stay as
// zombies, neither while the command runs nor in its group when that is to end.
func TestRunReapsOrphans(t *testing.T) {
	t.Setenv(adoptsEnv, "1")
	endpoint := etcdtest.Start(t)
	client := etcdtest.Client(t, endpoint)
	e := begin(t, client, endpoint, "60s", `for i in 1 2 3; do (sh -c 'echo $$; exec >&-' &); done; trap "exit 0" TERM; while :; do sleep 0.1; done`)
	var orphans []int
	for range 3 {
		pid, err := strconv.Atoi(<-e.lines)
		if err != nil {
			t.Fatal(err)
		}
		orphans = append(orphans, pid)
	}
	for _, pid := range orphans {
		etcdtest.Eventually(t, "the end of an orphan", func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH })
	}
	if _, err := client.Delete(t.Context(), e.keys()[0]); err != nil {
		t.Fatal(err)
	}
	e.exits(lostCode, "was lost: terminating the command")
}
