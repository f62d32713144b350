//go:build unix

package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"etcd-lock/internal/format"
	"etcd-lock/rwlock"
)

// ParseSignal returns the signal of a name, such as TERM or SIGTERM.
func ParseSignal(name string) (syscall.Signal, error) {
	sig := unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(name), "SIG"))
	if sig == 0 {
		return 0, fmt.Errorf("%q is not a signal, such as TERM, HUP or USR1", name)
	}
	return sig, nil
}

// fatalSignals returns the signals that end a program that does not handle them.
// One that is ignored, as by nohup, is left alone: the command ignores it too.
func fatalSignals() []os.Signal {
	return slices.DeleteFunc([]os.Signal{syscall.SIGTERM, os.Interrupt, syscall.SIGHUP, syscall.SIGQUIT}, signal.Ignored)
}

// Run acquires the locks, runs the command, and releases the locks. It returns the
// exit code of the command, 128+n if signal n ended it. Its errors are
// *NotAcquiredError, *InterruptedError, *StartError, ErrLost, and those of
// connecting and acquiring.
//
// Run handles signals from its beginning on, so the end of ctx has no effect once
// it has begun. When the keyboard interrupts the command, or SIGINT ends the wait,
// Run dies of SIGINT itself, as a shell expects.
func Run(ctx context.Context, spec Spec) (code int, err error) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, fatalSignals()...)
	defer signal.Stop(signals)
	if err := ctx.Err(); err != nil { // by a signal that came before
		return 0, err
	}
	r := runner{Spec: &spec, signals: signals}
	ended, err := r.runLocked(context.WithoutCancel(ctx))
	var interrupted *InterruptedError
	switch {
	case ended.byKeyboard: // which interrupts everything that would be in one group with the command
		dieOfInterrupt(0)
	case errors.As(err, &interrupted) && interrupted.Signal == unix.SIGINT:
		dieOfInterrupt(unix.Getpid())
	}
	return ended.code(), err
}

// dieOfInterrupt ends this process by SIGINT, or its process group if pid is 0: a
// shell gives up its loop or script only for a command that died of ctrl-C.
func dieOfInterrupt(pid int) {
	signal.Reset(os.Interrupt)
	_ = unix.Kill(pid, unix.SIGINT)
	time.Sleep(time.Second) // another thread may get the signal
}

// runner runs a Spec.
type runner struct {
	*Spec
	signals chan os.Signal // sent to this process
}

// runLocked connects, acquires the locks and runs the command while they are held.
func (r *runner) runLocked(ctx context.Context) (ended ending, err error) {
	stopReaping := reapOrphans()
	defer stopReaping()
	waiting, stop := r.cancelOnSignal(ctx)
	c, err := r.Connect(waiting)
	if err != nil {
		return ending{}, firstError(stop(), err)
	}
	defer c.Close()
	var session *rwlock.Session
	err = c.Do(waiting, func(ctx context.Context) error {
		session, err = rwlock.NewSession(ctx, c.Client, r.TTL, rwlock.WithLockDelay(r.LockDelay))
		return err
	})
	if err != nil {
		return ending{}, firstError(stop(), err)
	}
	defer func() {
		if r.LockDelay == 0 || !errors.Is(err, ErrLost) { // else its locks are left to the lease
			closeSession(session)
		}
	}()
	if says := raisedTTL(r.TTL, session.TTL(), r.LockDelay); says != "" {
		r.reportf("%s", says)
	}
	set := session.NewSet(r.Locks, rwlock.WithLabel(r.Label))
	err = newAcquirer(r.Spec, c, session).acquire(waiting, set)
	if err := firstError(stop(), err); err != nil {
		return ending{}, err
	}
	stopReaping() // or the command's own end would be reaped
	return r.runHolding(session, set)
}

// cancelOnSignal returns a context that ends with a signal. The function that it
// returns stops that, and returns the error of a signal that has come.
func (r *runner) cancelOnSignal(ctx context.Context) (context.Context, func() error) {
	ctx, cancel := context.WithCancel(ctx)
	result := make(chan error, 1)
	go func() {
		select {
		case <-ctx.Done():
			result <- nil
		case sig := <-r.signals:
			// A second one ends the program at once. Before that, it would leave keys.
			time.AfterFunc(SameSignal, func() { signal.Stop(r.signals) })
			cancel()
			result <- &InterruptedError{sig.(syscall.Signal)}
		}
	}()
	return ctx, func() error {
		cancel()
		return <-result
	}
}

func firstError(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// runHolding runs the command and releases the locks, which are held.
func (r *runner) runHolding(session *rwlock.Session, set *rwlock.Set) (ending, error) {
	child, err := startChild(r.Path, r.Argv, environ(r.names(), set), r.signals)
	if err != nil {
		return ending{}, &StartError{err}
	}
	defer child.release()
	s := supervisor{Spec: r.Spec, session: session, child: child}
	if r.OnAsk != 0 {
		s.asked = set.Wanted()
	}
	until := time.Now().Add(r.AtLeast)
	ended := s.supervise(r.signals, set.Lost())
	if s.signaled {
		s.clearGroup()
		return ending{}, ErrLost
	}
	r.holdUntil(until, set.Lost())
	err = set.Unlock()
	switch {
	case errors.Is(err, rwlock.ErrLost), errors.Is(err, rwlock.ErrSessionExpired):
		r.reportf("%s was lost before the command ended", r.locks())
		return ending{}, ErrLost
	case err != nil:
		r.reportf("%s could not be released, and is held until its lease expires: %v", r.locks(), err)
	}
	return ended, nil
}

// holdUntil returns at a time, or earlier when a signal comes or the locks are lost.
func (r *runner) holdUntil(until time.Time, lost <-chan struct{}) {
	left := time.Until(until)
	if left <= 0 {
		return
	}
	if !r.Quiet {
		r.reportf("the command has ended, holding %s for another %s", r.locks(), format.Duration(left))
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-lost:
	case sig := <-r.signals:
		if !r.Quiet {
			r.reportf("released %s early: %s", r.locks(), unix.SignalName(sig.(syscall.Signal)))
		}
	}
}

// closeTimeout bounds how long the end of a session may wait for etcd.
const closeTimeout = 2 * time.Second

// closeSession closes s within closeTimeout.
func closeSession(s *rwlock.Session) {
	closed := make(chan struct{})
	go func() { // ends with the client at the latest
		defer close(closed)
		_ = s.Close()
	}()
	select {
	case <-closed:
	case <-time.After(closeTimeout):
	}
}
