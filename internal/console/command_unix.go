//go:build unix

package console

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// runInForeground runs a program as the foreground job of the terminal, which is this
// process again afterwards, and while the program is stopped, as by ctrl+z: no shell would
// continue it, so stopped says whether to. Otherwise it is ended.
func runInForeground(cmd *exec.Cmd, tty *os.File, stopped func() (goOn bool)) error {
	fd := int(tty.Fd())
	cmd.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Ctty: fd}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() { _ = cmd.Process.Release() }()
	for {
		status, err := waitFor(cmd.Process.Pid)
		giveTerminal(fd, unix.Getpgrp())
		if err != nil || !status.Stopped() {
			return errors.Join(err, howEnded(status))
		}
		goOn := stopped()
		giveTerminal(fd, cmd.Process.Pid)
		if !goOn {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGCONT)
	}
}

// waitFor waits until a child has ended or is stopped.
func waitFor(pid int) (status syscall.WaitStatus, err error) {
	for {
		_, err = syscall.Wait4(pid, &status, syscall.WUNTRACED, nil)
		if !errors.Is(err, syscall.EINTR) {
			return status, err
		}
	}
}

// howEnded is the error of a program that has not ended well.
func howEnded(status syscall.WaitStatus) error {
	switch {
	case status.Signaled():
		return errors.New("signal: " + status.Signal().String())
	case status.ExitStatus() > 0:
		return errors.New("exit status " + strconv.Itoa(status.ExitStatus()))
	default:
		return nil
	}
}

// giveTerminal makes a process group the foreground job.
func giveTerminal(fd, group int) {
	signal.Ignore(syscall.SIGTTOU) // it stops a background job that takes the terminal
	defer signal.Reset(syscall.SIGTTOU)
	_ = unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, group)
}
