package supervise

import (
	"syscall"
	"testing"

	"etcd-lock/internal/etcdtest"
)

// TestRunKilled holds that a command does not outlive the program that holds
// its lock.
func TestRunKilled(t *testing.T) {
	endpoint := etcdtest.Start(t)
	e := start(t, etcdtest.Client(t, endpoint), endpoint, "15s", `trap "" TERM HUP; echo ready; read x`)
	e.expect("ready")
	e.signal(syscall.SIGKILL)
	e.groupEnds()
	e.exits(-1)
}
