package cli

import (
	"context"
	"errors"
	"sync"

	"github.com/spf13/cobra"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/sandbox"
	"etcd-lock/simulate/load"
)

// demoOptions are the options of demo.
type demoOptions struct {
	tuiOptions
	seed uint64
}

func newDemoCmd(a *app, runF func(context.Context, *demoOptions) error) *cobra.Command {
	if runF == nil {
		runF = demoRun
	}
	var seed uint64
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Terminal UI on an embedded etcd with live contention: nothing to install",
		Long: `Starts an etcd inside this process, readers and writers that contend for a few
locks, and the terminal UI. All of it ends with the UI.`,
		Args: cobra.NoArgs,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			for _, flag := range []string{"endpoints", "context"} {
				if cmd.Flags().Changed(flag) {
					return errors.New("demo starts its own etcd: not with --" + flag)
				}
			}
			a.connection.Embedded = true
			return cmd.Root().PersistentPreRunE(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runResult(runF(cmd.Context(), &demoOptions{tuiOptions: *a.tuiOptions(), seed: seed}))
		},
	}
	cmd.Flags().Uint64Var(&seed, "seed", 1, "random seed of the clients' actions and durations")
	return cmd
}

func demoRun(ctx context.Context, opts *demoOptions) error {
	return opts.run(ctx, func(c *connect.Conn) (stop func()) { return contend(ctx, c, opts.seed) })
}

// contend runs clients that contend for the demo's locks, until stop is called.
func contend(ctx context.Context, c *connect.Conn, seed uint64) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = load.Run(ctx, sandbox.Shared(c), load.Demo(seed)) }) // its result is not needed: it is there to be watched
	return func() {
		cancel()
		wg.Wait()
	}
}
