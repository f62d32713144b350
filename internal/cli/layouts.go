package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"etcd-lock/internal/cli/contexts"
	"etcd-lock/internal/cli/layouts"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/config"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/layout"
)

const layoutsLong = `Lists the layouts that etcd-lock knows: how software keeps locks in etcd, and how many
locks of each there are below PREFIX. docs/layouts.md says more about each, and how to
write others: in FILE of --layouts, or in etcd-lock/layouts.yaml in the user's
configuration directory. --lock-keys is the short form for keys that are locks while
they exist.

With -o json:
  prefixes, prefixes_base64  as for ls
  revision            etcd revision of the counts
  layouts             sorted by name:
    name, about       of the layout
    kind              queue, single, record, semaphore, rw, permits or ignore
    keys              patterns of its keys
    waiters           recorded; unrecorded; or leases: clients that wait leave leases
                      without keys
    release           revoke, delete, advise or refuse
    built_in          false: it is the user's
    hidden            true: its locks are shown with --hidden only
    locks             how many there are; absent for kind ignore and when hidden
    sources           where its keys are written`

func newLayoutsCmd(a *app, runF func(context.Context, *layouts.ListOptions) error) *cobra.Command {
	if runF == nil {
		runF = layouts.List
	}
	cmd := &cobra.Command{
		Use:   "layouts [PREFIX...]",
		Short: "List the layouts of locks that are known, and how many locks of each there are",
		Long:  layoutsLong,
		Example: `  etcd-lock layouts
  etcd-lock layouts explain /locks/nightly
  etcd-lock layouts check my-layouts.yaml`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				if meant := meantCommands(cmd, args[0]); meant != "" {
					printNote(a.Err, "note", format.Name(args[0])+" is taken as a prefix: "+meant)
				}
			}
			opts := &layouts.ListOptions{Prefixes: args, Connect: a.connect, Out: a.printer()}
			opts.Reach = func(ctx context.Context, c *connect.Conn, prefixes []string) ([]string, error) {
				return reach(ctx, c, prefixes, a.Err)
			}
			return runResult(runF(cmd.Context(), opts))
		},
	}
	cmd.AddCommand(newLayoutsExplainCmd(a), newLayoutsCheckCmd(a), newLayoutsSchemaCmd(a))
	return cmd
}

func newLayoutsCheckCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Annotations: map[string]string{offline: ""},
		Use:         "check FILE...",
		Short:       "Check files of layouts, without etcd",
		Long: `Checks files of layouts without connecting to etcd. It prints the layouts of each, or
what is wrong with it, by line and column.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runResult(layouts.Check(cmd.Context(), a.printer(), args))
		},
	}
}

func newLayoutsSchemaCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Annotations: map[string]string{offline: ""},
		Use:         "schema",
		Short:       "Print the JSON Schema of files of layouts, for editors",
		Long:        "Prints the JSON Schema of files of layouts, for editors.",
		Args:        cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.Out, "%s", layout.Schema())
			return runResult(err)
		},
	}
}

const contextsLong = `Lists the contexts of the configuration file: clusters under a name, for --context,
ETCD_LOCK_CONTEXT and the terminal UI. It does not connect to them. The one that is used
has a *. docs/config.md describes the file.

With -o json:
  file              the configuration file; empty when there is none
  contexts          sorted by name:
    name            for --context
    current         whether it is used
    endpoints       addresses of etcd
    discovery_srv   the domain whose SRV records name them; absent without one
    user            to log in as; absent without a login
    password_file   absent when the password is asked for
    read_only       whether etcd is only read unless a user says otherwise
    colour          in the terminal UI; absent for the usual one`

func newContextsCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Annotations: map[string]string{severalContexts: ""},

		Use:   "contexts",
		Short: "List the clusters that the configuration file names",
		Long:  contextsLong,
		Example: `  etcd-lock contexts
  etcd-lock --context staging ls
  etcd-lock contexts check my-config.yaml`,
		Args: noCommand,
		RunE: func(*cobra.Command, []string) error {
			if a.output != output.JSON && len(a.config.Contexts) == 0 {
				a.note(contexts.None(a.config, configFile(config.Name)))
				return nil
			}
			return runResult(contexts.List(a.printer(), a.config, a.chosen))
		},
	}
	cmd.AddCommand(
		&cobra.Command{
			Annotations: map[string]string{offline: ""},
			Use:         "check FILE",
			Short:       "Check a configuration file, without etcd",
			Long:        "Checks a configuration file, and prints what is in it, or what is wrong with it, by line\nand column.",
			Args:        cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return runResult(contexts.Check(cmd.Context(), a.printer(), args[0]))
			},
		},
		&cobra.Command{
			Annotations: map[string]string{offline: ""},
			Use:         "schema",
			Short:       "Print the JSON Schema of configuration files, for editors",
			Long:        "Prints the JSON Schema of configuration files, for editors.",
			Args:        cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				_, err := fmt.Fprintf(a.Out, "%s", config.Schema())
				return runResult(err)
			},
		},
	)
	return cmd
}

const explainLong = `Says what KEY is: the lock that it is a request for, by which layout and by what
evidence, and why the other layouts whose patterns it matches do not count. With --all,
it also says why each of the rest does not match.

With -o json:
  key, key_base64     as given
  lease               16 hex digits; absent when there is none
  revision            of the answer
  lock, layout        that it is a request for; absent when it is none
  verdicts            of layouts, the one that counts first:
    layout            name
    matched           whether the key is one of it, or a candidate for a lock of it
    decides           this layout says what the key is
    candidate         of a candidate: its name
    lock              that it is a candidate for
    evidence          clauses
    problem           why it does not match`

func newLayoutsExplainCmd(a *app) *cobra.Command {
	opts := &layouts.ExplainOptions{}
	cmd := &cobra.Command{
		Use:     "explain KEY",
		Short:   "Say which layout a key is of, by what evidence, and why the others do not match",
		Long:    explainLong,
		Example: "  etcd-lock layouts explain /service/demo/leader",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Key, opts.Connect, opts.Out = args[0], a.connect, a.printer()
			return runResult(layouts.Explain(cmd.Context(), opts))
		},
	}
	cmd.Flags().BoolVar(&opts.All, "all", false, "also say why layouts do not match whose patterns the key does not match")
	return cmd
}
