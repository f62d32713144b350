// Package cli is etcd-lock's command line. Each command is a file: a function
// that builds it from flags, options that say what was asked for, and a run
// function over the options that knows nothing of flags.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"etcd-lock/internal/printable"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/forecast"
	"etcd-lock/simulate/outcome"
)

// What the process exits with.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotAcquired = 3
	exitLost        = 4
	exitExpectation = 5
)

// System is what the program sees of the world around it.
type System struct {
	Args     []string // without the program's name
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
}

// app is what commands share.
type app struct {
	System
	globals
	now func() time.Time
}

// Main runs the program and returns what to exit with. SIGINT, SIGTERM and, when
// its terminal goes away, SIGHUP end it in order; a second one ends it at once.
// What is ignored stays so: SIGINT where a shell started us in the background,
// SIGHUP below nohup.
func Main(sys System) int {
	ending := slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
	ctx, stop := signal.NotifyContext(context.Background(), ending...)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	defer survivePipes()()
	a := &app{System: sys, now: time.Now}
	a.askPassword, a.warn = askAtTerminal, func(text string) {
		_, _ = fmt.Fprintln(sys.Err, "etcd-lock: "+printable.Text(text))
	}
	root := newRootCmd(a)
	root.SetArgs(sys.Args)
	root.SetOut(sys.Out)
	root.SetErr(sys.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if !silent(err) {
		_, _ = fmt.Fprintln(sys.Err, "etcd-lock: "+printable.Text(message(ctx, cmd, err)))
	}
	return exitCode(err)
}

// survivePipes turns the death that Go gives a program whose standard output
// is closed into an error of the write, so that an embedded etcd is stopped and
// its folder removed.
func survivePipes() (stop func()) {
	ignored := make(chan os.Signal, 1)
	signal.Notify(ignored, syscall.SIGPIPE)
	return func() { signal.Stop(ignored) }
}

// ranError is an error of a command that ran. All others are cobra's, about
// how it was called.
type ranError struct{ error }

func (e ranError) Unwrap() error { return e.error }

// usageError is an error of a command that ran, about what it was asked for.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitError makes the process exit with a code of its own, such as that of a
// command which it ran. When there is no error in it, there is nothing to say.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }

// silent reports whether there is nothing to say of err: who closed the pipe
// knows.
func silent(err error) bool {
	var exit exitError
	return errors.Is(err, syscall.EPIPE) || errors.As(err, &exit) && exit.err == nil
}

// ran marks what a run function returned.
func ran(err error) error {
	if err == nil {
		return nil
	}
	return ranError{err}
}

func isUsage(err error) bool {
	return !errors.As(err, new(ranError)) || errors.As(err, new(usageError))
}

func exitCode(err error) int {
	var exit exitError
	switch {
	case errors.As(err, &exit):
		return exit.code
	case isUsage(err):
		return exitUsage
	case errors.Is(err, outcome.ErrExpectation), errors.Is(err, forecast.ErrImpossible):
		return exitExpectation
	case errors.Is(err, rwlock.ErrLost), errors.Is(err, rwlock.ErrSessionExpired):
		return exitLost
	default:
		return exitFailed
	}
}

// message says in a line what was wrong and, where that helps, what to do.
func message(ctx context.Context, cmd *cobra.Command, err error) string {
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return "interrupted"
	case !errors.As(err, new(ranError)):
		return fmt.Sprintf("%v (see \"%s --help\")", err, cmd.CommandPath())
	default:
		return err.Error()
	}
}
