package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/release"
	"etcd-lock/simulate/scenario"
	"etcd-lock/tui"
	"etcd-lock/tui/backend"
)

// tuiOptions are what the terminal UI was asked for.
type tuiOptions struct {
	prefix   string
	readOnly bool
	noColor  bool
	ascii    bool
	dumb     bool // the terminal can do nothing but print
	config   string
	audit    string // file
	connect  func(context.Context) (*remote, error)
	apart    func(context.Context, *scenario.Scenario) (*ground, error)
	out      io.Writer
	now      func() time.Time

	chosenThreads bool // by GOMAXPROCS in the environment
}

func newTUICmd(a *app, runF func(context.Context, *tuiOptions) error) *cobra.Command {
	if runF == nil {
		runF = tuiRun
	}
	var (
		ascii bool
		audit string
	)
	cmd := &cobra.Command{
		Use:   "tui [PREFIX]",
		Short: "The terminal UI: watch locks, take and release them, run scenarios",
		Long: `The terminal UI, on the locks whose keys begin with PREFIX, or on all of them.
Press ? in it for its keys.

What is chosen in it (sorting, hidden columns, mouse, colours) is kept in the file
etcd-lock/config.yaml in the user's folder for configurations.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts := a.tuiOptions()
			if len(args) > 0 {
				opts.prefix = args[0]
			}
			opts.ascii, opts.audit = opts.ascii || ascii, audit
			return ran(runF(cmd.Context(), opts))
		},
	}
	cmd.Flags().BoolVar(&ascii, "ascii", false, "draw with ASCII alone; so it is anyway where the locale is not UTF-8")
	cmd.Flags().StringVar(&audit, "audit", "", "append what is released by force to this `file`, as release does")
	return cmd
}

func (a *app) tuiOptions() *tuiOptions {
	return &tuiOptions{
		readOnly: a.readOnly,
		noColor:  a.noColor(),
		ascii:    !isUnicode(a.Getenv),
		dumb:     a.Getenv("TERM") == "dumb",
		config:   configFile(),
		connect:  a.connect,
		apart:    a.apart,
		out:      a.Out,
		now:      a.now,

		chosenThreads: a.Getenv("GOMAXPROCS") != "",
	}
}

var errNoTerminal = errors.New("the terminal UI needs a terminal on standard output; etcd-lock ls and show print what it shows")

var errDumbTerminal = errors.New("the terminal UI needs a terminal that can do more than TERM=dumb; etcd-lock ls and show print what it shows")

// isUnicode reports whether the locale says that the terminal shows Unicode.
// Where nothing is said, it does.
func isUnicode(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToLower(getenv(name)); locale != "" {
			return strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
		}
	}
	return true
}

// configFile is where the terminal UI keeps its preferences, empty when there is
// no place for it.
func configFile() string {
	folder, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(folder, "etcd-lock", "config.yaml")
}

func tuiRun(ctx context.Context, opts *tuiOptions) error {
	return opts.run(ctx, func(*remote) (stop func()) { return func() {} })
}

// run runs the terminal UI, with what beside starts going on at the same time.
func (opts *tuiOptions) run(ctx context.Context, beside func(*remote) (stop func())) error {
	if !isTerminal(opts.out) {
		return usageError{errNoTerminal}
	}
	if opts.dumb {
		return usageError{errDumbTerminal}
	}
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	defer beside(c)()
	return c.screens(ctx, opts)
}

// endsSource tells the screens also why requests went.
type endsSource struct{ *inspect.Source }

// Watch implements backend.Source.
func (s endsSource) Watch(ctx context.Context, prefix string) <-chan inspect.Update {
	return s.WatchKinds(ctx, prefix)
}

// screens runs the terminal UI on c until the user leaves or ctx ends.
func (c *remote) screens(ctx context.Context, opts *tuiOptions) error {
	options := tui.Options{
		Prefix:   opts.prefix,
		Endpoint: c.endpoint,
		Source:   endsSource{c.source},
		Health:   &status{client: c.client},
		Past:     timeline{c},
		Rights:   rights{c},
		ASCII:    opts.ascii,
		ReadOnly: opts.readOnly,
		NoColor:  opts.noColor,
	}
	if opts.config != "" {
		options.Preferences = backend.PrefsFile(opts.config)
	}
	if !opts.readOnly {
		l := &locker{connect: c.etcd.Connect, timeout: c.timeout}
		defer l.close()
		options.Locker, options.Scenarios = l, scenarios{etcd: c.etcd, apart: opts.apart}
		log, err := openAudit(opts.audit) // before anything is done that it could not be told
		if err != nil {
			return err
		}
		defer func() { _ = log.Close() }()
		options.Releaser = &forcer{remote: c, planner: release.NewPlanner(c.client), log: log, now: opts.now}
		options.Recorder = recorder{source: c.source, prefix: opts.prefix}
	}
	if n := threads(runtime.GOMAXPROCS(0), runtime.NumCPU()); n > 0 && !opts.chosenThreads {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	}
	// Signals and the loss of the terminal end ctx, and that ends the screens: one
	// way out is enough.
	ctx, gone := context.WithCancel(ctx)
	defer gone()
	programOptions := []tea.ProgramOption{tea.WithOutput(opts.out), tea.WithoutSignalHandler()}
	if isTerminal(os.Stdin) {
		programOptions = append(programOptions, tea.WithInput(terminalInput{os.Stdin, gone}))
	}
	return tui.Run(ctx, options, programOptions...)
}

// threads are how many the screens run on at a time, where that is to be more
// than Go has chosen, and otherwise 0. On two cores, a diagnosis and the garbage
// collector take both of Go's threads for 10 ms and more at a time, and what a key
// has woken waits for one of them; the kernel has its thread wait for less. Where
// a process may use less than all cores, more threads would be stopped for it.
func threads(chosen, cores int) int {
	const enough = 4
	if chosen < cores || cores >= enough {
		return 0
	}
	return enough
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
