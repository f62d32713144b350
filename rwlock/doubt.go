package rwlock

import (
	"context"
	"time"

	"google.golang.org/grpc/connectivity"

	"etcd-lock/internal/backoff"
)

// trust is for how long a watch is believed without a read.
const trust = 15 * time.Second

// doubt returns a channel that closes when the watches that the request has open may
// say nothing although something has happened: they have to be opened again, and the
// keys read from the leader.
//
// That is after all connections of the client were lost, because the etcd that it is
// connected to afterwards can have other data: a backup, restored in place. A watcher
// that the caller has put in place of the client's own resumes its watches there at
// revisions of the future, and etcd says nothing until it gets to them, and never that the
// keys are gone. The client's own watches end, see once.Watcher: only so is it certain
// that no event of the other data is taken for one of theirs. And it is after a while,
// because a proxy can keep open a watch whose etcd it has lost.
//
// The channel closes with ctx as well, and when the stream that the watches are on is
// retired.
func (r *request) doubt(ctx context.Context, stream *watchStream) <-chan struct{} {
	c := make(chan struct{})
	conn := r.session.Client().ActiveConnection()
	ctx, cancel := context.WithTimeout(ctx, backoff.Jitter(trust))
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
