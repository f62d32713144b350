package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"etcd-lock/internal/locks"
	"etcd-lock/simulate"
	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/verify"
)

// connecting is how many clients connect at the same time.
const connecting = 32

// workers are the clients of a workload in one round.
type workers struct {
	simulate.Etcd
	Workload
	meter *meter
	seed  uint64
	round int
	all   []*worker
	live  *verify.Live

	mu     sync.Mutex
	remain []clientv3.LeaseID // of sessions whose end was not confirmed
}

// connect opens a session for each worker.
func (w *workers) connect(ctx context.Context) error {
	w.live = verify.NewLive()
	names := w.names()
	for _, role := range w.Roles {
		z := newZipf(len(role.Names), role.Zipf)
		for range role.Count {
			i := len(w.all)
			w.all = append(w.all, &worker{
				workers: w, Role: role, name: names[i], index: i, zipf: z,
				dice: plan.NewDice(w.seed, fmt.Sprintf("%s %d", names[i], w.round)),
			})
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(connecting)
	for _, one := range w.all {
		group.Go(func() error { return one.ensureSession(ctx) })
	}
	return group.Wait()
}

// run runs the workers for their part of the load's time. Measuring ends before the
// workers do, so that all waits that are cut short by this are counted.
func (w *workers) run(ctx context.Context, l Load) {
	timed, cancel := ctx, context.CancelFunc(func() {})
	if l.For > 0 {
		timed, cancel = context.WithTimeout(ctx, l.For/time.Duration(l.Rounds))
	}
	defer cancel()
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	w.meter.start()
	var wg sync.WaitGroup
	for _, one := range w.all {
		wg.Go(func() { one.run(work) })
	}
	if l.Progress != nil {
		wg.Go(func() { w.report(timed, l) })
	}
	<-timed.Done()
	w.meter.stop()
	stop()
	wg.Wait() // which takes at most a session's TTL, if etcd does not answer
}

// report reports progress until ctx ends.
func (w *workers) report(ctx context.Context, l Load) {
	ticks := time.NewTicker(l.Every)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			l.Progress(w.meter.progress(w.round + 1))
		case <-ctx.Done():
			return
		}
	}
}

// disconnect closes all sessions at once. client revokes the leases of those that could
// not be closed.
func (w *workers) disconnect(client *clientv3.Client) error {
	var wg sync.WaitGroup
	for _, one := range w.all {
		wg.Go(one.disconnect)
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), locks.LeaseSlack)
	defer cancel()
	for _, lease := range w.remain {
		if _, err := client.Revoke(ctx, lease); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return errUnconfirmed
		}
	}
	return nil
}
