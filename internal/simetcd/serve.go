package simetcd

import (
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// reply takes the answer to a call.
type reply func(proto.Message, error)

var errStopped = status.Error(codes.Unavailable, "transport is closing")

// serve answers a unary call, at once or later.
func (m *member) serve(req any, answer reply) {
	m.stats.Calls++
	if time.Now().Before(m.down) {
		answer(nil, errStopped)
		return
	}
	if err := checkRequest(req); err != nil {
		answer(nil, err)
		return
	}
	fail := func(err error) { answer(nil, err) }
	switch r := req.(type) {
	case *pb.RangeRequest:
		m.read(r.Serializable, func() { answer(m.readRange(r)) }, fail)
	case *pb.TxnRequest:
		if !isWrite(r) {
			m.read(isSerializable(r), func() { answer(m.readTxn(r)) }, fail)
			return
		}
		m.propose(func() (proto.Message, error) { return m.writeTxn(r) }, answer)
	case *pb.StatusRequest:
		answer(&pb.StatusResponse{Header: m.header(m.rev), Version: "3.7.3", Leader: m.members[m.leader()].id, RaftTerm: m.term}, nil)
	default:
		if op := m.operation(req); op != nil {
			m.propose(op, answer)
			return
		}
		answer(nil, status.Errorf(codes.Unimplemented, "unknown method of a simulated etcd: %T", req))
	}
}

// operation returns what a call does at the leader, or nil for one that is not known.
func (m *member) operation(req any) func() (proto.Message, error) {
	switch r := req.(type) {
	case *pb.PutRequest:
		return func() (proto.Message, error) { return m.put(r) }
	case *pb.DeleteRangeRequest:
		return func() (proto.Message, error) { return m.deleteRange(r) }
	case *pb.CompactionRequest:
		return func() (proto.Message, error) {
			return &pb.CompactionResponse{Header: m.header(m.store.rev)}, m.compact(r.Revision)
		}
	case *pb.LeaseGrantRequest:
		return func() (proto.Message, error) {
			resp, err := m.grant(r)
			if err == nil {
				resp.Header = m.header(m.store.rev)
			}
			return resp, err
		}
	case *pb.LeaseRevokeRequest:
		return func() (proto.Message, error) {
			resp, err := m.revoke(r.ID)
			if err == nil {
				resp.Header = m.header(m.store.rev)
			}
			return resp, err
		}
	case *pb.LeaseTimeToLiveRequest:
		return func() (proto.Message, error) {
			resp := m.timeToLive(r)
			resp.Header = m.header(m.store.rev)
			return resp, nil
		}
	case *pb.LeaseLeasesRequest:
		return func() (proto.Message, error) {
			resp := &pb.LeaseLeasesResponse{Header: m.header(m.store.rev)}
			for _, id := range m.leaseIDs() {
				resp.Leases = append(resp.Leases, &pb.LeaseStatus{ID: id})
			}
			return resp, nil
		}
	default:
		return nil
	}
}

// read runs f now if the member may answer with what it knows, and otherwise when it
// knows all that was written before the read.
func (m *member) read(serializable bool, f func(), fail func(error)) {
	if serializable {
		f()
		return
	}
	m.lead(false, func() { m.whenApplied(f) }, fail)
}

// propose carries out a write. The member answers when it has applied it.
func (m *member) propose(op func() (proto.Message, error), answer reply) {
	m.lead(true, func() {
		resp, err := op()
		m.whenApplied(func() {
			if err != nil {
				resp = nil
			}
			answer(resp, err)
		})
	}, func(err error) { answer(nil, err) })
}

func (m *member) readRange(r *pb.RangeRequest) (proto.Message, error) {
	resp, err := m.view().readRange(r)
	if err != nil {
		return nil, err
	}
	resp.Header = m.header(resp.Header.Revision)
	return resp, nil
}

func (m *member) readTxn(r *pb.TxnRequest) (proto.Message, error) {
	t := &txn{view: m.view(), leases: m.leases}
	resp, err := t.run(r)
	if err != nil {
		return nil, err
	}
	resp.Header = m.header(resp.Header.Revision)
	return resp, nil
}

func (m *member) writeTxn(r *pb.TxnRequest) (proto.Message, error) {
	resp, err := m.write(r)
	if err != nil {
		return nil, err
	}
	resp.Header = m.header(resp.Header.Revision)
	return resp, nil
}

// single carries out one operation.
func (m *member) single(op *pb.RequestOp) (*pb.ResponseOp, error) {
	resp, err := m.write(&pb.TxnRequest{Success: []*pb.RequestOp{op}})
	if err != nil {
		return nil, err
	}
	return resp.Responses[0], nil
}

func (m *member) put(r *pb.PutRequest) (proto.Message, error) {
	resp, err := m.single(&pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: r}})
	if err != nil {
		return nil, err
	}
	put := resp.GetResponsePut()
	put.Header = m.header(put.Header.Revision)
	return put, nil
}

func (m *member) deleteRange(r *pb.DeleteRangeRequest) (proto.Message, error) {
	resp, err := m.single(&pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: r}})
	if err != nil {
		return nil, err
	}
	deleted := resp.GetResponseDeleteRange()
	deleted.Header = m.header(deleted.Header.Revision)
	return deleted, nil
}
