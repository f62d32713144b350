//go:build unix

package console

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// runInForeground runs a program as the foreground job of the terminal, which is this
// process again afterwards.
func runInForeground(cmd *exec.Cmd, tty *os.File) error {
	fd := int(tty.Fd())
	cmd.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Ctty: fd}
	err := cmd.Run()
	signal.Ignore(syscall.SIGTTOU) // it stops a background job that takes the terminal
	defer signal.Reset(syscall.SIGTTOU)
	_ = unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, unix.Getpgrp())
	return err
}
