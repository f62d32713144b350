package simetcd

import (
	"bytes"
	"slices"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// syncEvery is how often etcd serves the watches that have yet to catch up.
const syncEvery = 100 * time.Millisecond

// watchStream is the server's end of a stream of watches.
type watchStream struct {
	*member
	send    func(*pb.WatchResponse)
	watches []*watch // by the order in which they were created
	nextID  int64
}

// watch is one watch of a stream.
type watch struct {
	id     int64
	r      *pb.WatchCreateRequest
	next   int64 // the first revision whose events it has not been sent
	synced bool
	over   bool // etcd has compacted what it has not been sent; it stays until the client cancels it
}

func (m *member) openWatches(send func(*pb.WatchResponse)) *watchStream {
	s := &watchStream{member: m, send: send}
	m.streams = append(m.streams, s)
	return s
}

// close forgets the stream.
func (s *watchStream) close() {
	s.streams = slices.DeleteFunc(s.streams, func(other *watchStream) bool { return other == s })
	s.watches = nil
}

// receive takes a message of the client.
func (s *watchStream) receive(r *pb.WatchRequest) {
	switch {
	case r.GetCreateRequest() != nil:
		s.create(r.GetCreateRequest())
	case r.GetCancelRequest() != nil:
		s.cancel(r.GetCancelRequest().WatchId)
	case r.GetProgressRequest() != nil:
		s.progress()
	}
}

func (s *watchStream) create(r *pb.WatchCreateRequest) {
	created := &pb.WatchResponse{Header: s.header(s.rev), WatchId: -1, Created: true}
	id := r.WatchId
	for id == 0 && s.find(s.nextID) != nil {
		s.nextID++
	}
	switch {
	case r.StartRevision < 0:
		created.Canceled, created.CancelReason = true, rpctypes.ErrCompacted.Error()
	case len(r.RangeEnd) > 0 && r.RangeEnd[0] != 0 && string(r.Key) >= string(r.RangeEnd):
		created.Canceled, created.CancelReason = true, "mvcc: watcher range is empty"
	case id != 0 && s.find(id) != nil:
		created.Canceled, created.CancelReason = true, "mvcc: duplicate watch ID provided on the WatchStream"
	default:
		if id == 0 {
			id = s.nextID
			s.nextID++
		}
		created.WatchId = id
		defer s.begin(&watch{id: id, r: r})
	}
	s.send(created)
}

// begin begins a watch. One that begins in the past waits for its turn.
func (s *watchStream) begin(w *watch) {
	s.watches = append(s.watches, w)
	w.next = max(w.r.StartRevision, s.rev+1)
	if w.synced = w.r.StartRevision == 0 || w.r.StartRevision > s.rev; w.synced {
		return
	}
	w.next = w.r.StartRevision
	wait := syncEvery
	if !s.opts.Instant {
		wait = s.dice("sync", uint64(subjectOf(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: w.r}}))).upTo(syncEvery)
	}
	s.after(wait, func() { s.sync(w) })
}

// sync sends a watch what it has missed.
func (s *watchStream) sync(w *watch) {
	switch {
	case !slices.Contains(s.watches, w):
	case w.next < s.compacted:
		w.over = true
		s.send(&pb.WatchResponse{Header: s.header(0), WatchId: w.id, Canceled: true, CompactRevision: s.compacted})
	default:
		w.synced = true
		s.deliver(w)
	}
}

// changed sends all watches what the member has just applied.
func (s *watchStream) changed() {
	watches := slices.Clone(s.watches)
	slices.SortStableFunc(watches, func(a, b *watch) int { return bytes.Compare(a.r.Key, b.r.Key) }) // etcd has no order
	for _, w := range watches {
		if w.synced {
			s.deliver(w)
		}
	}
}

// deliver sends a watch the events that it has not been sent, in one response.
func (s *watchStream) deliver(w *watch) {
	var events []*mvccpb.Event
	for rev := w.next; rev <= s.rev; rev++ {
		for _, e := range s.store.changes[rev] {
			if w.wants(e) {
				events = append(events, s.event(w, e))
			}
		}
	}
	w.next = max(w.next, s.rev+1)
	if len(events) > 0 {
		s.send(&pb.WatchResponse{Header: s.header(s.rev), WatchId: w.id, Events: events})
	}
}

// event is an event as a watch gets it.
func (s *watchStream) event(w *watch, e *mvccpb.Event) *mvccpb.Event {
	e = clone(e)
	if isCreate := e.Type == mvccpb.Event_PUT && e.Kv.CreateRevision == e.Kv.ModRevision; w.r.PrevKv && !isCreate {
		if old := s.store.get(string(e.Kv.Key), e.Kv.ModRevision-1); old != nil {
			e.PrevKv = clone(old)
		}
	}
	return e
}

func (w *watch) wants(e *mvccpb.Event) bool {
	kind := pb.WatchCreateRequest_NOPUT
	if e.Type == mvccpb.Event_DELETE {
		kind = pb.WatchCreateRequest_NODELETE
	}
	return covers(string(w.r.Key), string(w.r.RangeEnd), string(e.Kv.Key)) && !slices.Contains(w.r.Filters, kind)
}

func (s *watchStream) find(id int64) *watch {
	i := slices.IndexFunc(s.watches, func(w *watch) bool { return w.id == id })
	if i < 0 {
		return nil
	}
	return s.watches[i]
}

func (s *watchStream) cancel(id int64) {
	if w := s.find(id); w != nil {
		s.watches = slices.DeleteFunc(s.watches, func(other *watch) bool { return other == w })
		s.send(&pb.WatchResponse{Header: s.header(s.rev), WatchId: id, Canceled: true})
	}
}

// progress says how far all watches of the stream have got, if they have caught up.
func (s *watchStream) progress() {
	if len(s.watches) == 0 || slices.ContainsFunc(s.watches, func(w *watch) bool { return !w.synced || s.rev < w.r.StartRevision }) {
		return
	}
	s.send(&pb.WatchResponse{Header: s.header(s.rev), WatchId: -1})
}
