//go:build unix

package cli

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// exitSignal and the number of a signal is what shells exit with for a command
// that the signal ended.
const exitSignal = 128

// passedOn are the signals that reach the command only because we pass them on,
// beside the deadly ones.
func passedOn() []os.Signal {
	return []os.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGCONT, syscall.SIGTSTP}
}

// child is the command in a process group of its own.
type child struct {
	pid     int                  // which is its group's id too
	changes chan unix.WaitStatus // each time it stops, and when it has ended
	tty     *tty                 // nil when there is none
	wants   bool                 // the terminal, whenever our job is in the foreground
}

// ending is how a command ended.
type ending struct {
	status     unix.WaitStatus
	byKeyboard bool // interrupted, in a group that had the terminal and not us
}

func (e ending) code() int {
	if e.status.Signaled() {
		return exitSignal + int(e.status.Signal())
	}
	return e.status.ExitStatus()
}

// startChild runs a program with our standard files. From then on, signals has
// all signals that the program is to get, and release must be called.
func startChild(path string, argv, env []string, signals chan os.Signal) (*child, error) {
	c := &child{changes: make(chan unix.WaitStatus), tty: openTTY()}
	// Go's handlers end at the start of the program, but ignoring would not.
	signal.Notify(signals, passedOn()...)
	c.wants = c.tty != nil && isTerminal(os.Stdin) && isTerminal(os.Stdout)
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread's end would be taken for ours: see childAttributes
		defer runtime.UnlockOSThread()
		var err error
		c.pid, err = syscall.ForkExec(path, argv, &syscall.ProcAttr{Env: env, Files: []uintptr{0, 1, 2}, Sys: childAttributes()})
		started <- err
		if err == nil {
			c.wait()
		}
	}()
	if err := <-started; err != nil {
		c.tty.close()
		return nil, err
	}
	signal.Ignore(syscall.SIGTTOU) // to write to the terminal, and take it back, in the background
	c.giveTTY()
	return c, nil
}

func (c *child) release() {
	signal.Reset(syscall.SIGTTOU)
	c.tty.close()
}

// wait tells of changes until the command has ended.
func (c *child) wait() {
	for {
		var status unix.WaitStatus
		if _, err := unix.Wait4(c.pid, &status, unix.WUNTRACED, nil); err == unix.EINTR {
			continue
		}
		c.changes <- status
		if !status.Stopped() {
			return
		}
	}
}

// signal sends sig to the group and reports whether anybody was there.
func (c *child) signal(sig unix.Signal) bool { return unix.Kill(-c.pid, sig) != unix.ESRCH }

// forward passes a signal on that came to us.
func (c *child) forward(sig unix.Signal) {
	if sig == unix.SIGCONT {
		c.resume()
		return
	}
	c.signal(sig)
}

// suspend answers to the command's being stopped: the job that we are part of
// stops too, so that its shell gets the terminal back. It reports whether the
// command should go on, which is when the job does. Where no terminal is bound to
// the command, whoever stopped it continues it.
func (c *child) suspend(sig unix.Signal) (goOn bool) {
	if c.tty == nil {
		return false
	}
	front := c.tty.foreground()
	switch sig {
	case unix.SIGTTIN, unix.SIGTTOU:
		c.wants = true
		if front == c.tty.ours || front == c.pid {
			return true
		}
	case unix.SIGSTOP:
		if front != c.pid { // it is not the keyboard's doing
			return false
		}
	}
	c.takeTTY()
	suspendOurs()
	return true
}

// suspendOurs stops our process group until its shell continues it. A group
// that nobody can continue does not stop. It is SIGTTIN that stops it, because Go
// does not give up a SIGTSTP that it once caught.
func suspendOurs() {
	const soon = 200 * time.Millisecond // in which a group stops, if it does
	goOn := make(chan os.Signal, 1)
	signal.Notify(goOn, syscall.SIGCONT)
	defer signal.Stop(goOn)
	_ = unix.Kill(0, unix.SIGTTIN)
	select {
	case <-goOn:
	case <-time.After(soon):
	}
}

// resume continues the command, in the foreground if our job is there.
func (c *child) resume() {
	c.giveTTY()
	c.signal(unix.SIGCONT)
}

// ended is how the command ended, whose terminal is taken back.
func (c *child) ended(status unix.WaitStatus) ending {
	e := ending{status: status}
	e.byKeyboard = c.takeTTY() && status.Signaled() && status.Signal() == unix.SIGINT
	return e
}

func (c *child) giveTTY() {
	if c.tty != nil && c.wants && c.tty.foreground() == c.tty.ours {
		c.tty.give(c.pid)
	}
}

// takeTTY takes the terminal back, and reports whether the command had it.
func (c *child) takeTTY() bool {
	if c.tty == nil || c.tty.foreground() != c.pid {
		return false
	}
	c.tty.give(c.tty.ours)
	return true
}

// tty is our controlling terminal.
type tty struct {
	fd   int
	ours int // our process group
}

// openTTY returns nil when there is no terminal.
func openTTY() *tty {
	fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	return &tty{fd: fd, ours: unix.Getpgrp()}
}

// foreground is the group that may use the terminal.
func (t *tty) foreground() int {
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	if err != nil {
		return 0
	}
	return group
}

// give lets another group use the terminal. One that has gone away is no loss.
func (t *tty) give(group int) { _ = unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, group) }

func (t *tty) close() {
	if t != nil {
		_ = unix.Close(t.fd)
	}
}
