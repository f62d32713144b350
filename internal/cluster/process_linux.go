package cluster

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes puts members in their own process group, so that ctrl-C in a
// terminal reaches only the program, which then closes the cluster. When the
// program dies, a stopped member is continued, so that it notices and exits.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGCONT}
}

// endsWithParent is attributes for a program that does not notice that this one has died.
func endsWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// waitStopped waits until every thread of the child p has stopped. SIGSTOP is
// delivered to one thread, which on a busy machine first has to wait for a
// processor; until then the others run on, and the member answers. It also
// returns when the child has exited.
func waitStopped(p *os.Process) error {
	for {
		// WNOWAIT leaves the child to be reaped by os/exec.
		err := unix.Waitid(unix.P_PID, p.Pid, nil, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ECHILD): // it has exited and was reaped
			return nil
		}
		return os.NewSyscallError("waitid", err)
	}
}
