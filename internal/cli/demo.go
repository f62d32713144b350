package cli

import (
	"context"
	"errors"
	"sync"

	"github.com/spf13/cobra"

	"etcd-lock/simulate/load"
)

// demoOptions are what demo was asked for.
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
		Short: "The terminal UI on an embedded etcd with live contention: nothing to install",
		Long: `Starts an etcd inside this process, readers and writers that contend for a
handful of locks in it, and the terminal UI on them. All of it ends with the UI.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("endpoints") {
				return errors.New("demo brings its own etcd: not with --endpoints")
			}
			a.embedded = true
			return ran(runF(cmd.Context(), &demoOptions{tuiOptions: *a.tuiOptions(), seed: seed}))
		},
	}
	cmd.Flags().Uint64Var(&seed, "seed", 1, "draws who does what and for how long")
	return cmd
}

func demoRun(ctx context.Context, opts *demoOptions) error {
	return opts.run(ctx, func(c *remote) (stop func()) { return contend(ctx, c, opts.seed) })
}

// contend keeps the demo's locks moving until it is stopped.
func contend(ctx context.Context, c *remote, seed uint64) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = load.Run(ctx, c.etcd, load.Demo(seed)) }) // which is there to be looked at
	return func() {
		cancel()
		wg.Wait()
	}
}
