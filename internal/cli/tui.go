package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"etcd-lock/internal/cli/contexts"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cli/recording"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/console"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/hooks"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/lockclass"
)

// tuiOptions are the options of the terminal UI.
type tuiOptions struct {
	console.Options
	dumb    bool // TERM=dumb: the terminal can only print
	connect func(context.Context) (*connect.Conn, error)
	several *contexts.Clusters // that are shown in one table; nil: there is one

	replay *layout.Set // the layouts of a recording that is shown without etcd; nil: etcd is shown
}

const tuiLong = `The terminal UI, on the locks whose keys begin with a PREFIX, or on all locks. Press ?
in it for its keys.

With several contexts, as in --context dev,prod, their locks, sessions and problems are in
one table each, with a column that says of which each is. One that does not answer does not
keep the others from being shown.

With --recording it shows what "etcd-lock record" has recorded, without etcd: how the locks
were at --at or --rev, or at the end. With --live too, it shows etcd, and goes back in the
recording to what etcd has forgotten or never knew.

What is chosen in it (sorting, hidden columns, mouse, colours) is kept in the file
etcd-lock/ui.yaml in the user's configuration directory. See docs/config.md for other keys.`

func newTUICmd(a *app, runF func(context.Context, *tuiOptions) error) *cobra.Command {
	if runF == nil {
		runF = tuiRun
	}
	var (
		ascii, live bool
		telling     tellingFlags
		classes     []string
		from        recording.Flags
		revision    revs
	)
	cmd := &cobra.Command{
		Use:   "tui [PREFIX...]",
		Short: "Terminal UI: inspect locks, acquire and release them, run scenarios",
		Long:  tuiLong,
		Example: `  etcd-lock tui /jobs/
  etcd-lock tui --context dev,prod
  etcd-lock tui --recording /var/lib/etcd-lock --at 03:12
  etcd-lock tui --recording /var/lib/etcd-lock --live`,
		Annotations: map[string]string{severalContexts: ""},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts := a.tuiOptions()
			var err error
			opts.Classes, err = lockclass.Parse(classes)
			if err = errors.Join(err, telling.apply(opts)); err != nil {
				return err
			}
			opts.Prefixes = args
			opts.ASCII = opts.ASCII || ascii
			if err := opts.begin(a, from, revision, live, cmd.Flags().Changed("rev")); err != nil {
				return err
			}
			return runResult(runF(cmd.Context(), opts))
		},
	}
	cmd.Flags().BoolVar(&ascii, "ascii", false, "draw with ASCII characters only (default where the locale is not UTF-8)")
	from.Register(cmd.Flags())
	cmd.Flags().BoolVar(&live, "live", false, "with --recording: show etcd, and the recording for how the locks were")
	cmd.Flags().Var(&revision, "rev", "begin with the locks as at revision `N`")
	cmd.Flags().StringArrayVar(&classes, "class", nil, "`PATTERN` of a class of locks, such as '/tenants/*/**': names that match it are one class in Hot; can be given again")
	telling.register(cmd.Flags())
	return cmd
}

func (a *app) tuiOptions() *tuiOptions {
	opts := &tuiOptions{
		Options: console.Options{
			ReadOnly:    a.readOnly,
			NoColor:     a.noColor(),
			ASCII:       !isUnicode(a.Getenv),
			Preferences: console.OpenPreferences(configFile("ui.yaml")),
			Signals:     []string{console.Signals()[0]},
			DialTimeout: a.connection.Etcd.DialTimeout,
			KeepThreads: a.Getenv("GOMAXPROCS") != "",
			Out:         a.Out,
			Now:         a.now,
		},
		dumb:    a.Getenv("TERM") == "dumb",
		connect: a.connect,
	}
	opts.Locked = a.readOnly && a.given != nil && a.given.Changed("read-only")
	opts.Context = contexts.Show(a.context)
	opts.Keys, opts.Commands = contexts.Keys(a.config), contexts.Commands(a.config, a.context.Name)
	if len(a.config.Contexts) > 0 && !a.connection.Embedded {
		clusters := &contexts.Clusters{File: a.config, UI: &opts.Options, Find: a.cluster, Named: a.chosen.Several}
		opts.Contexts = clusters
		if len(clusters.Named) > 0 {
			opts.several = clusters
		}
	}
	return opts
}

// cluster returns how to connect to a context, for the terminal UI.
func (a *app) cluster(name string) (contexts.Cluster, error) {
	g, err := a.in(name, a.given, a.Getenv)
	if err != nil {
		return contexts.Cluster{}, err
	}
	g.connection.Layouts.Default = configFile("layouts.yaml")
	return contexts.Cluster{Connection: g.connection, Context: g.context, ReadOnly: g.readOnly}, nil
}

// begin has flags say where in the past the UI begins, and whether there is a present.
func (opts *tuiOptions) begin(a *app, from recording.Flags, revision revs, live, rev bool) error {
	if err := contexts.CheckKeys(a.config); err != nil {
		return err
	}
	switch err := from.Check(rev); {
	case err != nil:
		return err
	case live && !from.Given():
		return errors.New("--live requires --recording")
	case revision.two:
		return errors.New("--rev: only a single revision can be the start")
	}
	opts.Recording, opts.Revision = from.Path, revision.from
	if !from.Given() {
		return nil
	}
	rules, err := a.rules()
	if err != nil {
		return err
	}
	if !live {
		opts.replay = rules
	}
	opts.At, err = from.Time(rules, opts.Now())
	return err
}

// tellingFlags say whom the terminal UI tells what it does, and what happens.
type tellingFlags struct {
	audit      string
	commandLog string
	signals    []string
	program    string
}

func (f *tellingFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.audit, "audit", "", "append releases by force to this `file`, as release does")
	fs.StringVar(&f.commandLog, "command-log", "", "append what was done for you to this `file`, as commands to run again")
	fs.StringSliceVar(&f.signals, "notify", []string{console.Signals()[0]}, "what the terminal is sent when something happens that you asked for with !: bell, osc9, osc777 or none")
	fs.StringVar(&f.program, "notify-exec", "", "`PROGRAM` to run then, without a shell; words are separated by spaces, and the text is the last argument")
}

// apply fails where the command log cannot be written: nothing is done that is not kept.
func (f *tellingFlags) apply(opts *tuiOptions) (err error) {
	opts.AuditLog, opts.CommandLog, opts.Signals = f.audit, f.commandLog, nil
	for _, s := range f.signals {
		switch {
		case slices.Contains(console.Signals(), s):
			opts.Signals = append(opts.Signals, s)
		case s != "none":
			return fmt.Errorf("--notify %s: must be %s or none", s, strings.Join(console.Signals(), ", "))
		}
	}
	if f.program != "" {
		if opts.Notify, err = hooks.Parse(f.program); err != nil {
			return fmt.Errorf("--notify-exec: %w", err)
		}
	}
	if f.commandLog == "" {
		return nil
	}
	log, err := os.OpenFile(f.commandLog, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("--command-log: %w", err)
	}
	return log.Close()
}

// What shows locks where there can be no terminal UI.
const (
	withoutTUI  = "etcd-lock ls and etcd-lock show print the same data"
	withoutDemo = "etcd-lock simulate run four-clients --embedded prints what clients of a lock do"
)

var (
	errNoTerminal   = errors.New("the terminal UI needs a terminal on standard output")
	errDumbTerminal = errors.New("the terminal UI needs a terminal that can do more than TERM=dumb")
)

// locale returns the locale, and the variable that says it. Both are empty where none does.
func locale(getenv func(string) string) (name, value string) {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := getenv(name); value != "" {
			return name, value
		}
	}
	return "", ""
}

// isUnicode reports whether the locale says that the terminal shows Unicode, which
// is assumed where the locale says nothing.
func isUnicode(getenv func(string) string) bool {
	_, value := locale(getenv)
	value = strings.ToLower(value)
	return value == "" || strings.Contains(value, "utf-8") || strings.Contains(value, "utf8")
}

// configFile returns the path of a file in the user's configuration directory, or nothing
// if there is no such directory.
func configFile(name string) string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "etcd-lock", name)
}

func tuiRun(ctx context.Context, opts *tuiOptions) error {
	return opts.run(ctx, withoutTUI, func(*connect.Conn) (stop func()) { return func() {} })
}

// run runs the terminal UI. Before that it calls start, and after that stop. Without says
// what helps where there is no terminal for it.
func (opts *tuiOptions) run(ctx context.Context, without string, start func(*connect.Conn) (stop func())) error {
	if !output.IsTerminal(opts.Out) {
		return usageError{hint.Add(errNoTerminal, without)}
	}
	if opts.dumb {
		return usageError{hint.Add(errDumbTerminal, without)}
	}
	if opts.replay != nil {
		return console.Replay(ctx, opts.replay, opts.Options)
	}
	if opts.several != nil {
		members, err := opts.several.Members(ctx)
		if err != nil {
			return err
		}
		return console.RunSeveral(ctx, members, opts.Options)
	}
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	defer start(c)()
	// If the user may read nothing, the UI says what helps, and shows what may be read later.
	if r, err := c.Reach(ctx, opts.Prefixes); err == nil && r.Limited {
		opts.Prefixes, opts.Notice = r.Prefixes, r.Note()
	}
	return console.Run(ctx, c, opts.Options)
}
