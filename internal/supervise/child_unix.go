//go:build unix

package supervise

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/charmbracelet/x/term"
	"golang.org/x/sys/unix"
)

// forwardedSignals are the signals that reach the command only because they are
// handed on to it, beside the fatal ones.
func forwardedSignals() []os.Signal {
	return []os.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGCONT, syscall.SIGTSTP}
}

// child is the command, in a process group of its own.
type child struct {
	pid      int                  // and its process group
	statuses chan unix.WaitStatus // one each time it stops, and one when it has ended
	tty      *tty                 // nil without a controlling terminal
	wantsTTY bool                 // it gets the terminal whenever this job is in the foreground
}

// ending is how a command ended.
type ending struct {
	status     unix.WaitStatus
	byKeyboard bool // ctrl-C interrupted it while its group had the terminal, and not that of this process
}

// code returns the exit code that a shell would report.
func (e ending) code() int {
	if e.status.Signaled() {
		return SignalCode(e.status.Signal())
	}
	return e.status.ExitStatus()
}

// startChild runs a program with the standard files of this process. From then on,
// signals gets all signals that are to be handed on to the program. The caller must
// call release.
func startChild(path string, argv, env []string, signals chan os.Signal) (*child, error) {
	c := &child{statuses: make(chan unix.WaitStatus), tty: openTTY()}
	// A new program does not inherit handlers, but it would inherit ignored signals.
	signal.Notify(signals, forwardedSignals()...)
	c.wantsTTY = c.tty != nil && term.IsTerminal(os.Stdin.Fd()) && term.IsTerminal(os.Stdout.Fd())
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the end of the thread would kill the command: see childAttributes
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
	signal.Ignore(syscall.SIGTTOU) // which comes of writing to the terminal, and taking it back, in the background
	c.giveTTY()
	return c, nil
}

func (c *child) release() {
	signal.Reset(syscall.SIGTTOU)
	c.tty.close()
}

// wait sends each change of the command's status until it has ended. Where this
// process is the parent of orphans, it goes on until the last of them has ended too:
// they would stay as zombies, also in the command's group.
func (c *child) wait() {
	whom := c.pid
	if adopts() {
		whom = -1
	}
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(whom, &status, unix.WUNTRACED, nil)
		switch {
		case err == unix.EINTR:
		case err != nil: // there are no children left
			return
		case pid == c.pid:
			c.statuses <- status
			if whom == c.pid && !status.Stopped() {
				return
			}
		}
	}
}

// reapOrphans reaps the children of this process as they end, if it adopts orphans: while
// it waits for locks, they would stay as zombies. It does so until the function that it
// returns is called.
func reapOrphans() (stop func()) {
	if !adopts() {
		return func() {}
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			for pid, err := 1, error(nil); pid > 0 || errors.Is(err, unix.EINTR); {
				pid, err = unix.Wait4(-1, nil, unix.WNOHANG, nil)
			}
			select {
			case <-ended:
			case <-quit:
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		signal.Stop(ended)
		close(quit)
		<-done
	})
}

// signal sends sig to the process group, and reports whether there was a process
// in it.
func (c *child) signal(sig unix.Signal) bool { return unix.Kill(-c.pid, sig) != unix.ESRCH }

// forward hands on a signal that this process got.
func (c *child) forward(sig unix.Signal) {
	if sig == unix.SIGCONT {
		c.resume()
		return
	}
	c.signal(sig)
}

// suspend handles that the command was stopped: it stops the job of this process
// too, so that the job's shell gets the terminal back. It reports whether the
// command should continue, which it should once the job does. Without a terminal,
// it does nothing: the process that stopped the command will continue it.
func (c *child) suspend(sig unix.Signal) (goOn bool) {
	if c.tty == nil {
		return false
	}
	foreground := c.tty.foreground()
	switch sig {
	case unix.SIGTTIN, unix.SIGTTOU:
		c.wantsTTY = true
		if foreground == c.tty.group || foreground == c.pid {
			return true
		}
	case unix.SIGSTOP:
		if foreground != c.pid { // not by the keyboard
			return false
		}
	}
	c.takeTTY()
	suspendSelf()
	return true
}

// suspendSelf stops the process group of this process until its shell continues
// it. A group that no shell can continue does not stop. It stops by SIGTTIN, because
// Go does not give up a SIGTSTP that it once caught.
func suspendSelf() {
	const stopTimeout = 200 * time.Millisecond // within which a group stops, if it does
	resumed := make(chan os.Signal, 1)
	signal.Notify(resumed, syscall.SIGCONT)
	defer signal.Stop(resumed)
	_ = unix.Kill(0, unix.SIGTTIN)
	select {
	case <-resumed:
	case <-time.After(stopTimeout):
	}
}

// resume continues the command, in the foreground if this job is.
func (c *child) resume() {
	c.giveTTY()
	c.signal(unix.SIGCONT)
}

// ended takes the terminal back from a command that has ended, and returns how it
// ended.
func (c *child) ended(status unix.WaitStatus) ending {
	e := ending{status: status}
	e.byKeyboard = c.takeTTY() && status.Signaled() && status.Signal() == unix.SIGINT
	return e
}

// giveTTY lets the command use the terminal if it wants to and this job has it.
func (c *child) giveTTY() {
	if c.tty != nil && c.wantsTTY && c.tty.foreground() == c.tty.group {
		c.tty.give(c.pid)
	}
}

// takeTTY takes the terminal back, and reports whether the command had it.
func (c *child) takeTTY() bool {
	if c.tty == nil || c.tty.foreground() != c.pid {
		return false
	}
	c.tty.give(c.tty.group)
	return true
}
