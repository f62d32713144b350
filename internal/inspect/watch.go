package inspect

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/backoff"
)

var (
	errWatchEnded = errors.New("inspect: etcd ended the watch")
	errDoubt      = errors.New("inspect: the watch has sent nothing for a while")
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
// no Err. Whenever the connection of the watch was lost, the keys are read and compared
// with the last ones known. Only if etcd has other data now, or has compacted the
// changes in between, are the locks read anew, and Resynced says why.
//
// Snapshot.Revision advances within seconds also when no key with the prefix
// changes. Where etcd does not say how far the watch has got (old servers, etcd's
// grpc-proxy), that takes half a minute: the keys are read now and then and compared.
func (s *Source) Watch(ctx context.Context, prefix string) <-chan Update {
	out := make(chan Update)
	changes := make(chan change, maxChanges)
	f := newFollower(s, prefix, changes)
	p := newPublisher(prefix, s.rules, out, s.tuning.now, f.unread)
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
	kv      *identifiedKV
	lister  lister
	changes chan<- change
	unread  *unread
	listed  bool         // the publisher has a listing, with no gap since
	passed  atomic.Int64 // the revision up to which everything was passed to the publisher
	heard   atomic.Int64 // how often the watch has said something that is believed

	cluster uint64      // the cluster that was listed; 0: not known
	doubted bool        // the last watch ended because it had sent nothing for a while
	matched int64       // the keys at this revision were as known when the last watch began; 0: not compared
	silent  int64       // the watch was found to miss something after this revision; 0: it was not
	resync  ResyncCause // why the next listing is read; empty for the first
	newest  int64       // the highest revision and term that a probe has read
	term    uint64
}

func newFollower(s *Source, prefix string, changes chan<- change) *follower {
	kv := &identifiedKV{KV: s.client}
	return &follower{
		client:  s.client,
		tuning:  s.tuning,
		kv:      kv,
		lister:  newLister(kv, s.rules, prefix, s.tuning.page, s.tuning.patience),
		changes: changes,
		unread:  &unread{},
	}
}

// run lists once and then watches from the next revision on. It lists again only
// when etcd no longer has that revision, or has other data.
func (f *follower) run(ctx context.Context) {
	var pause retryPause
	for ctx.Err() == nil {
		started := time.Now()
		err := f.attempt(ctx)
		f.doubted = errors.Is(err, errDoubt)
		switch cause := resyncCause(err); {
		case ctx.Err() != nil:
			return
		case f.listed && cause != "":
			f.listed, f.resync = false, cause
		case !f.doubted && !errors.Is(err, errStreamLost):
			f.fail(err)
		}
		if time.Since(started) > 2*retryMax {
			pause = retryPause{}
		}
		pause.wait(ctx)
	}
}

// attempt lists, unless what is known can be continued, and watches.
func (f *follower) attempt(ctx context.Context) error {
	if !f.listed {
		if err := f.list(ctx); err != nil {
			return err
		}
	}
	if f.doubted {
		f.settleMatched()
	}
	return f.follow(ctx)
}

// list passes everything, read anew, to the publisher.
func (f *follower) list(ctx context.Context) error {
	l, err := f.lister.list(ctx)
	if err != nil {
		return err
	}
	cluster := f.kv.cluster.Load()
	if f.otherCluster(cluster) {
		f.resync = ResyncOtherCluster
	}
	l.cause = f.resync
	f.cluster, f.newest, f.term, f.matched, f.silent = cluster, l.revision, 0, 0, 0
	f.listed = true
	f.passed.Store(l.revision)
	f.changes <- change{listing: &l}
	return nil
}

// follow watches until the watch or ctx ends, and probes meanwhile. It uses a
// separate Watcher for two reasons: watches that share a stream get progress
// reports only while none of them lags, and closing the Watcher leaves no stream
// behind, while canceling a watch that is still being opened does.
func (f *follower) follow(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(clientv3.WithRequireLeader(ctx))
	watcher := newOneStreamWatcher(f.client, func() { stop(errStreamLost) })
	defer func() { _ = watcher.Close() }()
	trust := newProgressTrust(f.client)
	var probing sync.WaitGroup
	probing.Go(func() { stop(f.probe(ctx, watcher, trust)) })
	defer probing.Wait()
	defer stop(nil)
	return f.receive(ctx, watcher, trust)
}

// receive passes the watch's responses on.
func (f *follower) receive(ctx context.Context, watcher clientv3.Watcher, trust *progressTrust) error {
	watch := watcher.Watch(ctx, f.lister.start, clientv3.WithRange(f.lister.end),
		clientv3.WithRev(f.passed.Load()+1), clientv3.WithCreatedNotify())
	for resp := range watch {
		if ctx.Err() != nil {
			break
		}
		if err := resp.Err(); err != nil {
			return fmt.Errorf("inspect: watch: %w", err)
		}
		if f.otherCluster(resp.Header.ClusterId) {
			return resyncError{ResyncOtherCluster}
		}
		if resp.Created {
			if err := f.verify(ctx); err != nil && (ctx.Err() == nil || resyncCause(err) != "") {
				return err
			}
		}
		if ctx.Err() != nil {
			break
		}
		trust.servedBy(resp.Header.MemberId)
		f.pass(resp, trust.believes())
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errWatchEnded
}

// pass passes one response on. The revision in its header says how far the watch
// has got only when it has no events: with events, more may be on their way. And only
// if the member's reports of progress are believed.
func (f *follower) pass(resp clientv3.WatchResponse, believed bool) {
	switch {
	case len(resp.Events) > 0:
		f.passed.Store(resp.Events[len(resp.Events)-1].Kv.ModRevision)
		f.changes <- change{events: resp.Events}
	case resp.IsProgressNotify() && believed:
		f.passed.Store(max(f.passed.Load(), resp.Header.Revision))
		f.changes <- change{progress: resp.Header.Revision}
	default:
		return
	}
	f.heard.Add(1)
}

// probe checks periodically that etcd answers, until ctx ends, etcd turns out to
// have other data, or the watch is in doubt.
func (f *follower) probe(ctx context.Context, watcher clientv3.Watcher, trust *progressTrust) error {
	heard, since := f.heard.Load(), time.Now()
	for {
		header, err := f.currentRevision(ctx, watcher, trust)
		if now := f.heard.Load(); now != heard {
			heard, since = now, time.Now()
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			f.fail(fmt.Errorf("inspect: probe etcd: %w", err))
			since = time.Now() // a watch is not to blame for what etcd does not do
		case f.otherCluster(header.ClusterId):
			return resyncError{ResyncOtherCluster}
		case header.Revision < f.newest, header.RaftTerm < f.term:
			return resyncError{ResyncWentBack}
		case time.Since(since) > f.tuning.trust:
			return errDoubt
		default:
			f.newest, f.term = header.Revision, header.RaftTerm
			f.changes <- change{answered: header.Revision}
			f.readLeases(ctx)
		}
		backoff.Pause(ctx, f.tuning.probe*3/2)
	}
}

// currentRevision returns the header of a read that needs a quorum, and requests the
// watch's progress. It reads a key of the prefix, because a user may not be allowed to
// read others.
func (f *follower) currentRevision(ctx context.Context, watcher clientv3.Watcher, trust *progressTrust) (*pb.ResponseHeader, error) {
	ctx, cancel := context.WithTimeout(ctx, f.tuning.patience)
	defer cancel()
	resp, err := f.client.Get(ctx, f.lister.start, clientv3.WithCountOnly())
	if err != nil {
		return nil, err
	}
	trust.learn(ctx)
	// If this fails, the watch does not advance, which health notices.
	_ = watcher.RequestProgress(ctx)
	return resp.Header, nil
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
