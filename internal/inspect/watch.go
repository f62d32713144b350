package inspect

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

var (
	errOtherHistory = errors.New("inspect: etcd's revisions went back: its data was replaced")
	errWatchEnded   = errors.New("inspect: etcd ended the watch")
)

const (
	backoffMin = 100 * time.Millisecond
	backoffMax = 2 * time.Second

	maxChanges = 64 // that may wait for the publisher, which is never long
)

// Watch sends the locks whose keys begin with prefix, as they are and then as
// they change, without a gap. It closes the channel when ctx ends and leaves
// nothing running.
//
// The first update is a snapshot, and each one after it is complete in itself.
// A receiver that takes its time gets the update that was waiting for it and
// then one that sums up what it missed, with the last 1000 events of it and the
// number of the others.
//
// When etcd goes away, or hangs, an update says so in Err and holds the last
// locks known; when it is back and the watch has caught up, another one has Err
// nil. Only if etcd has meanwhile forgotten what happened is the snapshot read
// anew and Resynced set.
//
// Snapshot.Revision goes on when nothing changes below prefix, within seconds.
func (s *Source) Watch(ctx context.Context, prefix string) <-chan Update {
	out := make(chan Update)
	changes := make(chan change, maxChanges)
	f := newFollower(s, prefix, changes)
	p := newPublisher(prefix, out, s.tuning.now)
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

// follower reads from etcd what the publisher is to show. All its talking to
// etcd is here; what it means is not.
type follower struct {
	client  *clientv3.Client
	tuning  tuning
	lister  lister
	changes chan<- change
	listed  bool         // the publisher has a listing, and no gap since
	told    atomic.Int64 // it has been told all up to this revision
}

func newFollower(s *Source, prefix string, changes chan<- change) *follower {
	return &follower{
		client:  s.client,
		tuning:  s.tuning,
		lister:  newLister(s.client, prefix, s.tuning.page, s.tuning.patience),
		changes: changes,
	}
}

// run lists once and then watches from the next revision on. What ends a watch
// is no reason to list again, unless etcd has no memory of that revision.
func (f *follower) run(ctx context.Context) {
	var pause backoff
	for ctx.Err() == nil {
		started := time.Now()
		err := f.attempt(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case f.listed && forgotten(err):
			f.listed = false
		default:
			f.fail(err)
		}
		if time.Since(started) > 2*backoffMax {
			pause = backoff{}
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
		f.told.Store(l.revision)
		f.changes <- change{listing: &l}
	}
	return f.follow(ctx)
}

// forgotten reports whether the revision to go on from is lost.
func forgotten(err error) bool {
	return errors.Is(err, errOtherHistory) ||
		errors.Is(err, rpctypes.ErrCompacted) || errors.Is(err, rpctypes.ErrFutureRev)
}

// follow watches until the watch or ctx ends, and probes meanwhile. The watch
// has a Watcher of its own, for two reasons: watches that share a stream are
// told their progress only while none of them lags, and closing it leaves no
// stream behind, which cancelling a watch that is still being opened does.
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

// receive passes on what the watch tells. clientv3 resumes it by itself after
// a lost connection, at the revision after the last one told.
func (f *follower) receive(ctx context.Context, watcher clientv3.Watcher) error {
	watch := watcher.Watch(ctx, f.lister.start, clientv3.WithRange(f.lister.end), clientv3.WithRev(f.told.Load()+1))
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

// pass passes on one answer. The revision in its header says how far the watch
// is only when it has no events: with events, more of them may be on their way.
func (f *follower) pass(resp clientv3.WatchResponse) {
	switch {
	case len(resp.Events) > 0:
		f.told.Store(resp.Events[len(resp.Events)-1].Kv.ModRevision)
		f.changes <- change{events: resp.Events}
	case resp.IsProgressNotify():
		f.told.Store(max(f.told.Load(), resp.Header.Revision))
		f.changes <- change{progress: resp.Header.Revision}
	}
}

// probe asks etcd again and again whether it is there, until ctx ends or etcd
// turns out to be another one.
func (f *follower) probe(ctx context.Context, watcher clientv3.Watcher) error {
	for {
		told := f.told.Load()
		revision, err := f.ask(ctx, watcher)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			f.fail(fmt.Errorf("inspect: ask etcd: %w", err))
		case revision < told:
			return errOtherHistory
		default:
			f.changes <- change{answered: revision}
		}
		sleep(ctx, f.tuning.probe+rand.N(f.tuning.probe))
	}
}

// ask returns the current revision, by a read that needs a quorum, and asks
// for the watch's progress. It reads a key of the prefix, for a user may be
// allowed no other.
func (f *follower) ask(ctx context.Context, watcher clientv3.Watcher) (revision int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, f.tuning.patience)
	defer cancel()
	resp, err := f.client.Get(ctx, f.lister.start, clientv3.WithCountOnly())
	if err != nil {
		return 0, err
	}
	// That the watch cannot be asked shows by its not getting anywhere.
	_ = watcher.RequestProgress(ctx)
	return resp.Header.Revision, nil
}

// fail tells that etcd did not answer. Connections are to be tried again at
// once: left to itself, gRPC waits up to two minutes after a long outage.
func (f *follower) fail(err error) {
	f.changes <- change{failed: err}
	f.client.ActiveConnection().ResetConnectBackoff()
}

// backoff is the pause between failed attempts.
type backoff struct{ last time.Duration }

// wait pauses, twice as long each time, and less by up to a half at random so
// that many watches do not come back as one.
func (b *backoff) wait(ctx context.Context) {
	b.last = min(max(2*b.last, backoffMin), backoffMax)
	sleep(ctx, b.last/2+rand.N(b.last/2))
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
