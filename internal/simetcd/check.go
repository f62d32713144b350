package simetcd

import (
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// The errors as etcd sends them.
var (
	errFutureRev     = rpctypes.ErrGRPCFutureRev
	errCompacted     = rpctypes.ErrGRPCCompacted
	errLeaseNotFound = rpctypes.ErrGRPCLeaseNotFound
	errKeyNotFound   = rpctypes.ErrGRPCKeyNotFound
)

// maxTxnOps is etcd's default for --max-txn-ops.
const maxTxnOps = 128

// checkRequest returns the error for a request that etcd refuses whatever its keys are.
func checkRequest(req any) error {
	switch r := req.(type) {
	case *pb.RangeRequest:
		return checkRange(r)
	case *pb.PutRequest:
		return checkPut(r)
	case *pb.DeleteRangeRequest:
		return checkKey(r.Key)
	case *pb.TxnRequest:
		return checkTxn(r)
	default:
		return nil
	}
}

func checkKey(key []byte) error {
	if len(key) == 0 {
		return rpctypes.ErrGRPCEmptyKey
	}
	return nil
}

func checkRange(r *pb.RangeRequest) error {
	_, order := pb.RangeRequest_SortOrder_name[int32(r.SortOrder)]
	_, target := pb.RangeRequest_SortTarget_name[int32(r.SortTarget)]
	if err := checkKey(r.Key); err != nil || order && target {
		return err
	}
	return rpctypes.ErrGRPCInvalidSortOption
}

func checkPut(r *pb.PutRequest) error {
	switch {
	case len(r.Key) == 0:
		return rpctypes.ErrGRPCEmptyKey
	case r.IgnoreValue && len(r.Value) != 0:
		return rpctypes.ErrGRPCValueProvided
	case r.IgnoreLease && r.Lease != 0:
		return rpctypes.ErrGRPCLeaseProvided
	default:
		return nil
	}
}

func checkTxn(r *pb.TxnRequest) error {
	if err := checkOps(r, maxTxnOps); err != nil {
		return err
	}
	for _, ops := range [][]*pb.RequestOp{r.Success, r.Failure} {
		if _, _, err := checkOverlaps(ops); err != nil {
			return err
		}
	}
	return nil
}

// checkOps checks the operations of a transaction, which may have at most limit of
// them, with those of transactions in it.
func checkOps(r *pb.TxnRequest, limit int) error {
	n := max(len(r.Compare), len(r.Success), len(r.Failure))
	if n > limit {
		return rpctypes.ErrGRPCTooManyOps
	}
	for _, c := range r.Compare {
		if err := checkKey(c.Key); err != nil {
			return err
		}
	}
	for _, ops := range [][]*pb.RequestOp{r.Success, r.Failure} {
		for _, op := range ops {
			if err := checkOp(op, limit-n); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkOp(op *pb.RequestOp, limit int) error {
	switch o := op.Request.(type) {
	case *pb.RequestOp_RequestRange:
		return checkRange(o.RequestRange)
	case *pb.RequestOp_RequestPut:
		return checkPut(o.RequestPut)
	case *pb.RequestOp_RequestDeleteRange:
		return checkKey(o.RequestDeleteRange.Key)
	case *pb.RequestOp_RequestTxn:
		return checkOps(o.RequestTxn, limit)
	default:
		return rpctypes.ErrGRPCKeyNotFound
	}
}

// checkOverlaps refuses operations of which two would write a key. It returns the keys
// that they put and the ranges that they delete. Of the two branches of a transaction,
// only one is carried out, so that both may put a key.
func checkOverlaps(ops []*pb.RequestOp) (puts map[string]bool, deletes []*pb.DeleteRangeRequest, err error) {
	puts = map[string]bool{}
	for _, op := range ops {
		if d := op.GetRequestDeleteRange(); d != nil {
			deletes = append(deletes, d)
		}
	}
	for _, op := range ops {
		inner := op.GetRequestTxn()
		if inner == nil {
			continue
		}
		both := map[string]bool{}
		var innerDeletes []*pb.DeleteRangeRequest
		for _, part := range [][]*pb.RequestOp{inner.Success, inner.Failure} {
			p, d, err := checkOverlaps(part)
			if err != nil {
				return nil, nil, err
			}
			for key := range p {
				if puts[key] || deletesKey(deletes, key) {
					return nil, nil, rpctypes.ErrGRPCDuplicateKey
				}
				both[key] = true
			}
			innerDeletes = append(innerDeletes, d...)
		}
		for key := range both {
			puts[key] = true
		}
		deletes = append(deletes, innerDeletes...)
	}
	for _, op := range ops {
		if p := op.GetRequestPut(); p != nil {
			if puts[string(p.Key)] || deletesKey(deletes, string(p.Key)) {
				return nil, nil, rpctypes.ErrGRPCDuplicateKey
			}
			puts[string(p.Key)] = true
		}
	}
	return puts, deletes, nil
}

// deletesKey reports whether a range covers a key. As in etcd, the end that stands for all
// keys after the first one is none here, but a key.
func deletesKey(deletes []*pb.DeleteRangeRequest, key string) bool {
	for _, d := range deletes {
		start, end := string(d.Key), string(d.RangeEnd)
		if key == start && end == "" || start <= key && key < end {
			return true
		}
	}
	return false
}

// covers reports whether a key is in a range as it is written in requests.
func covers(start, end, key string) bool {
	switch end {
	case "":
		return key == start
	case "\x00":
		return key >= start
	default:
		return start <= key && key < end
	}
}

// isWrite reports whether a transaction has an operation that writes, in any branch.
func isWrite(r *pb.TxnRequest) bool {
	for _, ops := range [][]*pb.RequestOp{r.Success, r.Failure} {
		for _, op := range ops {
			switch {
			case op.GetRequestPut() != nil, op.GetRequestDeleteRange() != nil:
				return true
			case op.GetRequestTxn() != nil && isWrite(op.GetRequestTxn()):
				return true
			}
		}
	}
	return false
}

// isSerializable reports whether a transaction only reads, and all its reads are
// serializable.
func isSerializable(r *pb.TxnRequest) bool {
	for _, ops := range [][]*pb.RequestOp{r.Success, r.Failure} {
		for _, op := range ops {
			if read := op.GetRequestRange(); read == nil || !read.Serializable {
				return false
			}
		}
	}
	return true
}
