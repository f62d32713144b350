package supervise

import "syscall"

// childAttributes puts the command into a process group of its own, and has it
// killed when the thread that started it ends, as it does when this process is
// killed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
