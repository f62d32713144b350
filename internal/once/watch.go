package once

import (
	"context"
	"reflect"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Watcher returns the client's Watcher, except that it does not resume watches: they end
// when their stream does. The etcd that the client is connected to afterwards can have
// other data, such as a backup that was restored in place, and then sends the events of
// those as if they followed the ones before.
//
// It is nil where the caller has put a Watcher in place of the client's own, to keep keys
// in a namespace for example.
func Watcher(client *clientv3.Client) clientv3.Watcher {
	if client.ActiveConnection() == nil || !sameMake(client.Watcher, clientv3.NewWatcher(client)) {
		return nil
	}
	return clientv3.NewWatchFromWatchClient(&watchClient{WatchClient: pb.NewWatchClient(client.ActiveConnection())}, client)
}

// sameMake reports whether two values are made of the same types, as sender sees them.
func sameMake(made, plain any) bool {
	a, b := reflect.ValueOf(made), reflect.ValueOf(plain)
	return a.IsValid() && a.Type() == b.Type() && sender(a) != nil && sender(a) == sender(b)
}

// watchClient opens each stream once. The client opens a stream again with the context
// that it had.
type watchClient struct {
	pb.WatchClient
	opened sync.Map // by context
}

// Watch opens a stream. Its error is one that the client does not retry.
func (c *watchClient) Watch(ctx context.Context, opts ...grpc.CallOption) (pb.Watch_WatchClient, error) {
	if _, again := c.opened.Load(ctx); again {
		return nil, status.Error(codes.Aborted, "once: the stream of the watch has ended")
	}
	stream, err := c.WatchClient.Watch(ctx, opts...)
	if err == nil {
		c.opened.Store(ctx, true)
		context.AfterFunc(ctx, func() { c.opened.Delete(ctx) })
	}
	return stream, err
}
