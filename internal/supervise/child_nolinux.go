//go:build unix && !linux

package cli

import "syscall"

// childAttributes puts the command into a group of its own.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
