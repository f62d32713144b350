//go:build unix

package supervise

import "golang.org/x/sys/unix"

// tty is the controlling terminal.
type tty struct {
	fd    int
	group int // process group of this process
}

// openTTY returns nil when there is no controlling terminal.
func openTTY() *tty {
	fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	return &tty{fd: fd, group: unix.Getpgrp()}
}

// foreground returns the process group that may use the terminal, and 0 when that
// is not known.
func (t *tty) foreground() int {
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	if err != nil {
		return 0
	}
	return group
}

// give puts a process group into the foreground. It does not matter if the group
// has ended.
func (t *tty) give(group int) { _ = unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, group) }

func (t *tty) close() {
	if t != nil {
		_ = unix.Close(t.fd)
	}
}
