package simetcd

import (
	"fmt"
	"slices"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

func (d *differential) key() []byte { return fmt.Appendf(nil, "k%02d", d.rng.IntN(20)) }

// end returns an end of a range: none, the next key, any key or all keys.
func (d *differential) end(key []byte) []byte {
	switch d.rng.IntN(5) {
	case 0, 1:
		return nil
	case 2:
		return []byte{0}
	case 3:
		return append(slices.Clone(key), 0)
	default:
		return d.key()
	}
}

func (d *differential) lease() int64 { return int64(1 + d.rng.IntN(8)) }

// someRev returns a revision near the current one, before or after it.
func (d *differential) someRev() int64 { return max(d.rev+10-d.rng.Int64N(60), 0) }

func (d *differential) sometimes(n int64) int64 {
	if d.rng.IntN(4) != 0 {
		return 0
	}
	return n
}

func (d *differential) put() *pb.PutRequest {
	r := &pb.PutRequest{Key: d.key(), Value: fmt.Appendf(nil, "v%d", d.rng.IntN(4)), Lease: d.sometimes(d.lease()), PrevKv: d.rng.IntN(2) == 0}
	switch d.rng.IntN(12) {
	case 0:
		r.IgnoreValue = true
	case 1:
		r.IgnoreLease = true
	case 2:
		r.IgnoreValue, r.Value = true, nil
	case 3:
		r.IgnoreLease, r.Lease = true, 0
	case 4:
		r.Key = r.Key[:d.rng.IntN(2)*3]
	}
	return r
}

func (d *differential) get() *pb.RangeRequest {
	r := &pb.RangeRequest{
		Key: d.key(), Revision: d.sometimes(d.someRev()), Limit: d.sometimes(d.rng.Int64N(5)),
		KeysOnly: d.rng.IntN(3) == 0, CountOnly: d.rng.IntN(6) == 0, Serializable: d.rng.IntN(2) == 0,
		SortOrder: pb.RangeRequest_SortOrder(d.rng.IntN(3)), SortTarget: pb.RangeRequest_SortTarget(d.rng.IntN(5)),
		MinModRevision: d.sometimes(d.someRev()), MaxModRevision: d.sometimes(d.someRev()),
		MinCreateRevision: d.sometimes(d.someRev()), MaxCreateRevision: d.sometimes(d.someRev()),
	}
	r.RangeEnd = d.end(r.Key)
	switch d.rng.IntN(40) {
	case 0:
		r.Key = nil
	case 1:
		r.SortTarget = 9
	}
	return r
}

func (d *differential) del() *pb.DeleteRangeRequest {
	r := &pb.DeleteRangeRequest{Key: d.key(), PrevKv: d.rng.IntN(2) == 0}
	if d.rng.IntN(3) == 0 {
		r.RangeEnd = d.end(r.Key)
	}
	return r
}

func (d *differential) txn(depth int) *pb.TxnRequest {
	r := &pb.TxnRequest{}
	for range d.rng.IntN(3) {
		c := &pb.Compare{Key: d.key(), Target: pb.Compare_CompareTarget(d.rng.IntN(5)), Result: pb.Compare_CompareResult(d.rng.IntN(4))}
		if d.rng.IntN(3) == 0 {
			c.RangeEnd = d.end(c.Key)
		}
		switch c.Target {
		case pb.Compare_VERSION:
			c.TargetUnion = &pb.Compare_Version{Version: d.rng.Int64N(3)}
		case pb.Compare_CREATE:
			c.TargetUnion = &pb.Compare_CreateRevision{CreateRevision: d.sometimes(d.someRev())}
		case pb.Compare_MOD:
			c.TargetUnion = &pb.Compare_ModRevision{ModRevision: d.sometimes(d.someRev())}
		case pb.Compare_VALUE:
			c.TargetUnion = &pb.Compare_Value{Value: fmt.Appendf(nil, "v%d", d.rng.IntN(4))}
		case pb.Compare_LEASE:
			c.TargetUnion = &pb.Compare_Lease{Lease: d.sometimes(d.lease())}
		}
		r.Compare = append(r.Compare, c)
	}
	r.Success, r.Failure = d.ops(depth), d.ops(depth)
	return r
}

func (d *differential) ops(depth int) []*pb.RequestOp {
	var ops []*pb.RequestOp
	for range d.rng.IntN(4) {
		op := &pb.RequestOp{}
		switch n := d.rng.IntN(20); {
		case n < 7:
			op.Request = &pb.RequestOp_RequestRange{RequestRange: d.get()}
		case n < 13:
			op.Request = &pb.RequestOp_RequestPut{RequestPut: d.put()}
		case n < 16:
			op.Request = &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: d.del()}
		case n < 19 && depth > 0:
			op.Request = &pb.RequestOp_RequestTxn{RequestTxn: d.txn(depth - 1)}
		default:
			continue
		}
		ops = append(ops, op)
	}
	return ops
}
