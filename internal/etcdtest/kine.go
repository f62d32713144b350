package etcdtest

import (
	"context"
	"errors"
	"io"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// StartKine runs a server before a member until the test ends, and returns its address. It
// refuses what kine 0.17.5 refuses, and answers as that does: without members, terms and
// versions of keys, with TTLs as leases.
func StartKine(tb testing.TB, endpoint string) string {
	tb.Helper()
	client := Client(tb, endpoint)
	conn := client.ActiveConnection()
	server := grpc.NewServer()
	pb.RegisterKVServer(server, kineKV{kv: pb.NewKVClient(conn), lease: pb.NewLeaseClient(conn)})
	pb.RegisterWatchServer(server, kineWatch{watch: pb.NewWatchClient(conn)})
	pb.RegisterLeaseServer(server, kineLease{})
	pb.RegisterClusterServer(server, kineCluster{})
	pb.RegisterMaintenanceServer(server, kineMaintenance{})
	healthpb.RegisterHealthServer(server, health.NewServer())
	endpoint, stop := serve(tb, "127.0.0.1:0", server)
	tb.Cleanup(stop)
	return endpoint
}

// notByKine is the error for a field of a request that kine does not take.
func notByKine(field string) error {
	return status.Error(codes.Unimplemented, field+" is not implemented by kine")
}

// ofKine has what kine says of keys, and of itself in headers.
func ofKine(header *pb.ResponseHeader, kvs ...*mvccpb.KeyValue) *pb.ResponseHeader {
	for _, kv := range kvs {
		if kv != nil {
			kv.Version = 0
		}
	}
	return &pb.ResponseHeader{Revision: header.GetRevision()}
}

type kineKV struct {
	pb.UnimplementedKVServer
	kv    pb.KVClient
	lease pb.LeaseClient
}

func (k kineKV) Range(ctx context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	switch end := string(r.RangeEnd); {
	case r.Serializable:
		return nil, notByKine("serializable")
	case r.SortOrder != 0:
		return nil, notByKine("sortOrder")
	case r.MinModRevision+r.MaxModRevision+r.MinCreateRevision+r.MaxCreateRevision != 0:
		return nil, notByKine("minModRevision")
	case end == "\x00" && (string(r.Key) != "\x00" || r.Revision != 0): // for kine an end as others
		r.RangeEnd = []byte("\x01")
	}
	limit := r.Limit
	if string(r.RangeEnd) == "\x00" { // it takes no limit then, and thinks that it has read one more
		r.Limit = 0
	}
	resp, err := k.kv.Range(ctx, r)
	if err != nil {
		return nil, err
	}
	if n := len(resp.Kvs); r.Limit != limit && int64(n) > limit {
		resp.Kvs, resp.More = resp.Kvs[:n-1], true
	}
	resp.Header = ofKine(resp.Header, resp.Kvs...)
	return resp, nil
}

// Put grants the lease that a key is on, whose ID is its TTL.
func (k kineKV) Put(ctx context.Context, r *pb.PutRequest) (*pb.PutResponse, error) {
	if r.Lease != 0 {
		_, _ = k.lease.LeaseGrant(ctx, &pb.LeaseGrantRequest{ID: r.Lease, TTL: r.Lease}) // it may be there
	}
	resp, err := k.kv.Put(ctx, r)
	if err != nil {
		return nil, err
	}
	resp.Header = ofKine(resp.Header, resp.PrevKv)
	return resp, nil
}

func (kineKV) DeleteRange(context.Context, *pb.DeleteRangeRequest) (*pb.DeleteRangeResponse, error) {
	return nil, notByKine("delete")
}

// Txn carries out what Kubernetes sends: one comparison, one write, and one read if it
// fails.
func (k kineKV) Txn(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	one := len(r.Compare) == 1 && r.Compare[0].Target == pb.Compare_MOD && len(r.Success) == 1 && len(r.Failure) <= 1
	if !one || r.Success[0].GetRequestRange() != nil || r.Success[0].GetRequestTxn() != nil {
		return nil, status.Error(codes.InvalidArgument, "etcdserver: unsupported operations in txn request")
	}
	resp, err := k.kv.Txn(ctx, r)
	if err != nil {
		return nil, err
	}
	resp.Header = ofKine(resp.Header)
	return resp, nil
}

type kineWatch struct {
	pb.UnimplementedWatchServer
	watch pb.WatchClient
}

// Watch passes on everything but requests for progress, which kine does not answer before
// a key of the watch is written.
func (k kineWatch) Watch(down pb.Watch_WatchServer) error {
	up, err := k.watch.Watch(down.Context())
	if err != nil {
		return err
	}
	go func() {
		for {
			req, err := down.Recv()
			if err != nil {
				_ = up.CloseSend()
				return
			}
			if req.GetProgressRequest() == nil {
				_ = up.Send(req)
			}
		}
	}()
	for {
		resp, err := up.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, e := range resp.Events {
			_ = ofKine(nil, e.Kv, e.PrevKv)
		}
		resp.Header = ofKine(resp.Header)
		if err := down.Send(resp); err != nil {
			return err
		}
	}
}

type kineLease struct{ pb.UnimplementedLeaseServer }

func (kineLease) LeaseGrant(_ context.Context, r *pb.LeaseGrantRequest) (*pb.LeaseGrantResponse, error) {
	return &pb.LeaseGrantResponse{Header: &pb.ResponseHeader{}, ID: r.TTL, TTL: r.TTL}, nil
}

func (kineLease) LeaseRevoke(context.Context, *pb.LeaseRevokeRequest) (*pb.LeaseRevokeResponse, error) {
	return nil, errors.New("lease revoke is not supported")
}

func (kineLease) LeaseKeepAlive(pb.Lease_LeaseKeepAliveServer) error {
	return errors.New("lease keep alive is not supported")
}

func (kineLease) LeaseTimeToLive(context.Context, *pb.LeaseTimeToLiveRequest) (*pb.LeaseTimeToLiveResponse, error) {
	return nil, errors.New("lease time to live is not supported")
}

type kineCluster struct{ pb.UnimplementedClusterServer }

func (kineCluster) MemberList(context.Context, *pb.MemberListRequest) (*pb.MemberListResponse, error) {
	return &pb.MemberListResponse{Header: &pb.ResponseHeader{}, Members: []*pb.Member{{Name: "kine"}}}, nil
}

type kineMaintenance struct {
	pb.UnimplementedMaintenanceServer
}

// Status has the version of etcd that kine emulates.
func (kineMaintenance) Status(context.Context, *pb.StatusRequest) (*pb.StatusResponse, error) {
	return &pb.StatusResponse{Header: &pb.ResponseHeader{}, Version: "3.6.11"}, nil
}
