package cli

import (
	"context"
	"errors"
	"io"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"etcd-lock/tui"
)

// tuiOptions are what the terminal UI was asked for.
type tuiOptions struct {
	prefix   string
	readOnly bool
	noColor  bool
	connect  func(context.Context) (*remote, error)
	out      io.Writer
}

func newTUICmd(a *app, runF func(context.Context, *tuiOptions) error) *cobra.Command {
	if runF == nil {
		runF = tuiRun
	}
	return &cobra.Command{
		Use:   "tui [PREFIX]",
		Short: "The terminal UI: watch locks, take and release them, run scenarios",
		Long:  "The terminal UI, on the locks whose keys begin with PREFIX, or on all of them.\nPress ? in it for its keys.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts := a.tuiOptions()
			if len(args) > 0 {
				opts.prefix = args[0]
			}
			return ran(runF(cmd.Context(), opts))
		},
	}
}

func (a *app) tuiOptions() *tuiOptions {
	return &tuiOptions{
		readOnly: a.readOnly,
		noColor:  a.noColor(),
		connect:  a.connect,
		out:      a.Out,
	}
}

var errNoTerminal = errors.New("the terminal UI needs a terminal on standard output; etcd-lock ls and show print what it shows")

func tuiRun(ctx context.Context, opts *tuiOptions) error {
	return opts.run(ctx, func(*remote) (stop func()) { return func() {} })
}

// run runs the terminal UI, with what beside starts going on at the same time.
func (opts *tuiOptions) run(ctx context.Context, beside func(*remote) (stop func())) error {
	if !isTerminal(opts.out) {
		return usageError{errNoTerminal}
	}
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	defer beside(c)()
	return c.screens(ctx, opts)
}

// screens runs the terminal UI on c until the user leaves or ctx ends.
func (c *remote) screens(ctx context.Context, opts *tuiOptions) error {
	options := tui.Options{
		Prefix:   opts.prefix,
		Endpoint: c.endpoint,
		Source:   c.source,
		ReadOnly: opts.readOnly,
		NoColor:  opts.noColor,
	}
	if !opts.readOnly {
		l := &locker{client: c.client, timeout: c.timeout}
		defer l.close()
		options.Locker, options.Scenarios = l, scenarios{etcd: c.etcd}
	}
	// Signals end ctx, and that ends the screens: one way out is enough.
	return tui.Run(ctx, options, tea.WithOutput(opts.out), tea.WithoutSignalHandler())
}

// terminalWidth is 0 where there is no terminal.
func terminalWidth(stream any) int {
	w, _ := terminalSize(stream)
	return w
}

// terminalSize is 0 both ways where there is no terminal.
func terminalSize(stream any) (width, height int) {
	if !isTerminal(stream) {
		return 0, 0
	}
	w, h, err := term.GetSize(stream.(interface{ Fd() uintptr }).Fd())
	if err != nil {
		return 0, 0
	}
	return w, h
}

// isTerminal reports whether people are at the other end of a stream.
func isTerminal(stream any) bool {
	f, ok := stream.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(f.Fd())
}
