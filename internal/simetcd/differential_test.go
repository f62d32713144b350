package simetcd

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"etcd-lock/internal/etcdtest"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

// TestAnswersAsEtcd sends the same random requests to an etcd server and to the model,
// and has them answer the same, errors and watches included.
func TestAnswersAsEtcd(t *testing.T) {
	t.Parallel()
	server := etcdtest.Client(t, etcdtest.StartProcess(t).Endpoint)
	model, _, err := New(Options{Instant: true}).Client()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = model.Close() }()
	d := &differential{T: t, rng: rand.New(rand.NewPCG(3, 5)), sides: []*side{newSide(t, server), newSide(t, model)}}
	for d.step = range 3000 {
		d.request()
	}
	d.compareWatches()
}

// differential holds two sides to each other.
type differential struct {
	*testing.T
	rng   *rand.Rand
	sides []*side
	step  int
	rev   int64
}

// side is one etcd with a stream of watches.
type side struct {
	client  *clientv3.Client
	kv      pb.KVClient
	lease   pb.LeaseClient
	watches pb.Watch_WatchClient
	renews  pb.Lease_LeaseKeepAliveClient
	got     chan *pb.WatchResponse
	seen    []string // what the watches have sent
}

func newSide(t *testing.T, client *clientv3.Client) *side {
	t.Helper()
	conn := client.ActiveConnection()
	s := &side{client: client, kv: pb.NewKVClient(conn), lease: pb.NewLeaseClient(conn), got: make(chan *pb.WatchResponse, 100_000)}
	var err error
	if s.watches, err = pb.NewWatchClient(conn).Watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.renews, err = s.lease.LeaseKeepAlive(t.Context()); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			resp, err := s.watches.Recv()
			if err != nil {
				return
			}
			s.got <- resp
		}
	}()
	return s
}

// both has both sides answer, and compares the answers.
func (d *differential) both(req proto.Message, f func(*side) (proto.Message, error)) {
	d.Helper()
	var texts []string
	for _, s := range d.sides {
		resp, err := f(s)
		texts = append(texts, d.text(resp, err))
		if h, ok := resp.(interface{ GetHeader() *pb.ResponseHeader }); ok && err == nil {
			d.rev = max(d.rev, h.GetHeader().GetRevision())
		}
	}
	if texts[0] != texts[1] {
		d.Fatalf("step %d, revision %d\netcd:  %s\nmodel: %s\nafter %T %s", d.step, d.rev, texts[0], texts[1], req, prototext.Format(req))
	}
}

// text is an answer without what differs between two clusters.
func (d *differential) text(resp proto.Message, err error) string {
	if err != nil {
		return fmt.Sprintf("%s: %s", status.Code(err), status.Convert(err).Message())
	}
	strip(resp)
	b, err := prototext.MarshalOptions{Multiline: false}.Marshal(resp)
	if err != nil {
		d.Fatal(err)
	}
	return string(slices.DeleteFunc(b, func(c byte) bool { return c == ' ' })) // which are random there
}

func strip(resp proto.Message) {
	if h, ok := resp.(interface{ GetHeader() *pb.ResponseHeader }); ok && h.GetHeader() != nil {
		h.GetHeader().ClusterId, h.GetHeader().MemberId, h.GetHeader().RaftTerm = 0, 0, 0
	}
	switch r := resp.(type) {
	case *pb.LeaseTimeToLiveResponse:
		slices.SortFunc(r.Keys, slices.Compare) // etcd has no order
		if r.TTL > 0 {
			r.TTL = r.GrantedTTL // the two were asked at different times
		}
	case *pb.LeaseLeasesResponse:
		slices.SortFunc(r.Leases, func(a, b *pb.LeaseStatus) int { return cmp.Compare(a.ID, b.ID) })
	}
}

func (d *differential) request() {
	ctx := d.Context()
	switch n := d.rng.IntN(100); {
	case n < 25:
		r := d.put()
		d.both(r, func(s *side) (proto.Message, error) { return s.kv.Put(ctx, clone(r)) })
	case n < 50:
		r := d.get()
		d.both(r, func(s *side) (proto.Message, error) { return s.kv.Range(ctx, clone(r)) })
	case n < 60:
		r := d.del()
		d.both(r, func(s *side) (proto.Message, error) { return s.kv.DeleteRange(ctx, clone(r)) })
	case n < 85:
		r := d.txn(2)
		d.both(r, func(s *side) (proto.Message, error) { return s.kv.Txn(ctx, clone(r)) })
	case n < 86:
		r := &pb.CompactionRequest{Revision: d.someRev(), Physical: true}
		d.settle()
		d.both(r, func(s *side) (proto.Message, error) { return s.kv.Compact(ctx, clone(r)) })
	case n < 95:
		d.leases(ctx)
	default:
		d.watch()
	}
}

func (d *differential) leases(ctx context.Context) {
	id := d.lease()
	switch d.rng.IntN(6) {
	case 0, 1:
		r := &pb.LeaseGrantRequest{ID: id, TTL: []int64{60, 100, 1000, maxLeaseTTL, maxLeaseTTL + 1}[d.rng.IntN(5)]}
		d.both(r, func(s *side) (proto.Message, error) { return s.lease.LeaseGrant(ctx, clone(r)) })
	case 2:
		r := &pb.LeaseRevokeRequest{ID: id}
		d.both(r, func(s *side) (proto.Message, error) { return s.lease.LeaseRevoke(ctx, clone(r)) })
	case 3:
		r := &pb.LeaseTimeToLiveRequest{ID: id, Keys: d.rng.IntN(2) == 0}
		d.both(r, func(s *side) (proto.Message, error) { return s.lease.LeaseTimeToLive(ctx, clone(r)) })
	case 4:
		r := &pb.LeaseLeasesRequest{}
		d.both(r, func(s *side) (proto.Message, error) { return s.lease.LeaseLeases(ctx, clone(r)) })
	default:
		r := &pb.LeaseKeepAliveRequest{ID: id}
		d.both(r, func(s *side) (proto.Message, error) {
			if err := s.renews.Send(clone(r)); err != nil {
				return nil, err
			}
			return s.renews.Recv()
		})
	}
}

// watch creates a watch on both sides, or cancels one.
func (d *differential) watch() {
	if d.rng.IntN(8) == 0 {
		cancel := &pb.WatchCancelRequest{WatchId: d.rng.Int64N(40)}
		d.sendBoth(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CancelRequest{CancelRequest: cancel}})
		d.create(&pb.WatchCreateRequest{Key: []byte("none")}) // once that is answered, the other one was canceled
		return
	}
	c := &pb.WatchCreateRequest{Key: d.key(), StartRevision: min(d.sometimes(d.someRev()), d.rev), PrevKv: d.rng.IntN(2) == 0}
	c.RangeEnd = d.end(c.Key)
	if n := d.rng.IntN(4); n < 2 {
		c.Filters = []pb.WatchCreateRequest_FilterType{pb.WatchCreateRequest_FilterType(n)}
	}
	d.create(c)
}

func (d *differential) sendBoth(r *pb.WatchRequest) {
	for _, s := range d.sides {
		if err := s.watches.Send(clone(r)); err != nil {
			d.Fatal(err)
		}
	}
}

// create creates a watch on both sides, and waits until they have, because from when it
// is depends on that.
func (d *differential) create(c *pb.WatchCreateRequest) {
	d.sendBoth(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: c}})
	for _, s := range d.sides {
		for !d.receive(s).Created {
		}
	}
}

// settle waits until all watches have caught up, on which depends what a compaction does
// to them.
func (d *differential) settle() {
	for _, s := range d.sides {
		for again := true; again; {
			if err := s.watches.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_ProgressRequest{ProgressRequest: &pb.WatchProgressRequest{}}}); err != nil {
				d.Fatal(err)
			}
			for more := true; more && again; {
				select {
				case resp := <-s.got:
					s.note(resp)
					again = resp.WatchId != -1
				case <-time.After(20 * time.Millisecond):
					more = false
				}
			}
		}
	}
}

func (d *differential) receive(s *side) *pb.WatchResponse {
	d.Helper()
	select {
	case resp := <-s.got:
		s.note(resp)
		return resp
	case <-time.After(30 * time.Second):
		d.Fatalf("step %d: a watch was not answered", d.step)
		return nil
	}
}

// note keeps a response: its events by watch, because what comes in one response depends
// on the pace.
func (s *side) note(resp *pb.WatchResponse) {
	lines := &s.seen
	if resp.WatchId == -1 && !resp.Created {
		return // progress
	}
	if resp.CompactRevision > 0 { // as etcd's client does: until then, etcd says nothing of the progress of the stream
		_ = s.watches.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CancelRequest{CancelRequest: &pb.WatchCancelRequest{WatchId: resp.WatchId}}})
	}
	if resp.Canceled || resp.Created {
		*lines = append(*lines, fmt.Sprintf("%d created %t canceled %t compacted %d %q", resp.WatchId, resp.Created, resp.Canceled, resp.CompactRevision, resp.CancelReason))
	}
	for _, e := range resp.Events {
		*lines = append(*lines, fmt.Sprintf("%d %s %q %q %d %d %d %d before %v", resp.WatchId, e.Type, e.Kv.Key, e.Kv.Value, e.Kv.CreateRevision, e.Kv.ModRevision, e.Kv.Version, e.Kv.Lease, e.PrevKv != nil))
	}
}

// compareWatches compares what all watches have sent.
func (d *differential) compareWatches() {
	d.settle()
	for _, s := range d.sides {
		slices.SortStableFunc(s.seen, func(a, b string) int { // by watch
			idA, _, _ := strings.Cut(a, " ")
			idB, _, _ := strings.Cut(b, " ")
			return strings.Compare(idA, idB)
		})
	}
	if diff := gocmp.Diff(d.sides[0].seen, d.sides[1].seen); diff != "" {
		d.Errorf("watches: etcd sends -, the model +:\n%s", diff)
	}
	d.Logf("%d requests, %d revisions, %d events and answers of watches", d.step+1, d.rev, len(d.sides[0].seen))
}

// TestExpiresAsEtcd has leases expire on both sides: with their keys, all in one revision,
// and a renewal that comes later is answered with 0.
func TestExpiresAsEtcd(t *testing.T) {
	t.Parallel()
	server := etcdtest.Client(t, etcdtest.StartProcess(t).Endpoint)
	model, _, err := New(Options{Instant: true}).Client()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = model.Close() }()
	var seen []string
	for _, client := range []*clientv3.Client{server, model} {
		seen = append(seen, expiry(t, client))
	}
	if seen[0] != seen[1] {
		t.Errorf("etcd:\n%s\nmodel:\n%s", seen[0], seen[1])
	}
}

// expiry returns what becomes of a lease that is not renewed.
func expiry(t *testing.T, client *clientv3.Client) string {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	events := client.Watch(ctx, "k", clientv3.WithPrefix())
	granted, err := client.Grant(ctx, 2)
	must(err)
	for _, key := range []string{"k2", "k1"} {
		_, err = client.Put(ctx, key, "v", clientv3.WithLease(granted.ID))
		must(err)
	}
	story := fmt.Sprintln("granted", granted.TTL)
	for deleted := 0; deleted < 2; {
		for _, e := range (<-events).Events {
			story += fmt.Sprintln(e.Type, string(e.Kv.Key), e.Kv.ModRevision)
			if e.Type == clientv3.EventTypeDelete {
				deleted++
			}
		}
		must(ctx.Err())
	}
	_, err = client.KeepAliveOnce(ctx, granted.ID)
	left, leftErr := client.TimeToLive(ctx, granted.ID)
	must(leftErr)
	return story + fmt.Sprintln(err, left.TTL)
}
