//go:build unix && !linux

package supervise

import "syscall"

// childAttributes puts the command into a process group of its own.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
