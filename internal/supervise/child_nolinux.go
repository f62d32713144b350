//go:build unix && !linux

package supervise

import (
	"os"
	"syscall"
)

// childAttributes puts the command into a process group of its own.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// adopts reports whether processes whose parent has ended become children of this
// one.
func adopts() bool { return os.Getpid() == 1 }
