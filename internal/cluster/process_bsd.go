//go:build unix && !linux

package cluster

import (
	"os"
	"syscall"
)

// attributes puts members in their own process group, so that ctrl-C in a
// terminal reaches only the program, which then closes the cluster. When the
// program dies, the system continues stopped members, as an orphaned process
// group.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// waitStopped does not wait: on these systems, waiting for a child to stop would
// also reap one that has exited, which is left to os/exec.
func waitStopped(*os.Process) error { return nil }

// endsWithParent is attributes: on this system, a program that does not notice that this one
// has died lives on.
func endsWithParent() *syscall.SysProcAttr { return attributes() }
