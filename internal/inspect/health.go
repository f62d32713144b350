package inspect

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// ErrBehind says that etcd answers reads but has not sent the watch what they show.
var ErrBehind = errors.New("inspect: the watch is behind etcd")

// health tracks whether the watch can be trusted. Reads alone cannot tell: the
// watch's member may hang while others answer. So a probe reads the current
// revision and requests the watch's progress, and by the next probe the watch must
// have delivered everything up to that revision.
type health struct {
	err      error
	target   int64 // revision that the watch has to reach; 0 until a probe sets it
	progress bool  // etcd reports the watch's progress; not every proxy does
}

// failed notes that etcd did not answer. The watch is healthy again once it has
// reached the revision of a new probe.
func (h *health) failed(err error) { h.err, h.target = err, 0 }

// answered notes that a probe read revision, given the revision up to which the
// watch has been applied.
func (h *health) answered(revision, applied int64) {
	switch {
	case !h.progress:
		h.err = nil
	case applied >= h.target:
		h.target = revision
	case h.err == nil:
		h.err = ErrBehind
	}
	h.reached(applied)
}

// reached notes the revision up to which the watch has been applied.
func (h *health) reached(applied int64) {
	if h.target > 0 && applied >= h.target {
		h.err = nil
	}
}

// isServedElsewhere reports whether the watch ended at a member that has no leader, as one
// that is cut off from its peers, and another member answers: the next watch is for that.
func (f *follower) isServedElsewhere(ctx context.Context, err error) bool {
	if !errors.Is(err, rpctypes.ErrNoLeader) {
		return false
	}
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), retryMax)
	defer cancel()
	_, err = f.client.Get(ctx, f.lister.ranges[0].Start, clientv3.WithCountOnly())
	return err == nil
}

// fail notes that etcd did not answer, and why if a member says so. It has connections
// retried at once: left to itself, gRPC waits up to two minutes after a long outage.
func (f *follower) fail(ctx context.Context, err error) {
	if errors.Is(err, context.DeadlineExceeded) && IsLeaderless(ctx, f.client) {
		err = rpctypes.ErrNoLeader
	}
	f.changes.send(change{failed: err})
	f.client.ActiveConnection().ResetConnectBackoff()
}

// SaysNoLeader reports whether the error of an update says that members of etcd answer,
// and have no leader: until they have elected one, they cannot read or write.
func SaysNoLeader(err error) bool { return errors.Is(err, rpctypes.ErrNoLeader) }

// IsLeaderless asks the members at all endpoints, and reports whether some answer and
// none of these has a leader. It takes at most a second.
func IsLeaderless(ctx context.Context, client *clientv3.Client) bool {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	var asked sync.WaitGroup
	var led, leaderless atomic.Bool
	for _, endpoint := range client.Endpoints() {
		asked.Go(func() {
			resp, err := client.Status(ctx, endpoint)
			if err != nil {
				return
			}
			if resp.Leader == 0 {
				leaderless.Store(true)
			} else {
				led.Store(true)
			}
		})
	}
	asked.Wait()
	return leaderless.Load() && !led.Load()
}
