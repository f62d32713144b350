package rwlock

import (
	"context"
	"errors"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/connectivity"

	"etcd-lock/internal/backoff"
)

// trust is for how long a watch is believed without a read.
const trust = 15 * time.Second

// doubt returns a channel that closes when the watches that a client has open on a stream may
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
// retired. Then, and after that while, end is called: a watch in doubt that waits for a
// connection goes on waiting until then.
func doubt(ctx context.Context, client *clientv3.Client, stream *watchStream, end func()) <-chan struct{} {
	c := make(chan struct{})
	conn := client.ActiveConnection()
	ctx, cancel := context.WithTimeout(ctx, backoff.Jitter(trust))
	stop := context.AfterFunc(stream.ctx, cancel)
	go func() {
		defer end()
		defer cancel()
		defer stop()
		if conn != nil { // a client without one is a test's
			conn.WaitForStateChange(ctx, connectivity.Ready)
		} else {
			<-ctx.Done()
		}
		close(c)
		<-ctx.Done()
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

// errInDoubt is the error of a watch that may have missed something without saying so: see
// doubt.
var errInDoubt = errors.New("watch is in doubt")

// trustedWatch is a watch that ends when it is in doubt.
type trustedWatch struct {
	client  *clientv3.Client
	streams *watchStreams
	stream  *watchStream
	ctx     context.Context
	watch   context.Context // of the watch itself: it ends after a while too
	end     func()
	doubt   <-chan struct{} // closes when the watch is in doubt
	events  clientv3.WatchChan
}

// newTrustedWatch returns a watch that is to be opened. What makes it doubtful from now on
// counts. The caller must call end.
func newTrustedWatch(ctx context.Context, client *clientv3.Client) *trustedWatch {
	w := &trustedWatch{client: client, streams: &stateOf(client).watches}
	w.stream = w.streams.join()
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(w.stream.context(ctx)))
	w.ctx, w.end = ctx, func() {
		cancel()
		w.streams.leave(w.stream)
	}
	watch, endWatch := context.WithCancel(ctx)
	w.watch = watch
	w.doubt = doubt(ctx, client, w.stream, endWatch)
	return w
}

// answered calls read, whose context does not end with ctx but cleanupWait later, and returns
// the error of ctx if that has ended meanwhile. Many holds end while a read for them is under
// way. It is soon answered, but if it were cancelled, etcd's client would log a warning.
func answered(ctx context.Context, read func(context.Context) error) error {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(cleanupWait, cancel) })()
	err := read(late)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// open opens the watch. etcd serves it at once only if it starts at the current revision;
// one that starts in the past waits for a loop that runs ten times a second. So it starts
// "now", and the first response has the revision at which it does.
//
// A stream of etcd's client can hang for ever, and so does opening a watch on it: after etcd has
// refused a watch, such as one by a login that has ended, and its connection has broken
// before the client was done with that one. So a watch that is not open after a while is given
// up, and the next one is opened on a fresh stream.
func (w *trustedWatch) open(key string, opts ...clientv3.OpOption) {
	w.events = stateOf(w.client).watcher(w.client).Watch(w.watch, key, append(opts, clientv3.WithCreatedNotify())...)
	if w.ctx.Err() == nil && w.watch.Err() != nil {
		w.streams.broke(w.stream)
	}
}

// next returns the next response, or why there are no more: errInDoubt, the end of the
// context, or an error of etcd's. After errWatchEnded too, the leader has to be read: the
// next stream may lead to other data.
func (w *trustedWatch) next() (clientv3.WatchResponse, error) {
	var resp clientv3.WatchResponse
	select {
	case resp = <-w.events:
	case <-w.doubt:
	}
	if w.ctx.Err() != nil {
		return resp, w.ctx.Err()
	}
	if isClosed(w.doubt) { // also when a response came at the same time
		return resp, errInDoubt
	}
	err := watchError(resp)
	if errors.Is(err, errWatchEnded) {
		w.streams.broke(w.stream)
	}
	return resp, err
}
