package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"etcd-lock/internal/cli/contexts"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/interrupt"
	"etcd-lock/internal/layout"
)

const rootLong = `etcd-lock inspects distributed locks on etcd: who holds them, who waits for them,
and why a lock is stuck. It is a terminal UI and a set of commands; it also runs
commands under a lock, and scenarios of contention.

It reads the read/write locks of its Go package rwlock and of etcd's RWMutex
recipe, the mutexes and elections of etcd's client, etcdctl and lock service, and the
locks of other software, such as Patroni, Vitess, Kubernetes and Python's lock
libraries: "etcd-lock layouts" lists them.

Without a command it starts the terminal UI, with the flags of "etcd-lock tui".

The flags of the connection are also read from the environment variables of etcdctl:
ETCDCTL_ENDPOINTS, ETCDCTL_CACERT and so on. A flag takes precedence. --context NAME, or
ETCD_LOCK_CONTEXT, takes them from the configuration file instead: "etcd-lock contexts"
lists the clusters that it names, and docs/config.md describes it. The terminal UI, ls,
show, why and watch are about several together: --context dev,prod.

On a terminal, tables are aligned and have signs and colours. In a pipe, their
columns are separated by tabs. NO_COLOR, set to any value, turns the colours off.

Exit codes:
  0  success
  1  failure
  2  wrong usage or input
  3  lock not acquired in time
  4  lock lost while it was held
  5  an expectation of a scenario or a load test failed
  6  why --fail-on found a problem
exec exits with the exit code of its command; see "etcd-lock exec --help".`

func newRootCmd(a *app) *cobra.Command { return newRootCmdWith(a, newTUICmd(a, nil)) }

// newRootCmdWith is newRootCmd with the command that it runs when it is given none.
func newRootCmdWith(a *app, tuiCmd *cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "etcd-lock",
		Short: "Inspect, debug and use distributed read/write locks on etcd",
		Long:  rootLong,
		Example: `  etcd-lock --endpoints https://etcd-1:2379 --cacert ca.pem
  etcd-lock why /jobs/nightly
  etcd-lock exec /jobs/nightly -- ./nightly.sh
  etcd-lock demo`,
		Args:              noCommand,
		Annotations:       map[string]string{severalContexts: ""}, // as the terminal UI
		SilenceErrors:     true,                                   // Main prints them
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.prepare(cmd) },
		RunE:              tuiCmd.RunE,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	a.register(cmd.PersistentFlags())
	_ = cmd.RegisterFlagCompletionFunc("context", completeContexts(a)) // it is registered above
	cmd.Flags().AddFlagSet(tuiCmd.Flags())                             // the same flags, which set the same options
	cmd.SetFlagErrorFunc(flagError)
	cmd.SetHelpCommand(newHelpCmd())
	cmd.AddCommand(
		tuiCmd,
		newDemoCmd(a, nil),
		newLsCmd(a, nil),
		newShowCmd(a, nil),
		newWhyCmd(a, nil),
		newReleaseCmd(a, nil),
		newAccessCmd(a, nil),
		newLayoutsCmd(a, nil),
		newContextsCmd(a),
		newWatchCmd(a, nil),
		newRecordCmd(a, nil),
		newProfileCmd(a, nil),
		newExportCmd(a, nil),
		newSnapshotCmd(a, nil),
		newExecCmd(a, nil),
		newAskCmd(a, nil),
		newSimulateCmd(a),
		newDoctorCmd(a, nil),
		newVersionCmd(a, nil),
		newCompletionCmd(),
	)
	return cmd
}

// noCommand refuses what is given in place of a command, and says which may be meant.
func noCommand(cmd *cobra.Command, args []string) error {
	err := cobra.NoArgs(cmd, args)
	if err == nil {
		return nil
	}
	if meant := meantCommands(cmd, args[0]); meant != "" {
		return hint.Add(err, meant)
	}
	if !cmd.HasParent() && strings.Contains(args[0], "/") {
		return hint.Add(err, "for the terminal UI on the locks with a prefix, etcd-lock tui PREFIX")
	}
	return hint.Add(err, seeHelp(cmd))
}

// meantCommands asks which command below cmd may be meant by a word that is none; empty:
// there is none that is like it.
func meantCommands(cmd *cobra.Command, word string) string {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return meant(word, cmd.CommandPath()+" ", names)
}

// flagError has the error of a flag that there is not ask which of the command's may be
// meant, and that of a value show no password.
func flagError(cmd *cobra.Command, err error) error {
	var bad *pflag.InvalidValueError
	if errors.As(err, &bad) {
		if shown := shownValue(bad.GetFlag().Name, bad.GetValue()); shown != bad.GetValue() {
			return fmt.Errorf("--%s %q: %w", bad.GetFlag().Name, shown, bad.Unwrap())
		}
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	word := unknown.GetSpecifiedName()
	if short := unknown.GetSpecifiedShortnames(); short != "" {
		word = short // -wait for --wait
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Deprecated == "" {
			names = append(names, f.Name)
		}
	})
	if asks := meant(word, "--", names); asks != "" && len(word) > 1 {
		return hint.Add(err, asks)
	}
	return err
}

// meant asks which of some names, with what they begin with, may be meant by a word that is
// none; empty: there is none that is like it, or there are many. cobra knows what is alike.
func meant(word, begin string, names []string) string {
	of := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, name := range names {
		of.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	near := of.SuggestionsFor(word)
	if word == "" || len(near) == 0 || len(near) > mostMeant {
		return ""
	}
	slices.SortStableFunc(near, func(a, b string) int { return alike(b, word) - alike(a, word) })
	return "did you mean " + begin + strings.Join(near, " or "+begin) + "?"
}

// alike counts the letters that two words begin with both.
func alike(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// mostMeant is how many names are worth to be asked about.
const mostMeant = 5

func seeHelp(cmd *cobra.Command) string { return fmt.Sprintf("see %q", cmd.CommandPath()+" --help") }

// newHelpCmd replaces cobra's own command, which prints the help of what is above a command
// that there is not.
func newHelpCmd() *cobra.Command {
	return &cobra.Command{
		Use:               "help [COMMAND...]",
		Short:             "Help about any command",
		Long:              "Prints the help of a command, as COMMAND --help does.",
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil }, // help needs no configuration
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			return belowCommand(cmd.Root(), args, typed), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			of, rest, err := cmd.Root().Find(args)
			if err == nil {
				err = noCommand(of, rest)
			}
			if err != nil {
				return err
			}
			of.InitDefaultHelpFlag()
			return of.Help()
		},
	}
}

// belowCommand completes the commands below the one that is named.
func belowCommand(root *cobra.Command, named []string, typed string) (names []string) {
	of, rest, err := root.Find(named)
	if err != nil || len(rest) > 0 {
		return nil
	}
	for _, c := range of.Commands() {
		if c.IsAvailableCommand() && strings.HasPrefix(c.Name(), typed) {
			names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
		}
	}
	return names
}

// offline is the annotation of commands that need no etcd and no context.
const offline = "offline"

// severalContexts is the annotation of commands that can be about several contexts.
const severalContexts = "several contexts"

// prepare reads the configuration and the environment for a command.
func (a *app) prepare(cmd *cobra.Command) error {
	if _, ok := cmd.Annotations[stacks]; a.output.OfStacks() && !ok {
		return fmt.Errorf("-o %s: must be table or json", a.output)
	}
	a.given = cmd.Flags()
	a.load = func(e layout.Extra) (*layout.Set, error) { return interrupt.Await(cmd.Context(), e.Load) }
	if err := checkFilled(cmd); err != nil {
		return err
	}
	if _, ok := cmd.Annotations[offline]; ok {
		return a.settle(cmd.Flags(), a.Getenv)
	}
	if err := a.resolve(cmd.Context(), cmd.Flags(), a.Getenv); err != nil {
		return err
	}
	_, can := cmd.Annotations[severalContexts]
	return contexts.CheckSeveral(a.chosen, cmd.Name(), can, cmd.Flags())
}

// enterAll makes the globals of several contexts.
func (g *globals) enterAll(fs *pflag.FlagSet, getenv func(string) string) error {
	if err := g.settle(fs, func(string) string { return "" }); err != nil {
		return err
	}
	g.endpointsSet = true
	g.prompting = &sync.Mutex{} // it has room for one prompt
	for _, name := range g.chosen.Several {
		one, err := g.in(name, fs, getenv)
		if err != nil {
			return err
		}
		if ask := g.connection.AskPassword; ask != nil {
			one.connection.AskPassword = askOnce(g.prompting, ask)
		}
		if warn := g.connection.Warn; warn != nil {
			one.connection.Warn = func(text string) { warn("context " + name + ": " + text) }
		}
		g.several = append(g.several, one)
	}
	return nil
}

// askOnce returns ask for one caller at a time, which has an answer given once.
func askOnce(terminal *sync.Mutex, ask func(context.Context, string) (string, error)) func(context.Context, string) (string, error) {
	var password string
	known := false
	return func(ctx context.Context, prompt string) (string, error) {
		terminal.Lock()
		defer terminal.Unlock()
		if known {
			return password, nil
		}
		var err error
		if password, err = ask(ctx, prompt); err == nil {
			known = true
		}
		return password, err
	}
}

// members are the contexts of a command that is about several; else there are none.
func (g *globals) members() []contexts.Member {
	var all []contexts.Member
	for _, one := range g.several {
		all = append(all, contexts.Member{Name: one.context.Name, Connect: one.connect})
	}
	return all
}

// mayBeEmpty are the flags of commands for which an empty text has a meaning.
var mayBeEmpty = map[string]bool{"label": true, "reason": true, "prefix": true}

// checkFilled reports a flag of the command that is given and empty, most often because a
// variable of a script is not set. Without it, --fail-on "" would never fail, and --listen
// "" listen everywhere. Those for the connection are taken as etcdctl takes them.
func checkFilled(cmd *cobra.Command) (err error) {
	global := cmd.Root().PersistentFlags()
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && f.Value.Type() == "string" && f.Value.String() == "" && !mayBeEmpty[f.Name] && global.Lookup(f.Name) == nil {
			err = fmt.Errorf("--%s must not be empty", f.Name)
		}
	})
	return err
}
