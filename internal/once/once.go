// Package once sends writes to etcd at most once, and opens the streams of watches once.
//
// When the reply to a write is lost with DeadlineExceeded or Canceled while the
// caller's context is alive, as a proxy's timeout or a reset stream loses it,
// etcd's client sends the write again by itself and returns the reply to the
// last copy only. The first copy may have been carried out: then a transaction
// finds its own key in the way, and a delete finds nothing to delete. A lock has
// to know which of its writes are in doubt, so it sends each one once and decides
// itself what to send next.
//
// A middleman can still make copies: etcd's own gRPC proxy uses the same client.
// So a write that leaves a key must also recognize that key as its own.
package once

import (
	"context"
	"reflect"
	"slices"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// KV returns the client's KV, except that it sends transactions and deletes at
// most once: one whose reply is lost returns DeadlineExceeded or Canceled as a
// gRPC status although its context has not ended. The client still repeats what
// etcd did not carry out: requests refused for an outdated login, or sent to a
// learner.
//
// A KV that the caller has put in place of the client's own, to keep keys in a
// namespace for example, is returned as it is.
func KV(client *clientv3.Client) clientv3.KV {
	if !isPlain(client) {
		return client.KV
	}
	return clientv3.NewKVFromKVClient(kvClient{clientv3.RetryKVClient(client)}, client)
}

// isPlain reports whether client.KV is the one that clientv3.New gave it, which
// sends requests over the client's connection as they are. Only what it is made
// of tells it from one made by clientv3.NewKVFromKVClient for something else,
// such as a server in the same process.
func isPlain(client *clientv3.Client) bool {
	return client.ActiveConnection() != nil && sameMake(client.KV, clientv3.NewKV(client))
}

// sender is the type that a client's KV or Watcher sends requests by. It is nil when etcd's client is
// no longer made as it was, so that KV changes nothing then.
func sender(made reflect.Value) reflect.Type {
	field := reflect.Indirect(made).FieldByName("remote")
	if !field.IsValid() || field.Kind() != reflect.Interface || field.IsNil() {
		return nil
	}
	return field.Elem().Type()
}

// kvClient ends the context of a write with its first lost reply, which is what
// the client looks at before it sends again.
type kvClient struct{ pb.KVClient }

// Txn sends a transaction.
func (c kvClient) Txn(ctx context.Context, req *pb.TxnRequest, opts ...grpc.CallOption) (*pb.TxnResponse, error) {
	ctx, opt, cancel := once(ctx)
	defer cancel()
	return c.KVClient.Txn(ctx, req, append(slices.Clip(opts), opt)...)
}

// DeleteRange sends a delete.
func (c kvClient) DeleteRange(ctx context.Context, req *pb.DeleteRangeRequest, opts ...grpc.CallOption) (*pb.DeleteRangeResponse, error) {
	ctx, opt, cancel := once(ctx)
	defer cancel()
	return c.KVClient.DeleteRange(ctx, req, append(slices.Clip(opts), opt)...)
}

func once(ctx context.Context) (context.Context, grpc.CallOption, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	return ctx, grpc.OnFinish(func(err error) {
		if code := status.Code(err); code == codes.DeadlineExceeded || code == codes.Canceled {
			cancel()
		}
	}), cancel
}
