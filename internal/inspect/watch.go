package inspect

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/backoff"
)

var (
	errOtherHistory = errors.New("inspect: etcd's revisions went back: its data was replaced")
	errWatchEnded   = errors.New("inspect: etcd ended the watch")
)

const (
	retryMin = 100 * time.Millisecond
	retryMax = 2 * time.Second

	maxChanges = 64 // buffered for the publisher, which takes them at once
)

// Watch sends the locks whose keys begin with prefix, as they are now and then as
// they change, without a gap. When ctx ends, it closes the channel and leaves
// nothing running.
//
// Every update has a complete snapshot. A slow receiver gets the update that was
// waiting for it and then one that sums up what it missed, with the last 1000
// events and the number of earlier ones.
//
// When etcd is unreachable or hangs, an update says so in Err and has the last
// locks known; when etcd answers again and the watch has caught up, another one has
// no Err. Only if etcd has compacted the changes in between is the snapshot read
// anew, and Resynced set.
//
// Snapshot.Revision advances within seconds also when no key with the prefix
// changes.
func (s *Source) Watch(ctx context.Context, prefix string) <-chan Update {
	out := make(chan Update)
	changes := make(chan change, maxChanges)
	f := newFollower(s, prefix, changes)
	p := newPublisher(prefix, out, s.tuning.now, f.unread)
	go func() {
		defer close(changes)
		f.run(ctx)
	}()
	go func() {
		defer close(out)
		p.run(changes)
	}()
	return out
}

// follower does the watch's I/O: it reads changes from etcd, and the publisher
// interprets them.
type follower struct {
	client  *clientv3.Client
	tuning  tuning
	lister  lister
	changes chan<- change
	unread  *unread
	listed  bool         // the publisher has a listing, with no gap since
	passed  atomic.Int64 // the revision up to which everything was passed to the publisher
}

func newFollower(s *Source, prefix string, changes chan<- change) *follower {
	return &follower{
		client:  s.client,
		tuning:  s.tuning,
		lister:  newLister(s.client, prefix, s.tuning.page, s.tuning.patience),
		changes: changes,
		unread:  &unread{},
	}
}

// run lists once and then watches from the next revision on. It lists again only
// when etcd no longer has that revision.
func (f *follower) run(ctx context.Context) {
	var pause retryPause
	for ctx.Err() == nil {
		started := time.Now()
		err := f.attempt(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case f.listed && revisionLost(err):
			f.listed = false
		default:
			f.fail(err)
		}
		if time.Since(started) > 2*retryMax {
			pause = retryPause{}
		}
		pause.wait(ctx)
	}
}

func (f *follower) attempt(ctx context.Context) error {
	if !f.listed {
		l, err := f.lister.list(ctx)
		if err != nil {
			return err
		}
		f.listed = true
		f.passed.Store(l.revision)
		f.changes <- change{listing: &l}
	}
	return f.follow(ctx)
}

// revisionLost reports whether the revision to continue from is lost.
func revisionLost(err error) bool {
	return errors.Is(err, errOtherHistory) ||
		errors.Is(err, rpctypes.ErrCompacted) || errors.Is(err, rpctypes.ErrFutureRev)
}

// follow watches until the watch or ctx ends, and probes meanwhile. It uses a
// separate Watcher for two reasons: watches that share a stream get progress
// reports only while none of them lags, and closing the Watcher leaves no stream
// behind, while canceling a watch that is still being opened does.
func (f *follower) follow(ctx context.Context) error {
	watcher := clientv3.NewWatcher(f.client)
	defer func() { _ = watcher.Close() }()
	ctx, stop := context.WithCancelCause(clientv3.WithRequireLeader(ctx))
	var probing sync.WaitGroup
	probing.Go(func() { stop(f.probe(ctx, watcher)) })
	defer probing.Wait()
	defer stop(nil)
	return f.receive(ctx, watcher)
}

// receive passes the watch's responses on. clientv3 resumes the watch by itself
// after a lost connection, at the revision after the last one received.
func (f *follower) receive(ctx context.Context, watcher clientv3.Watcher) error {
	watch := watcher.Watch(ctx, f.lister.start, clientv3.WithRange(f.lister.end), clientv3.WithRev(f.passed.Load()+1))
	for resp := range watch {
		if err := resp.Err(); err != nil {
			return fmt.Errorf("inspect: watch: %w", err)
		}
		f.pass(resp)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errWatchEnded
}

// pass passes one response on. The revision in its header says how far the watch
// has got only when it has no events: with events, more may be on their way.
func (f *follower) pass(resp clientv3.WatchResponse) {
	switch {
	case len(resp.Events) > 0:
		f.passed.Store(resp.Events[len(resp.Events)-1].Kv.ModRevision)
		f.changes <- change{events: resp.Events}
	case resp.IsProgressNotify():
		f.passed.Store(max(f.passed.Load(), resp.Header.Revision))
		f.changes <- change{progress: resp.Header.Revision}
	}
}

// probe checks periodically that etcd answers, until ctx ends or etcd turns out to
// have other data.
func (f *follower) probe(ctx context.Context, watcher clientv3.Watcher) error {
	for {
		passed := f.passed.Load()
		revision, err := f.currentRevision(ctx, watcher)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			f.fail(fmt.Errorf("inspect: probe etcd: %w", err))
		case revision < passed:
			return errOtherHistory
		default:
			f.changes <- change{answered: revision}
			f.readLeases(ctx)
		}
		backoff.Pause(ctx, f.tuning.probe*3/2)
	}
}

// currentRevision returns the current revision, by a read that needs a quorum, and
// requests the watch's progress. It reads a key of the prefix, because a user may
// not be allowed to read others.
func (f *follower) currentRevision(ctx context.Context, watcher clientv3.Watcher) (revision int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, f.tuning.patience)
	defer cancel()
	resp, err := f.client.Get(ctx, f.lister.start, clientv3.WithCountOnly())
	if err != nil {
		return 0, err
	}
	// If this fails, the watch does not advance, which health notices.
	_ = watcher.RequestProgress(ctx)
	return resp.Header.Revision, nil
}

// fail notes that etcd did not answer, and has connections retried at once: left to
// itself, gRPC waits up to two minutes after a long outage.
func (f *follower) fail(err error) {
	f.changes <- change{failed: err}
	f.client.ActiveConnection().ResetConnectBackoff()
}

// retryPause is the pause between failed attempts, twice as long each time.
type retryPause struct{ last time.Duration }

func (p *retryPause) wait(ctx context.Context) {
	p.last = min(max(2*p.last, retryMin), retryMax)
	backoff.Pause(ctx, p.last)
}
