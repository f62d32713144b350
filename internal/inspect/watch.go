package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/keyspace"
)

var (
	errWatchEnded = errors.New("inspect: etcd ended the watch")
	errDoubt      = errors.New("inspect: the watch has sent nothing for a while")
)

const (
	retryMin = 100 * time.Millisecond
	retryMax = 2 * time.Second

	maxChanges = 512 // buffered for the publisher
)

// Watch sends the locks whose keys have one of the prefixes, or all without prefixes, as
// they are now and then as they change, without a gap. When ctx ends, it closes the
// channel and leaves nothing running.
//
// With several prefixes, a snapshot is of one revision too, and events are in the order
// of their revisions: it waits until etcd has sent what happened with each prefix. Where
// etcd does not say how far the watch has got, it does not wait for long, and an event
// with another prefix can come late.
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
// Snapshot.Revision advances within seconds also when no key with a prefix
// changes. Where etcd does not say how far the watch has got (old servers, etcd's
// grpc-proxy), that takes half a minute: the keys are read now and then and compared.
func (s *Source) Watch(ctx context.Context, prefixes ...string) <-chan Update {
	return s.watch(ctx, false, prefixes)
}

// watch is Watch, with steps or without.
func (s *Source) watch(ctx context.Context, steps bool, prefixes []string) <-chan Update {
	out := make(chan Update)
	changes := newFeed()
	f := newFollower(s, keyspace.NewPrefixes(prefixes...), changes)
	p := newPublisher(f.lister.prefixes, s.rules, out, s.tuning.now, f.unread)
	if steps {
		p.noteSteps()
	}
	go func() {
		defer changes.close()
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
	changes feed
	unread  *unread
	listed  bool         // the publisher has a listing, with no gap since
	applied []int64      // of each range, the revision up to which everything was passed to the publisher
	heard   atomic.Int64 // how often the watch has said something that is believed
	reached atomic.Int64 // passed, for the probe

	cluster uint64      // the cluster that was listed; 0: not known
	doubted bool        // the last watch ended because it had sent nothing for a while
	matched int64       // the keys at this revision were as known when the last watch began; 0: not compared
	silent  int64       // the watch was found to miss something after this revision; 0: it was not
	resync  ResyncCause // why the next listing is read; empty for the first
	newest  int64       // the highest revision and term that a probe has read
	term    uint64
	probes  int // that succeeded
}

func newFollower(s *Source, prefixes keyspace.Prefixes, changes feed) *follower {
	kv := &identifiedKV{KV: s.client}
	return &follower{
		client:  s.client,
		tuning:  s.tuning,
		kv:      kv,
		lister:  newLister(kv, s.rules, prefixes, s.tuning.page, s.tuning.patience),
		changes: changes,
		unread:  &unread{},
	}
}

// run lists once, and watches from then on. It lists again only when etcd no longer has
// the revision after the last one, or has other data.
func (f *follower) run(ctx context.Context) {
	var pause retryPause
	for ctx.Err() == nil {
		started := time.Now()
		err := f.attempt(ctx)
		f.doubted = errors.Is(err, errDoubt)
		switch cause := resyncCause(err); {
		case ctx.Err() != nil:
			return
		case f.listed && cause != "", cause.otherData():
			f.listed, f.resync = false, cause
		case !f.listed && f.lister.narrow(ctx, err): // what is left can be watched
		case !f.doubted && !errors.Is(err, errStreamLost) && !f.isServedElsewhere(ctx, err):
			f.fail(ctx, err)
		}
		if time.Since(started) > 2*retryMax {
			pause = retryPause{}
		}
		pause.wait(ctx)
	}
}

// attempt watches, from now on if what is known cannot be continued.
func (f *follower) attempt(ctx context.Context) error {
	if !f.listed {
		if err := f.begin(ctx); err != nil {
			return err
		}
	}
	if f.doubted {
		f.settleMatched()
	}
	return f.follow(ctx)
}

// begin finds out which cluster answers, and at which revision: the watch begins after
// that. The locks are listed once it is open. If they were listed before it, they would
// have to be listed again then, because the data could have been replaced in between.
func (f *follower) begin(ctx context.Context) error {
	var now *pb.ResponseHeader
	for _, r := range f.lister.ranges {
		var err error
		if now, err = f.lister.current(ctx, r); err != nil {
			return err
		}
	}
	revision, cluster := now.Revision, f.kv.cluster.Load()
	f.resync = f.replacement(cluster, now.RaftTerm)
	f.cluster, f.newest, f.term, f.matched, f.silent = cluster, revision, 0, 0, 0
	f.applied = slices.Repeat([]int64{revision}, len(f.lister.ranges))
	f.reached.Store(revision)
	return nil
}

// list passes everything, read anew, to the publisher, and has m leave out the events
// that it shows. It fails if the data was replaced since begin.
func (f *follower) list(ctx context.Context, m *merger) error {
	l, err := f.lister.list(ctx)
	f.lister.bear(err, f.tuning.patience)
	switch {
	case err != nil:
		return err
	case f.otherCluster(f.kv.cluster.Load()):
		return resyncError{ResyncOtherCluster}
	case l.revision < f.passed():
		return resyncError{ResyncWentBack}
	}
	l.cause, l.cluster = f.resync, f.kv.cluster.Load()
	f.listed = true
	m.skip(l.revision)
	f.changes.send(change{listing: &l})
	return nil
}

// passed returns the revision up to which everything was passed to the publisher.
func (f *follower) passed() int64 { return slices.Min(f.applied) }

// follow watches until the watch or ctx ends, and probes meanwhile. It uses a separate Watcher:
// watches that share a stream get progress reports only while none of them lags, and closing it
// leaves no stream behind, while canceling a watch that is still being opened does.
func (f *follower) follow(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(clientv3.WithRequireLeader(ctx))
	watcher := newOneStreamWatcher(f.client, func() { stop(errStreamLost) })
	defer func() { _ = watcher.Close() }()
	trust := newProgressTrust(f.client)
	w := watchRanges(ctx, watcher, f.lister.ranges, f.applied)
	defer w.close()
	var probing sync.WaitGroup
	probing.Go(func() { stop(f.probe(ctx, w, trust)) })
	defer probing.Wait()
	defer stop(nil)
	return f.receive(ctx, w, trust)
}

// receive passes the watch's responses on.
func (f *follower) receive(ctx context.Context, w *rangeWatch, trust *progressTrust) error {
	m, prompts := newMerger(f.applied), newPrompter()
	defer prompts.timer.Stop()
	for ctx.Err() == nil {
		select {
		case resp, ok := <-w.responses:
			switch {
			case ctx.Err() != nil:
			case !ok:
				return errWatchEnded
			default:
				if err := f.take(ctx, w, m, resp, trust); err != nil {
					return err
				}
			}
		case <-prompts.timer.C:
			if !prompts.next(ctx, w, trust.believes() && !m.mute) {
				f.send(m.flush())
			}
		}
		f.reached.Store(f.passed())
		prompts.note(w.open() && len(m.held) > 0)
	}
	return context.Cause(ctx)
}

// take takes in one response. Once all watches are open, it lists or makes sure that the
// data is that of before.
func (f *follower) take(ctx context.Context, w *rangeWatch, m *merger, resp rangeResponse, trust *progressTrust) error {
	switch err := resp.Err(); {
	case err == nil:
	case !f.listed && resyncCause(err) == ResyncCompacted:
		return errStreamLost // the watch was not opened in time, and begins anew
	default:
		return fmt.Errorf("inspect: watch %s: %w", allWith(f.lister.ranges[resp.index].Prefix), err)
	}
	if f.otherCluster(resp.Header.ClusterId) {
		return resyncError{ResyncOtherCluster}
	}
	if w.created(resp) {
		if err := f.opened(ctx, m); err != nil && (ctx.Err() == nil || resyncCause(err) != "") {
			return err
		}
		w.checked.Store(true)
	}
	if ctx.Err() == nil {
		f.pass(w, m, resp, trust)
	}
	return nil
}

// opened makes sure, once all watches are open, that what they send follows what the
// publisher has.
func (f *follower) opened(ctx context.Context, m *merger) error {
	if f.listed {
		return f.verify(ctx)
	}
	return f.list(ctx, m)
}

// pass passes on what is complete by a response, if all watches are open.
func (f *follower) pass(w *rangeWatch, m *merger, resp rangeResponse, trust *progressTrust) {
	trust.servedBy(resp.Header.MemberId)
	believed := trust.believes()
	m.take(resp, believed)
	if !w.open() {
		return
	}
	events, upTo := m.ready()
	f.send(events)
	progress := resp.IsProgressNotify() && believed
	if progress {
		f.changes.send(change{progress: upTo})
	}
	if progress || len(resp.Events) > 0 {
		f.heard.Add(1)
	}
}

func (f *follower) send(events []*clientv3.Event) {
	if len(events) > 0 {
		f.changes.send(change{events: events, at: f.tuning.now()})
	}
}

// probe checks periodically that etcd answers, until ctx ends, etcd turns out to
// have other data, or the watch is in doubt.
func (f *follower) probe(ctx context.Context, w *rangeWatch, trust *progressTrust) error {
	heard, since := f.heard.Load(), time.Now()
	for {
		asked := time.Now()
		header, err := f.currentRevision(ctx, w, trust)
		if now := f.heard.Load(); now != heard {
			heard, since = now, time.Now()
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			f.fail(ctx, fmt.Errorf("inspect: probe etcd: %w", err))
			since = time.Now() // a watch is not to blame for what etcd does not do
		case f.otherCluster(header.ClusterId):
			return resyncError{ResyncOtherCluster}
		case header.Revision < f.newest, header.RaftTerm < f.term:
			return resyncError{ResyncWentBack}
		case !w.checked.Load(): // what is known may be of another etcd, and the watch waits
			since = time.Now()
		case header.Revision > f.reached.Load() && time.Since(since) > f.tuning.trust:
			return errDoubt
		default:
			if header.Revision <= f.reached.Load() { // etcd tells no progress then: see findings/idle-watch-progress.sh
				since = time.Now()
			}
			f.newest, f.term = header.Revision, header.RaftTerm
			f.changes.send(change{answered: header.Revision})
			f.readLeases(ctx)
		}
		backoff.Pause(ctx, max(f.tuning.probe*3/2-time.Since(asked), retryMin)) // soon, if etcd has just been waited for
	}
}

// currentRevision returns the header of a read that needs a quorum, and requests the
// watch's progress. It reads a key of one of the ranges, because a user may not be
// allowed to read others: of each in turn, because the user may lose the permission for
// one, and of that one again until it succeeds.
func (f *follower) currentRevision(ctx context.Context, w *rangeWatch, trust *progressTrust) (*pb.ResponseHeader, error) {
	ctx, cancel := context.WithTimeout(ctx, f.tuning.patience)
	defer cancel()
	keys := f.lister.ranges[f.probes%len(f.lister.ranges)]
	resp, err := f.client.Get(ctx, keys.Start, clientv3.WithCountOnly())
	if err != nil {
		return nil, err
	}
	f.probes++
	trust.learn(ctx)
	w.requestProgress(ctx)
	return resp.Header, nil
}
