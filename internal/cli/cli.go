// Package cli is etcd-lock's command line. Each command has a file, with a
// function that builds the cobra command and its flags, a struct of options that
// the flags are parsed into, and a run function over the options that knows
// nothing of flags.
package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/supervise"
)

// System is the environment of the program.
type System struct {
	Args     []string // without the program's name
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
}

// app is shared by all commands.
type app struct {
	System
	globals
	given *pflag.FlagSet // the flags of the command
	now   func() time.Time
}

// Main runs the program and returns its exit code. SIGINT, SIGTERM and SIGHUP,
// which comes when the terminal is closed, end the program in order; a second one
// ends it at once, unless it comes together with the first. A signal that is ignored
// stays ignored: SIGINT where a shell
// started the program in the background, SIGHUP below nohup.
func Main(sys System) int {
	endSignals := slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
	ctx, stop := signal.NotifyContext(context.Background(), endSignals...)
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(supervise.SameSignal, stop) })()
	defer survivePipes()()
	return run(ctx, sys)
}

// run runs the program until it is done or the context ends, and returns its exit code.
func run(ctx context.Context, sys System) int {
	a := &app{System: sys, now: time.Now}
	a.connection.AskPassword, a.connection.Warn = connect.AskAtTerminal, a.warn
	root := newRootCmd(a)
	root.SetArgs(sys.Args)
	root.SetOut(sys.Out)
	root.SetErr(sys.Err)
	cmd, err := root.ExecuteContextC(ctx)
	err = a.leadOn(a.blame(err))
	printError(ctx, sys.Err, cmd, err)
	return exitCode(err)
}

// Commands returns the program's commands, for what is made from them: manual pages,
// completions, and the check that files which name commands are right. They are not to be run.
func Commands() *cobra.Command {
	return newRootCmd(&app{System: System{Getenv: func(string) string { return "" }}, now: time.Now})
}

// printer returns the standard output of a command.
func (a *app) printer() output.Printer {
	color := output.IsTerminal(a.Out) && !a.noColor() && a.Getenv("TERM") != "dumb"
	return output.New(a.Out, a.output, color)
}

// noColor reports whether colours are unwanted, which any value of NO_COLOR says:
// see no-color.org.
func (a *app) noColor() bool { return a.Getenv("NO_COLOR") != "" }

// note tells the user something that is not an error.
func (a *app) note(text string) { printLine(a.Err, text) }

// warn prints a warning.
func (a *app) warn(text string) { printNote(a.Err, "warning", text) }

// survivePipes keeps a program whose standard output is closed alive, which Go
// would kill: the write returns an error instead, so that an embedded etcd is
// stopped and its folder removed.
func survivePipes() (stop func()) {
	ignored := make(chan os.Signal, 1)
	signal.Notify(ignored, syscall.SIGPIPE)
	return func() { signal.Stop(ignored) }
}
