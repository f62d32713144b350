package inspect

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/servers"
)

// errStreamLost says that the connection of a watch was lost.
var errStreamLost = errors.New("inspect: the watch lost its connection")

// oneStream keeps etcd's client from resuming a watch by itself after its connection was
// lost. The etcd that it is connected to afterwards can have other data, and does not
// say so.
type oneStream struct {
	pb.WatchClient
	opened atomic.Bool
	lost   func() // is called instead of opening the stream again
}

// newOneStreamWatcher returns a watcher of one stream.
func newOneStreamWatcher(client *clientv3.Client, lost func()) clientv3.Watcher {
	stream := &oneStream{WatchClient: pb.NewWatchClient(client.ActiveConnection()), lost: lost}
	return bounded{clientv3.NewWatchFromWatchClient(stream, client)}
}

// bounded is a watcher that is closed in a bounded time.
type bounded struct{ clientv3.Watcher }

// Close implements clientv3.Watcher.
func (w bounded) Close() error {
	backoff.Within(backoff.CloseWatch, func() { _ = w.Watcher.Close() })
	return nil
}

// Watch implements pb.WatchClient. Its error is one that the client does not retry.
func (s *oneStream) Watch(ctx context.Context, opts ...grpc.CallOption) (pb.Watch_WatchClient, error) {
	if s.opened.Swap(true) {
		s.lost()
		return nil, status.Error(codes.Aborted, errStreamLost.Error())
	}
	return s.WatchClient.Watch(ctx, opts...)
}

// rangeWatch is a watch of several ranges: one watch for each, all on one stream, so
// that etcd reports one progress for all of them.
type rangeWatch struct {
	watcher   clientv3.Watcher
	responses <-chan rangeResponse
	missing   atomic.Int32 // watches that etcd has not created yet
	checked   atomic.Bool  // for the reader: what they send is known to follow what it has
	stop      func()
}

// rangeResponse is a response of the watch of one range, by its index.
type rangeResponse struct {
	clientv3.WatchResponse
	index int
}

// watchRanges watches each range from the revision after its one in after. Responses are
// sent until all watches have ended. The caller calls close.
func watchRanges(ctx context.Context, watcher clientv3.Watcher, ranges []keyspace.Range, after []int64) *rangeWatch {
	ctx, stop := context.WithCancel(ctx)
	responses := make(chan rangeResponse)
	w := &rangeWatch{watcher: watcher, responses: responses, stop: stop}
	w.missing.Store(int32(len(ranges)))
	var watches sync.WaitGroup
	for i, r := range ranges {
		rev := after[i] + 1
		watches.Go(func() {
			for resp := range watcher.Watch(ctx, r.Start, clientv3.WithRange(r.End), clientv3.WithRev(rev), clientv3.WithCreatedNotify()) {
				select {
				case responses <- rangeResponse{resp, i}:
				case <-ctx.Done():
				}
			}
		})
	}
	go func() {
		defer close(responses)
		watches.Wait()
	}()
	return w
}

// close ends the watches, and returns once they have ended.
func (w *rangeWatch) close() {
	w.stop()
	for range w.responses { // until it is closed
	}
}

// created notes a response that says that etcd has created a watch, and reports whether
// it was the last one.
func (w *rangeWatch) created(resp rangeResponse) bool {
	return resp.Created && w.missing.Add(-1) == 0
}

// open reports whether etcd has created all watches.
func (w *rangeWatch) open() bool { return w.missing.Load() == 0 }

// requestProgress requests the progress of all watches, once etcd has created them.
// Before that, etcd could report the progress of those that exist, and send it behind
// the news that another one exists, which then would seem to have got as far. If the
// request fails, the watch does not advance either, which its reader notices.
func (w *rangeWatch) requestProgress(ctx context.Context) {
	if w.open() {
		_ = w.watcher.RequestProgress(ctx)
	}
}

// merger puts the events of several watches into one order: an event is passed on once
// each watch has sent everything up to its revision. So no state between the parts of a
// transaction on several ranges is seen, and none in which a range is ahead of another.
type merger struct {
	reached []int64           // of each watch: it has sent everything up to this revision
	applied []int64           // of each watch: all of that up to this revision was passed on
	held    []*clientv3.Event // not passed on yet
	mute    bool              // etcd has said nothing of progress since events were held for long
}

// newMerger returns a merger for watches after these revisions, which it keeps current:
// each has to be watched from the revision after it when the connection is lost.
func newMerger(applied []int64) *merger {
	return &merger{reached: slices.Clone(applied), applied: applied}
}

// take takes in a response. What its header says of progress counts only if it is
// believed, and only without events: with events, more may be on their way.
func (m *merger) take(resp rangeResponse, believed bool) {
	reached := &m.reached[resp.index]
	switch {
	case len(resp.Events) > 0:
		for _, e := range resp.Events {
			if e.Kv.ModRevision > *reached {
				m.held = append(m.held, e)
			}
		}
		*reached = max(*reached, resp.Events[len(resp.Events)-1].Kv.ModRevision)
	case resp.IsProgressNotify() && believed:
		*reached = max(*reached, resp.Header.Revision)
		m.mute = false
	}
}

// skip leaves out everything up to a revision, which is known already.
func (m *merger) skip(revision int64) {
	for i := range m.reached {
		m.reached[i] = max(m.reached[i], revision)
		m.applied[i] = m.reached[i]
	}
	m.held = slices.DeleteFunc(m.held, func(e *clientv3.Event) bool { return e.Kv.ModRevision <= revision })
}

// ready returns the events to pass on, in order, and the revision that all watches have
// reached.
func (m *merger) ready() (events []*clientv3.Event, upTo int64) {
	upTo = slices.Min(m.reached)
	for i := range m.applied {
		m.applied[i] = max(m.applied[i], upTo)
	}
	return m.release(upTo), upTo
}

// flush returns all events that are held, in order, where etcd does not say how far the
// watches have got. Events of another range may be on their way that are earlier.
func (m *merger) flush() []*clientv3.Event {
	copy(m.applied, m.reached)
	m.mute = true
	return m.release(math.MaxInt64)
}

// release returns the held events up to a revision.
func (m *merger) release(upTo int64) []*clientv3.Event {
	slices.SortStableFunc(m.held, func(a, b *clientv3.Event) int { return cmp.Compare(a.Kv.ModRevision, b.Kv.ModRevision) })
	n := sort.Search(len(m.held), func(i int) bool { return m.held[i].Kv.ModRevision > upTo })
	events := m.held[:n:n]
	m.held = m.held[n:]
	return events
}

const (
	askFirst = 5 * time.Millisecond // for how long events are held before progress is requested

	// Events are held no longer once requests are this far apart: etcd, or a proxy, does
	// not say how far the watches have got.
	askAtMost      = time.Second
	askAtMostKnown = 100 * time.Millisecond // if that is known
)

// prompter requests progress while a merger holds events. Its timer fires when it is
// time for next.
type prompter struct {
	timer *time.Timer
	pause time.Duration // before the next request; 0: nothing is held
}

func newPrompter() *prompter {
	p := &prompter{timer: time.NewTimer(time.Hour)}
	p.timer.Stop()
	return p
}

// note notes whether events are held.
func (p *prompter) note(held bool) {
	switch {
	case !held:
		p.timer.Stop()
		p.pause = 0
	case p.pause == 0:
		p.pause = askFirst
		p.timer.Reset(p.pause)
	}
}

// next requests progress, unless events have been held for long enough; told is whether
// reports of progress are expected. It reports whether to go on.
func (p *prompter) next(ctx context.Context, w *rangeWatch, told bool) bool {
	if p.pause >= askAtMost || !told && p.pause >= askAtMostKnown {
		return false
	}
	w.requestProgress(ctx)
	p.pause = min(2*p.pause, askAtMost)
	p.timer.Reset(p.pause)
	return true
}

// progressTrust knows which members' reports of progress can be believed. Members of
// one cluster may have different versions.
type progressTrust struct {
	client *clientv3.Client

	mu      sync.Mutex
	member  uint64          // which serves the watch; 0: not known
	members map[uint64]bool // whether they tell progress, as far as known
}

func newProgressTrust(client *clientv3.Client) *progressTrust {
	return &progressTrust{client: client, members: map[uint64]bool{}}
}

// servedBy notes which member serves the watch.
func (t *progressTrust) servedBy(member uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.member = member
}

// believes reports whether the progress that the watch's member reports is believed.
func (t *progressTrust) believes() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.members[t.member]
}

// learn asks for a member's version, unless that of the watch's member is known. Which
// member answers is for the client's balancer or a proxy to choose, so that it may take
// several attempts.
func (t *progressTrust) learn(ctx context.Context) {
	t.mu.Lock()
	_, known := t.members[t.member]
	t.mu.Unlock()
	if known {
		return
	}
	resp, err := pb.NewMaintenanceClient(t.client.ActiveConnection()).Status(ctx, &pb.StatusRequest{})
	if err != nil || resp.Header == nil {
		return // not known
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.members[resp.Header.MemberId] = servers.TellsProgress(resp.Version)
}
