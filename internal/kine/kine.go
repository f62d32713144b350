// Package kine makes up for what kine leaves out of etcd's API: k3s keeps the objects of
// Kubernetes in a database, and kine serves that as an etcd. It refuses serializable reads
// and transactions of several reads, for which plain reads do, and it has neither leases, only
// times after which a key is deleted, nor users.
package kine

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

var (
	// ErrNoLeases is returned for every call about leases. kine grants some, but their IDs
	// are their TTLs, so programs share them.
	ErrNoLeases = errors.New("this server (kine, as in k3s) has no leases: it deletes a key after a time, which it cannot tell or change")
	// ErrTxn is returned for a transaction that is not one of the few that Kubernetes uses.
	ErrTxn = errors.New("this server (kine, as in k3s) has no transactions on several keys")
	// ErrNoUsers is returned for every call about users and roles.
	ErrNoUsers = errors.New("this server (kine, as in k3s) has no users")
)

// Adapter recognizes kine by what it refuses, and adapts the calls of one client to it from
// then on. With any other server, it changes nothing.
type Adapter struct {
	noSerializable atomic.Bool
	isKine         atomic.Bool
}

// DialOption is what the client's connection is dialled with.
func (a *Adapter) DialOption() grpc.DialOption { return grpc.WithChainUnaryInterceptor(a.unary) }

// call is a call to the server with everything but the request and the reply.
type call func(req, reply any) error

func (a *Adapter) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	send := func(req, reply any) error { return invoke(ctx, method, req, reply, cc, opts...) }
	switch req := req.(type) {
	case *pb.RangeRequest:
		return a.read(req, reply, send)
	case *pb.TxnRequest:
		if a.isKine.Load() {
			get := func(req, reply any) error { return invoke(ctx, pb.KV_Range_FullMethodName, req, reply, cc, opts...) }
			return a.transact(req, reply, send, get)
		}
	default:
		if a.isKine.Load() {
			if err := missing(method); err != nil {
				return err
			}
		}
	}
	return send(req, reply)
}

// missing returns an error for a method that kine does not have.
func missing(method string) error {
	switch {
	case strings.HasPrefix(method, "/"+pb.Lease_ServiceDesc.ServiceName+"/"):
		return ErrNoLeases
	case strings.HasPrefix(method, "/"+pb.Auth_ServiceDesc.ServiceName+"/"):
		return ErrNoUsers
	default:
		return nil
	}
}

// read reads a range, in the form that the server is known to take.
func (a *Adapter) read(req *pb.RangeRequest, reply any, send call) error {
	err := send(a.adapt(req), reply)
	if req.Serializable && a.refusesSerializable(err) {
		err = send(a.adapt(req), reply)
	}
	return err
}

// afterAll follows the keys of Kubernetes, all of which are printable, and begin with a
// slash or a letter.
const afterAll = "~"

// adapt returns a request as the server takes it. kine does not know the end that means
// all keys, but for a current read of everything, and then it leaves out the last key of a
// page.
func (a *Adapter) adapt(req *pb.RangeRequest) *pb.RangeRequest {
	if !a.noSerializable.Load() {
		return req
	}
	req = proto.CloneOf(req)
	req.Serializable = false
	if a.isKine.Load() && string(req.RangeEnd) == "\x00" {
		req.RangeEnd = []byte(afterAll)
	}
	return req
}

// refusesSerializable reports whether err says that the server has no serializable reads,
// and notes whether it is kine.
func (a *Adapter) refusesSerializable(err error) bool {
	text := status.Convert(err).Message()
	if status.Code(err) != codes.Unimplemented || !strings.Contains(text, "serializable") {
		return false
	}
	a.noSerializable.Store(true)
	if strings.Contains(text, "kine") {
		a.isKine.Store(true)
	}
	return true
}

// transact carries out a transaction of nothing but reads one by one, at one revision. Any
// other one needs a form that kine knows.
func (a *Adapter) transact(req *pb.TxnRequest, reply any, send, get call) error {
	resp, ok := reply.(*pb.TxnResponse)
	if ranges := readsOf(req); ok && ranges != nil {
		return a.readEach(ranges, resp, get)
	}
	if len(req.Compare) == 0 { // in none of the forms
		return ErrTxn
	}
	err := send(req, reply)
	if status.Code(err) == codes.InvalidArgument && strings.Contains(status.Convert(err).Message(), "unsupported operations in txn") {
		return ErrTxn
	}
	return err
}

func (a *Adapter) readEach(ranges []*pb.RangeRequest, resp *pb.TxnResponse, get call) error {
	resp.Succeeded = true
	for _, r := range ranges {
		if r = a.adapt(r); r.Revision == 0 {
			r.Revision = resp.GetHeader().GetRevision()
		}
		one := &pb.RangeResponse{}
		if err := get(r, one); err != nil {
			return err
		}
		if resp.Header == nil {
			resp.Header = one.Header
		}
		resp.Responses = append(resp.Responses, &pb.ResponseOp{Response: &pb.ResponseOp_ResponseRange{ResponseRange: one}})
	}
	return nil
}

// readsOf returns the reads of a transaction that has no conditions and does nothing else.
func readsOf(req *pb.TxnRequest) (ranges []*pb.RangeRequest) {
	if len(req.Compare) > 0 || len(req.Failure) > 0 {
		return nil
	}
	for _, op := range req.Success {
		r := op.GetRequestRange()
		if r == nil {
			return nil
		}
		ranges = append(ranges, r)
	}
	return ranges
}
