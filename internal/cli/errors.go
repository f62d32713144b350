package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"syscall"

	"github.com/spf13/cobra"

	"etcd-lock/internal/access"
	"etcd-lock/internal/cli/alert"
	"etcd-lock/internal/cli/contexts"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/printable"
	"etcd-lock/internal/release"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/forecast"
	"etcd-lock/simulate/outcome"
)

// The exit codes of the program.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotAcquired = 3
	exitLost        = 4
	exitExpectation = 5
	exitFound       = 6
)

// runError is an error that the run function of a command returned. All other
// errors are about how the command was called, from cobra or from a check of its
// flags.
type runError struct{ error }

func (e runError) Unwrap() error { return e.error }

// runResult marks what a run function returned.
func runResult(err error) error {
	if err == nil {
		return nil
	}
	return runError{err}
}

// usageError is an error of a run function about how the command was called.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// usageHint is usagef with a hint.
func usageHint(text, format string, args ...any) error {
	return usageError{hint.Add(fmt.Errorf(format, args...), text)}
}

// exitError makes the program exit with a code of the command's choice. Without
// an error in it, nothing is printed.
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

// exclusive returns the error of two flags that were both given.
func exclusive(flag, other string) error {
	return fmt.Errorf("%s and %s are mutually exclusive", flag, other)
}

// notPositive returns the error of a flag whose value must be more than 0.
func notPositive(flag string, value any) error {
	return fmt.Errorf("--%s %v: must be more than 0", flag, value)
}

// readOnlyError is the error of a command that writes to etcd where that is forbidden.
type readOnlyError struct{ does, by string }

func (e *readOnlyError) Error() string {
	if e.by == "" {
		return e.does + ", which --read-only forbids"
	}
	return e.does + ", which context " + e.by + " forbids; --read-only=false allows it"
}

// notReadOnly returns the error of a command that acquires locks where that is forbidden.
func notReadOnly(command string) error {
	return usageError{&readOnlyError{does: command + " acquires locks"}}
}

// blame has an error name the context that forbids to write, if one does.
func (g *globals) blame(err error) error {
	var forbidden *readOnlyError
	if errors.As(err, &forbidden) && g.context.ReadOnly {
		forbidden.by = g.context.Name
	}
	return err
}

// leadOn has an error of missing rights name the commands that say which.
func (g *globals) leadOn(err error) error {
	if err == nil || !access.IsPermissionDenied(err) || hint.Of(err) != "" {
		return err
	}
	return hint.Add(err, g.connection.Flags.Line("access", "--check")+" says which permissions the user has, and "+g.connection.Flags.Line("access")+" which ones it takes")
}

// hintDecimal says of a lease that is not there which one the text is in decimal, as JSON of
// etcdctl has it. It is not taken for that: another client may have it.
func hintDecimal(err error, text string) error {
	if meant := format.Leases(text); len(meant) > 1 && errors.Is(err, release.ErrGone) {
		return hint.Add(err, "if "+text+" is decimal, it is --lease "+format.Lease(meant[1]))
	}
	return err
}

// isUsage reports whether the flags or the input are wrong. Where a signal ended their reading,
// that is not known.
func isUsage(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	return !errors.As(err, new(runError)) || errors.As(err, new(usageError)) || errors.As(err, new(*connect.OptionError))
}

func exitCode(err error) int {
	var exit exitError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &exit):
		return exit.code
	case isUsage(err):
		return exitUsage
	case errors.Is(err, outcome.ErrExpectation), errors.Is(err, forecast.ErrImpossible):
		return exitExpectation
	case errors.Is(err, alert.ErrFound):
		return exitFound
	case errors.Is(err, rwlock.ErrLost), errors.Is(err, rwlock.ErrSessionExpired), errors.Is(err, rwlock.ErrSessionClosed):
		return exitLost
	default:
		return exitFailed
	}
}

// isSilent reports whether nothing is to be printed for an error: it has been
// reported already, or the reader of the output closed the pipe.
func isSilent(err error) bool {
	var exit exitError
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, alert.ErrFound) || errors.As(err, &exit) && exit.err == nil
}

// printError prints an error that ended cmd, and what helps if that is known.
func printError(ctx context.Context, w io.Writer, cmd *cobra.Command, err error) {
	switch {
	case err == nil || isSilent(err):
		return
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		err = errors.New("interrupted")
	case isUsage(err) && hint.Of(err) == "":
		err = hint.Add(err, seeHelp(cmd))
	}
	printNote(w, "error", format.Plainly(err))
	if help := hint.Of(err); help != "" {
		printNote(w, "hint", help)
	}
}

// retrying says why something failed that is tried until etcd answers, and what helps.
func (a *app) retrying(err error) { a.retryingIn("", err) }

// retryingIn is retrying for one of several contexts, which its notes name.
func (a *app) retryingIn(context string, err error) {
	w := a.Err
	if context != "" {
		w = notesOf{w, context}
	}
	printNote(w, "warning", format.Plainly(err)+"; trying again until it answers")
	if help := hint.Of(a.leadOn(err)); help != "" {
		printNote(w, "hint", help)
	}
}

// printNote prints a line of a kind: error, hint, warning or note.
func printNote(w io.Writer, kind, text string) {
	if of, ok := w.(notesOf); ok {
		text = "context " + of.context + ": " + text
	}
	printLine(w, kind+": "+text)
}

// notesOf is where notes about one of several contexts are printed, which say its name.
type notesOf struct {
	io.Writer
	context string
}

// printFailed prints the error of one of several contexts.
func printFailed(w io.Writer, context string, err error) {
	printNote(notesOf{w, context}, "error", format.Plainly(err))
	if help := hint.Of(err); help != "" {
		printNote(notesOf{w, context}, "hint", help)
	}
}

// printed returns the error of a context, which is printed, for the exit code.
func printed(err error) error { return exitError{code: exitCode(runResult(err))} }

// lasting are the contexts of a command that is about several and lasts; nil: there are none.
func (a *app) lasting() *contexts.Lasting {
	if a.several == nil {
		return nil
	}
	return &contexts.Lasting{
		Members: a.members(), Terminal: a.prompting,
		Failed: func(m contexts.Member, err error) error {
			printFailed(a.Err, m.Name, err)
			return printed(err)
		},
		Note: func(text string) { printNote(a.Err, "note", text) },
	}
}

// askAll reads several contexts, and prints their notes and errors. Its error has the exit
// code of the first of these.
func askAll[T any](ctx context.Context, all []contexts.Member, w io.Writer, read func(context.Context, *connect.Conn, io.Writer) (T, error)) (answers []contexts.Answer[T], result error) {
	answers = contexts.Ask(ctx, all, func(ctx context.Context, m contexts.Member, c *connect.Conn) (T, error) {
		return read(ctx, c, notesOf{w, m.Name})
	})
	if err := ctx.Err(); err != nil {
		return answers, err
	}
	clusters := map[string]string{}
	for _, a := range answers {
		if clusters[a.Context] = a.Cluster; a.Err == nil {
			continue
		}
		printFailed(w, a.Context, a.Err)
		if result == nil {
			result = printed(a.Err)
		}
	}
	for _, says := range contexts.Alike(clusters, all) {
		printNote(w, "note", says)
	}
	return answers, result
}

// printUnread prints notes of what was to be read, and could not be.
func printUnread(w io.Writer, s inspect.Snapshot) {
	for _, says := range narrate.Unread(s) {
		printNote(w, "note", says)
	}
}

// printLine prints a line of text behind the program's name, safe for terminals.
func printLine(w io.Writer, text string) {
	_, _ = fmt.Fprintln(w, "etcd-lock: "+printable.Text(text))
}

// What shells exit with for a command that they cannot run.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
)

func cannotRun(command string, err error) error {
	var execErr *exec.Error // whose text names the command again
	if errors.As(err, &execErr) {
		err = execErr.Err
	}
	code := exitNotExecutable
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		code, err = exitNotFound, errors.New("command not found")
	}
	return exitError{code: code, err: fmt.Errorf("%s: %w", command, err)}
}
