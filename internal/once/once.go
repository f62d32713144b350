// Package once sends writes to etcd at most once.
//
// When the reply to a write is lost with DeadlineExceeded or Canceled while the
// caller's context lives, as a proxy's timeout or a load balancer's stream reset
// makes it, etcd's client sends the write again by itself and returns the reply
// to the second one only. The first may have been carried out: then a
// transaction finds its own key in the way, and a delete finds nothing to
// delete. A lock has to know which of its writes are in doubt, so it sends each
// one once and decides itself what to send next.
package once

import (
	"context"
	"reflect"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// KV returns the client's KV, whose transactions and deletes are sent at most
// once: one whose reply is lost returns DeadlineExceeded or Canceled as a gRPC
// status, although its context has not ended. The client still repeats what etcd did not carry
// out: requests refused for an outdated login, or sent to a learner.
//
// A KV that the caller has put in the place of the client's own, to have keys in
// a namespace for example, is returned as it is.
func KV(client *clientv3.Client) clientv3.KV {
	own := clientv3.NewKVFromKVClient(kvClient{clientv3.RetryKVClient(client)}, client)
	if reflect.TypeOf(client.KV) != reflect.TypeOf(own) {
		return client.KV
	}
	return own
}

// kvClient ends the context of a write with its first lost reply, which is what
// the client looks at before it sends again.
type kvClient struct{ pb.KVClient }

// Txn sends a transaction.
func (c kvClient) Txn(ctx context.Context, req *pb.TxnRequest, opts ...grpc.CallOption) (*pb.TxnResponse, error) {
	ctx, opt, cancel := once(ctx)
	defer cancel()
	return c.KVClient.Txn(ctx, req, append(opts, opt)...)
}

// DeleteRange sends a delete.
func (c kvClient) DeleteRange(ctx context.Context, req *pb.DeleteRangeRequest, opts ...grpc.CallOption) (*pb.DeleteRangeResponse, error) {
	ctx, opt, cancel := once(ctx)
	defer cancel()
	return c.KVClient.DeleteRange(ctx, req, append(opts, opt)...)
}

func once(ctx context.Context) (context.Context, grpc.CallOption, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	return ctx, grpc.OnFinish(func(err error) {
		if code := status.Code(err); code == codes.DeadlineExceeded || code == codes.Canceled {
			cancel()
		}
	}), cancel
}
