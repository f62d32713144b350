package rwlock

import (
	"context"
	"math/rand/v2"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/connectivity"
)

// trust is for how long a watch is believed without a read.
const trust = 15 * time.Second

// doubt returns a channel that closes when the watches that a client has open on a stream may
// say nothing although something has happened: they have to be opened again, and the
// keys read from the leader.
//
// That is after all connections of the client were lost, because the etcd that it is
// connected to afterwards can have other data: a backup, restored in place. The client
// resumes its watches there at revisions of the future, and etcd says nothing until it
// gets to them, and never that the keys are gone. And it is after a while, because a
// proxy can keep open a watch whose etcd it has lost.
//
// The channel closes with ctx as well, and when the stream that the watches are on is
// retired.
func doubt(ctx context.Context, client *clientv3.Client, stream *watchStream) <-chan struct{} {
	c := make(chan struct{})
	conn := client.ActiveConnection()
	ctx, cancel := context.WithTimeout(ctx, trust-trust/4+rand.N(trust/2))
	stop := context.AfterFunc(stream.ctx, cancel)
	go func() {
		defer close(c)
		defer cancel()
		defer stop()
		if conn != nil { // a client without one is a test's
			conn.WaitForStateChange(ctx, connectivity.Ready)
		} else {
			<-ctx.Done()
		}
	}()
	return c
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
