package simetcd

import (
	"bytes"
	"cmp"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
)

// txn is one transaction while it is carried out.
type txn struct {
	view     // as it was before
	leases   map[int64]*lease
	events   []*mvccpb.Event
	branches []bool // which branch each transaction takes, the outer one first
}

// current is the store with what the transaction has written so far.
func (t *txn) current() view {
	v := t.view
	if len(t.events) > 0 {
		v.rev++
	}
	return v
}

// run carries out a transaction that has been checked, or changes nothing and returns
// an error. The caller holds the store back until it has published the events.
func (t *txn) run(r *pb.TxnRequest) (*pb.TxnResponse, error) {
	t.choose(r)
	if _, err := t.check(r, t.branches); err != nil {
		return nil, err
	}
	resp, _, err := t.execute(r, t.branches)
	if err != nil {
		return nil, err
	}
	resp.Header.Revision = t.current().rev
	return resp, nil
}

// choose decides which branches are taken. etcd decides for all of them before it
// carries out anything.
func (t *txn) choose(r *pb.TxnRequest) {
	ok := true
	for _, c := range r.Compare {
		ok = ok && t.holds(c)
	}
	t.branches = append(t.branches, ok)
	for _, op := range branch(r, ok) {
		if nested := op.GetRequestTxn(); nested != nil {
			t.choose(nested)
		}
	}
}

func branch(r *pb.TxnRequest, ok bool) []*pb.RequestOp {
	if ok {
		return r.Success
	}
	return r.Failure
}

// holds reports whether a condition is true: for all keys of its range, or for a key
// that does not exist if there is none.
func (t *txn) holds(c *pb.Compare) bool {
	kvs := t.list(c.Key, c.RangeEnd, t.rev)
	if len(kvs) == 0 {
		return c.Target != pb.Compare_VALUE && compare(c, &mvccpb.KeyValue{})
	}
	for _, kv := range kvs {
		if !compare(c, kv) {
			return false
		}
	}
	return true
}

func compare(c *pb.Compare, kv *mvccpb.KeyValue) bool {
	var result int
	switch c.Target {
	case pb.Compare_VALUE:
		result = bytes.Compare(kv.Value, c.GetValue())
	case pb.Compare_CREATE:
		result = cmp.Compare(kv.CreateRevision, c.GetCreateRevision())
	case pb.Compare_MOD:
		result = cmp.Compare(kv.ModRevision, c.GetModRevision())
	case pb.Compare_VERSION:
		result = cmp.Compare(kv.Version, c.GetVersion())
	case pb.Compare_LEASE:
		result = cmp.Compare(kv.Lease, c.GetLease())
	}
	switch c.Result {
	case pb.Compare_EQUAL:
		return result == 0
	case pb.Compare_NOT_EQUAL:
		return result != 0
	case pb.Compare_GREATER:
		return result > 0
	default:
		return result < 0
	}
}

// check returns the error that keeps the transaction from being carried out, and how
// many transactions there are in it.
func (t *txn) check(r *pb.TxnRequest, branches []bool) (nested int, err error) {
	for _, op := range branch(r, branches[0]) {
		switch {
		case op.GetRequestRange() != nil:
			err = t.checkRange(op.GetRequestRange())
		case op.GetRequestPut() != nil:
			err = t.checkPut(op.GetRequestPut())
		case op.GetRequestTxn() != nil:
			var n int
			n, err = t.check(op.GetRequestTxn(), branches[nested+1:])
			nested += n + 1
		}
		if err != nil {
			return 0, err
		}
	}
	return nested, nil
}

func (t *txn) checkRange(r *pb.RangeRequest) error {
	switch {
	case r.Revision == 0:
		return nil
	case r.Revision > t.rev:
		return errFutureRev
	case r.Revision < t.compacted:
		return errCompacted
	default:
		return nil
	}
}

func (t *txn) checkPut(r *pb.PutRequest) error {
	switch {
	case r.Lease != 0 && t.leases[r.Lease] == nil:
		return errLeaseNotFound
	case (r.IgnoreValue || r.IgnoreLease) && t.get(string(r.Key), t.rev) == nil:
		return errKeyNotFound
	default:
		return nil
	}
}

func (t *txn) execute(r *pb.TxnRequest, branches []bool) (resp *pb.TxnResponse, nested int, err error) {
	resp = &pb.TxnResponse{Header: &pb.ResponseHeader{}, Succeeded: branches[0]}
	for _, op := range branch(r, branches[0]) {
		out := &pb.ResponseOp{}
		switch {
		case op.GetRequestRange() != nil:
			var read *pb.RangeResponse
			read, err = t.current().readRange(op.GetRequestRange())
			out.Response = &pb.ResponseOp_ResponseRange{ResponseRange: read}
		case op.GetRequestPut() != nil:
			out.Response = &pb.ResponseOp_ResponsePut{ResponsePut: t.put(op.GetRequestPut())}
		case op.GetRequestDeleteRange() != nil:
			out.Response = &pb.ResponseOp_ResponseDeleteRange{ResponseDeleteRange: t.deleteRange(op.GetRequestDeleteRange())}
		case op.GetRequestTxn() != nil:
			var inner *pb.TxnResponse
			var n int
			inner, n, err = t.execute(op.GetRequestTxn(), branches[nested+1:])
			nested += n + 1
			out.Response = &pb.ResponseOp_ResponseTxn{ResponseTxn: inner}
		}
		if err != nil {
			return nil, 0, err
		}
		resp.Responses = append(resp.Responses, out)
	}
	return resp, nested, nil
}

func (t *txn) put(r *pb.PutRequest) *pb.PutResponse {
	old := t.get(string(r.Key), t.rev+1)
	kv := &mvccpb.KeyValue{
		Key: r.Key, Value: r.Value, Lease: r.Lease,
		CreateRevision: t.rev + 1, ModRevision: t.rev + 1, Version: 1,
	}
	if old != nil {
		kv.CreateRevision, kv.Version = old.CreateRevision, old.Version+1
	}
	if r.IgnoreValue {
		kv.Value = old.Value
	}
	if r.IgnoreLease {
		kv.Lease = old.Lease
	}
	t.write(mvccpb.Event_PUT, kv)
	resp := &pb.PutResponse{Header: &pb.ResponseHeader{Revision: t.rev + 1}}
	if r.PrevKv && old != nil {
		resp.PrevKv = clone(old)
	}
	return resp
}

func (t *txn) deleteRange(r *pb.DeleteRangeRequest) *pb.DeleteRangeResponse {
	resp := &pb.DeleteRangeResponse{}
	for _, old := range t.list(r.Key, r.RangeEnd, t.rev+1) {
		if r.PrevKv {
			resp.PrevKvs = append(resp.PrevKvs, clone(old))
		}
		resp.Deleted++
		t.write(mvccpb.Event_DELETE, &mvccpb.KeyValue{Key: old.Key, ModRevision: t.rev + 1})
	}
	resp.Header = &pb.ResponseHeader{Revision: t.current().rev}
	return resp
}

func (t *txn) write(kind mvccpb.Event_EventType, kv *mvccpb.KeyValue) {
	t.add(kv)
	t.events = append(t.events, &mvccpb.Event{Type: kind, Kv: kv})
}
