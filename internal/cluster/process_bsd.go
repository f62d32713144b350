//go:build unix && !linux

package cluster

import "syscall"

// attributes keeps what a terminal sends to the program, which closes the
// cluster then, from members. A process group that is stopped and has lost its
// parent is continued by the system.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
