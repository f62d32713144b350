package cli

import "syscall"

// childAttributes puts the command into a group of its own, and has it killed
// when the thread that started it ends, as it does when we are killed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
