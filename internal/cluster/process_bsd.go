//go:build unix && !linux

package cluster

import (
	"os"
	"syscall"
)

// attributes keeps what a terminal sends to the program, which closes the
// cluster then, from members. A process group that is stopped and has lost its
// parent is continued by the system.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// waitStopped does not wait: these systems cannot report a stopped child without
// also collecting one that has died, which is os/exec's to do.
func waitStopped(*os.Process) error { return nil }
