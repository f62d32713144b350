package cli

import "github.com/spf13/cobra"

const rootLong = `etcd-lock shows the locks in an etcd, who holds them and who waits for them, as
a terminal UI and as plain commands, and runs scenarios of contention on them.

It reads the read/write locks of its Go package rwlock and of etcd's RWMutex
recipe, and the mutexes and elections of etcd's client, etcdctl and lock service.

Without a command it is the terminal UI.

The flags --endpoints, --cacert, --cert, --key, --user, --password,
--dial-timeout and --command-timeout are also read from the environment, as
etcdctl reads them: ETCDCTL_ENDPOINTS, ETCDCTL_CACERT and so on. A flag wins.
Tables are aligned, with signs and colours, on a terminal, and have tabs between
their columns in a pipe. NO_COLOR, set to anything, takes the colours out.

Exit codes:
  0  done
  1  failed
  2  wrong usage or input
  3  lock not acquired in time
  4  lock lost while it was held
  5  an expectation of a scenario or a load failed
exec exits with its command's code; see "etcd-lock exec --help".`

func newRootCmd(a *app) *cobra.Command {
	tuiCmd := newTUICmd(a, nil)
	cmd := &cobra.Command{
		Use:           "etcd-lock",
		Short:         "Inspect and test distributed read/write locks on etcd",
		Long:          rootLong,
		Args:          cobra.NoArgs,
		SilenceErrors: true, // Main prints them
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return a.resolve(cmd.Flags(), a.Getenv)
		},
		RunE:              tuiCmd.RunE,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	a.register(cmd.PersistentFlags())
	cmd.AddCommand(
		tuiCmd,
		newDemoCmd(a, nil),
		newLsCmd(a, nil),
		newShowCmd(a, nil),
		newWhyCmd(a, nil),
		newReleaseCmd(a, nil),
		newAccessCmd(a, nil),
		newWatchCmd(a, nil),
		newExecCmd(a, nil),
		newSimulateCmd(a),
		newVersionCmd(a, nil),
		newCompletionCmd(),
	)
	return cmd
}
