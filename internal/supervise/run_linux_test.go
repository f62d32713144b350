package supervise

import (
	"os"
	"path/filepath"
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
	if file := os.Getenv(childEnv); file != "" {
		pid, err := syscall.ForkExec("/bin/true", []string{"true"}, nil)
		if err == nil {
			err = os.WriteFile(file, []byte(strconv.Itoa(pid)), 0o600)
		}
		if err != nil {
			panic(err)
		}
	}
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}()

// childEnv names the file to which such a program writes the ID of a process that it did
// not wait for, as a process that it has adopted.
const childEnv = "ETCD_LOCK_CHILD"

// TestWaitReapsOrphans: processes that are left to this one do not stay as zombies while
// it waits for the lock.
func TestWaitReapsOrphans(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	t.Setenv(adoptsEnv, "1")
	t.Setenv(childEnv, file)
	endpoint := etcdtest.Start(t)
	client := etcdtest.Client(t, endpoint)
	if _, err := client.Put(t.Context(), "/"+t.Name()+"/write/1", ""); err != nil {
		t.Fatal(err)
	}
	e := begin(t, client, endpoint, "60s", "exit 3")
	etcdtest.Eventually(t, "it waits", func() bool { return len(e.keys()) == 2 })
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		t.Fatal(err)
	}
	etcdtest.Eventually(t, "it is reaped", func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH })
	if _, err := client.Delete(t.Context(), "/"+t.Name()+"/write/1"); err != nil {
		t.Fatal(err)
	}
	e.exits(3)
}

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
