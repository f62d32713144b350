package cluster

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes keeps what a terminal sends to the program, which closes the
// cluster then, from members. A stopped member that has lost its parent is
// continued, so that it learns of that.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGCONT}
}

// waitStopped waits until no thread of the child p runs. SIGSTOP is taken by one
// thread, which may have to wait for a processor first; until then the others
// run on, and a member answers. A child that has died has stopped too.
func waitStopped(p *os.Process) error {
	for {
		// WNOWAIT leaves the child's end to be collected by its owner.
		err := unix.Waitid(unix.P_PID, p.Pid, nil, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ECHILD): // it has died, and has been collected
			return nil
		}
		return os.NewSyscallError("waitid", err)
	}
}
