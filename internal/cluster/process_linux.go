package cluster

import "syscall"

// attributes keeps what a terminal sends to the program, which closes the
// cluster then, from members. A stopped member that has lost its parent is
// continued, so that it learns of that.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGCONT}
}
