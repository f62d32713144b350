package cli

import (
	"context"
	"errors"
	"sync"

	"github.com/spf13/cobra"

	"etcd-lock/internal/cli/staging"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/console"
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
		Long: `Starts an etcd inside this process, readers and writers that contend for locks, and the
terminal UI. All of it ends with the UI.

Among some thirty locks, as software of many kinds keeps them, are a deadlock, a holder that
died, a request without a lease, and a busy lock. The line above the keys leads from one to
the next; what you heal stays healed.`,
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

// demoTour leads from what is wrong in the demo to its remedy.
func demoTour() console.Tour {
	const deadlock = "press `3`: two services wait for each other; `ctrl+k` ends one of them"
	return console.Tour{
		Steps: []console.TourStep{
			{Lock: staging.Orders, Text: deadlock},
			{Lock: staging.Stock, Text: deadlock},
			{Lock: staging.Import, Text: "press `3`: a request without a lease, so it never ends; `ctrl+k` deletes its key"},
			{Lock: staging.Backup, Text: "press `3`: a holder that died with a lease of two hours; `ctrl+k` revokes it"},
		},
		After: "healed. `1`: " + staging.Busy + " is busy, and nothing is wrong with it; `?`: all keys",
	}
}

func demoRun(ctx context.Context, opts *demoOptions) error {
	opts.Tour = demoTour()
	return opts.run(ctx, withoutDemo, func(c *connect.Conn) (stop func()) { return contend(ctx, c, opts.seed) })
}

// contend runs clients that contend for the demo's locks, until stop is called.
func contend(ctx context.Context, c *connect.Conn, seed uint64) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { staging.Play(ctx, c.Client, seed) })
	wg.Go(func() { _, _ = load.Run(ctx, sandbox.Shared(c), load.Demo(seed)) }) // its result is not needed: it is there to be watched
	return func() {
		cancel()
		wg.Wait()
	}
}
