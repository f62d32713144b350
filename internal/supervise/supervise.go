// Package supervise runs a command while holding locks, and ends the command
// before etcd can grant one of the locks to another client.
//
// Run acquires the locks, starts the command in a process group of its own, hands
// signals and the terminal on to it, and releases the locks once it has ended.
// When a lock is lost, or the lease is not renewed in time, it sends SIGTERM and
// then SIGKILL to the process group; grace.go says when.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"etcd-lock/internal/connect"
	"etcd-lock/rwlock"
)

// Spec is a command and the locks to hold while it runs.
type Spec struct {
	Path  string               // of the executable
	Argv  []string             // the command line, beginning with the program's name
	Locks []rwlock.LockRequest // acquired at one instant, or none of them
	Label string               // of the owner that other clients see
	TTL   time.Duration        // of the session, in whole seconds

	LockDelay time.Duration // how long etcd keeps the locks after an unclean end; see rwlock.WithLockDelay

	Wait  time.Duration // how long to wait for the locks; 0: without a limit
	Try   bool          // do not wait
	Quiet bool          // do not look up and report who holds the locks

	AtLeast time.Duration  // how long the locks are held at least, also when the command has ended
	OnAsk   syscall.Signal // that the command gets once, when others wait for a lock; 0: none

	Connect func(context.Context) (*connect.Conn, error)
	Report  func(text string) // tells the user something while the command has the terminal
}

// names returns the names of the locks.
func (s *Spec) names() []string {
	var names []string
	for _, l := range s.Locks {
		names = append(names, l.Name)
	}
	return names
}

// locks names the locks in a sentence.
func (s *Spec) locks() string { return strings.Join(s.names(), ", ") }

func (s *Spec) reportf(format string, args ...any) { s.Report(fmt.Sprintf(format, args...)) }

var (
	// ErrLost is returned when a lock was lost while the command ran, or was about
	// to be and the command was ended for that. It has been reported.
	ErrLost = errors.New("supervise: lock lost while the command ran")
	// ErrUnsupported is returned on systems without process groups and signals.
	ErrUnsupported = errors.New("supervise: running a command under locks needs the process groups and signals of Unix")
)

// NotAcquiredError is returned when other clients hold the locks and the time to
// wait is over. Nothing was started.
type NotAcquiredError struct {
	Waited  time.Duration // 0: did not wait
	Locks   string
	Blocker string // a lock and who holds it; empty when not known
}

func (e *NotAcquiredError) Error() string {
	text := "not acquired"
	if e.Waited > 0 {
		text += fmt.Sprintf(" within %s", e.Waited)
	}
	if e.Blocker != "" {
		return text + ": " + e.Blocker
	}
	return text + ": " + e.Locks
}

// InterruptedError is returned when a signal ended the wait for the locks. Nothing
// was started, and nothing is left in etcd.
type InterruptedError struct{ Signal syscall.Signal }

func (e *InterruptedError) Error() string { return "interrupted" }

// StartError is returned when the command could not be started.
type StartError struct{ Err error }

func (e *StartError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *StartError) Unwrap() error { return e.Err }

// SameSignal is how long after a signal another one counts as the same one: a program
// that is to end may get it twice, as from a terminal and from a parent. A later one
// ends the program at once.
const SameSignal = time.Second

// signalBase plus the number of a signal is the exit code that shells use for a
// command that the signal ended.
const signalBase = 128

// SignalCode returns the exit code of a program that sig ended.
func SignalCode(sig syscall.Signal) int { return signalBase + int(sig) }
