package inspect

import (
	"context"
	"errors"
	"sync/atomic"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// errStreamLost says that the connection of a watch was lost.
var errStreamLost = errors.New("inspect: the watch lost its connection")

// oneStream keeps etcd's client from resuming a watch by itself after its connection was
// lost. The etcd that it is connected to afterwards can have other data, and does not
// say so.
type oneStream struct {
	pb.WatchClient
	opened atomic.Bool
	lost   func() // is called instead of opening the stream again
}

// newOneStreamWatcher returns a watcher of one stream.
func newOneStreamWatcher(client *clientv3.Client, lost func()) clientv3.Watcher {
	return clientv3.NewWatchFromWatchClient(&oneStream{WatchClient: pb.NewWatchClient(client.ActiveConnection()), lost: lost}, client)
}

// Watch implements pb.WatchClient. Its error is one that the client does not retry.
func (s *oneStream) Watch(ctx context.Context, opts ...grpc.CallOption) (pb.Watch_WatchClient, error) {
	if s.opened.Swap(true) {
		s.lost()
		return nil, status.Error(codes.Aborted, errStreamLost.Error())
	}
	return s.WatchClient.Watch(ctx, opts...)
}
