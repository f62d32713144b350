package simetcd

import (
	"slices"
	"sort"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/protobuf/proto"
)

// store holds every revision of every key. It forgets nothing: a compaction only makes
// members refuse what etcd has forgotten.
type store struct {
	rev     int64
	keys    []string                      // that ever existed, in order
	past    map[string][]*mvccpb.KeyValue // by key, in the order of revisions; a deleted key has version 0
	changes map[int64][]*mvccpb.Event     // by revision
}

func newStore() *store {
	return &store{rev: 1, past: map[string][]*mvccpb.KeyValue{}, changes: map[int64][]*mvccpb.Event{}}
}

// get returns a key as it was at a revision, or nil.
func (s *store) get(key string, rev int64) *mvccpb.KeyValue {
	for _, kv := range slices.Backward(s.past[key]) {
		switch {
		case kv.ModRevision > rev:
		case kv.Version == 0:
			return nil
		default:
			return kv
		}
	}
	return nil
}

// span returns the keys of a range that ever existed, in order.
func (s *store) span(key, end []byte) []string {
	if len(end) == 0 {
		return []string{string(key)}
	}
	from, _ := slices.BinarySearch(s.keys, string(key))
	if len(end) == 1 && end[0] == 0 {
		return s.keys[from:]
	}
	to, _ := slices.BinarySearch(s.keys, string(end))
	return s.keys[from:max(from, to)]
}

// list returns the keys of a range as they were at a revision.
func (s *store) list(key, end []byte, rev int64) []*mvccpb.KeyValue {
	var kvs []*mvccpb.KeyValue
	for _, k := range s.span(key, end) {
		if kv := s.get(k, rev); kv != nil {
			kvs = append(kvs, kv)
		}
	}
	return kvs
}

// add appends a version of a key, of the revision after the current one.
func (s *store) add(kv *mvccpb.KeyValue) {
	key := string(kv.Key)
	if i, known := slices.BinarySearch(s.keys, key); !known {
		s.keys = slices.Insert(s.keys, i, key)
	}
	s.past[key] = append(s.past[key], kv)
}

// view is what a member knows: the store up to a revision, and since which one it can
// be read.
type view struct {
	*store
	rev       int64
	compacted int64
}

// readRange answers a RangeRequest.
func (v view) readRange(r *pb.RangeRequest) (*pb.RangeResponse, error) {
	rev := r.Revision
	if rev <= 0 {
		rev = v.rev
	}
	switch {
	case rev > v.rev:
		return nil, errFutureRev
	case rev < v.compacted:
		return nil, errCompacted
	}
	kvs := v.list(r.Key, r.RangeEnd, rev)
	resp := &pb.RangeResponse{Header: &pb.ResponseHeader{Revision: v.rev}, Count: int64(len(kvs))}
	if r.CountOnly {
		return resp, nil
	}
	kvs = slices.DeleteFunc(kvs, func(kv *mvccpb.KeyValue) bool { return !within(r, kv) })
	order(r, kvs)
	if r.Limit > 0 && int64(len(kvs)) > r.Limit {
		kvs, resp.More = kvs[:r.Limit], true
	}
	for _, kv := range kvs {
		kv = clone(kv)
		if r.KeysOnly {
			kv.Value = nil
			if r.SortTarget != pb.RangeRequest_VALUE { // etcd answers from its index then
				kv.Lease = 0
			}
		}
		resp.Kvs = append(resp.Kvs, kv)
	}
	return resp, nil
}

// within reports whether a key has the revisions that r requests.
func within(r *pb.RangeRequest, kv *mvccpb.KeyValue) bool {
	return (r.MaxModRevision == 0 || kv.ModRevision <= r.MaxModRevision) && kv.ModRevision >= r.MinModRevision &&
		(r.MaxCreateRevision == 0 || kv.CreateRevision <= r.MaxCreateRevision) && kv.CreateRevision >= r.MinCreateRevision
}

// order sorts keys as r requests. It leaves equal ones in the order in which etcd does,
// which sorts by the same algorithm.
func order(r *pb.RangeRequest, kvs []*mvccpb.KeyValue) {
	target, descending := r.SortTarget, r.SortOrder == pb.RangeRequest_DESCEND
	if target == pb.RangeRequest_KEY && !descending {
		return
	}
	less := func(a, b *mvccpb.KeyValue) bool {
		switch target {
		case pb.RangeRequest_VERSION:
			return a.Version < b.Version
		case pb.RangeRequest_CREATE:
			return a.CreateRevision < b.CreateRevision
		case pb.RangeRequest_MOD:
			return a.ModRevision < b.ModRevision
		case pb.RangeRequest_VALUE:
			return string(a.Value) < string(b.Value)
		default:
			return string(a.Key) < string(b.Key)
		}
	}
	sort.Slice(kvs, func(i, j int) bool {
		if descending {
			i, j = j, i
		}
		return less(kvs[i], kvs[j])
	})
}

func clone[M proto.Message](m M) M { return proto.Clone(m).(M) }
