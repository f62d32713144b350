package simetcd

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Link is the network between a client and the cluster.
//
// Its faults end by themselves; one that is begun while another one of its kind lasts
// goes on until the later end.
type Link struct {
	*Cluster
	number uint64
	wires  []*wire // the connections; a client can have others for a while, to ask a member how it is
	calls  []*call
	pipes  []*pipe
	last   time.Time // of the last choice
	chosen []subject // what the choices at that time were about

	cut    time.Time // there is no connection until then
	frozen time.Time // nothing passes until then
	stale  time.Time // no renewal passes until then
	slow   time.Time // what passes until then takes up to slowBy
	slowBy time.Duration
	lossy  time.Time // until then, some calls are lost
	losses int       // how many of a hundred
}

// Client returns a client of the cluster with a link of its own. The caller closes it.
func (c *Cluster) Client() (*clientv3.Client, *Link, error) {
	c.mu.Lock()
	l := &Link{Cluster: c, number: uint64(len(c.links) + 1)}
	c.links = append(c.links, l)
	c.mu.Unlock()
	client, err := clientv3.New(clientv3.Config{
		Endpoints:             []string{"http://simulated:2379"},
		Logger:                zap.NewNop(),
		BackoffJitterFraction: 1e-30, // none: 0 would be the default
		DialOptions: []grpc.DialOption{
			grpc.WithContextDialer(l.dial),
			grpc.WithIdleTimeout(0),
			grpc.WithReadBufferSize(0), // for a connection on which nothing is sent
			grpc.WithWriteBufferSize(0),
			grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{
				BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, MaxDelay: 3 * time.Second,
			}}),
			grpc.WithChainUnaryInterceptor(l.unary),
			grpc.WithChainStreamInterceptor(l.stream),
		},
	})
	return client, l, err
}

// dice returns the die for a choice of the link.
func (l *Link) dice(kind string, about subject) *die {
	about = about.with([]byte(kind))
	if now := time.Now(); !now.Equal(l.last) {
		l.last, l.chosen = now, l.chosen[:0]
	}
	nth := 1
	for _, other := range l.chosen {
		if other == about {
			nth++
		}
	}
	l.chosen = append(l.chosen, about)
	return diceOf(l.opts.Seed, kind, l.number^uint64(about), nth)
}

// delay returns how long a message takes from here.
func (l *Link) delay(kind string, about subject) time.Duration {
	if l.opts.Instant {
		return 0
	}
	now, limit := time.Now(), 2*time.Millisecond
	if now.Before(l.slow) {
		limit = l.slowBy
	}
	return max(l.frozen.Sub(now), 0) + l.dice(kind, about).upTo(limit)
}

// connect returns when there is a connection, or the error that gRPC has for calls
// without one.
func (l *Link) connect(ctx context.Context, cc *grpc.ClientConn) error {
	for {
		switch state := cc.GetState(); state {
		case connectivity.Ready:
			l.mu.Lock()
			defer l.mu.Unlock()
			if len(l.wires) == 0 {
				return errStopped
			}
			return nil
		case connectivity.TransientFailure:
			return status.Error(codes.Unavailable, "connection error: the network is down")
		case connectivity.Shutdown:
			return errClosing
		default:
			cc.Connect()
			if !cc.WaitForStateChange(ctx, state) {
				return status.FromContextError(ctx.Err()).Err()
			}
		}
	}
}

var errClosing = status.Error(codes.Canceled, "grpc: the client connection is closing")

// member returns the member that a call or a stream goes to: one that runs, if any does.
func (l *Link) member(about subject) *member {
	var up []*member
	for _, m := range l.members {
		if !time.Now().Before(m.down) {
			up = append(up, m)
		}
	}
	if len(up) == 0 || l.opts.Instant {
		return l.members[0]
	}
	return up[l.dice("member", about).next()%uint64(len(up))]
}

// call is a unary call that is under way.
type call struct {
	done chan answer
	at   *member // nil until the request arrives
}

type answer struct {
	resp proto.Message
	err  error
}

// finish gives the call its answer, unless it has one. The caller holds the lock.
func (l *Link) finish(c *call, resp proto.Message, err error) {
	l.calls = slices.DeleteFunc(l.calls, func(other *call) bool { return other == c })
	select {
	case c.done <- answer{resp, err}:
	default:
	}
}

// unary is an interceptor that hands calls to the cluster.
func (l *Link) unary(ctx context.Context, _ string, req, resp any, cc *grpc.ClientConn, _ grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := l.roundTrip(ctx, req, resp.(proto.Message), cc)
	for _, o := range opts {
		if finish, ok := o.(grpc.OnFinishCallOption); ok {
			finish.OnFinish(err)
		}
	}
	return err
}

func (l *Link) roundTrip(ctx context.Context, req any, resp proto.Message, cc *grpc.ClientConn) error {
	if err := l.connect(ctx, cc); err != nil {
		return err
	}
	l.mu.Lock()
	c := &call{done: make(chan answer, 1)}
	l.calls = append(l.calls, c)
	l.start(c, req)
	l.mu.Unlock()
	select {
	case a := <-c.done:
		if a.err == nil {
			proto.Merge(resp, a.resp)
		}
		return a.err
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		l.finish(c, nil, nil)
		return status.FromContextError(ctx.Err()).Err()
	}
}

// start sends a request, once or as often as the network does.
func (l *Link) start(c *call, req any) {
	fate := l.fate(req)
	if fate.request != nil {
		l.stats.Faults++
		l.after(l.delay("loss", subjectOf(req)), func() { l.finish(c, nil, fate.request) })
		return
	}
	if fate.copied { // the reply to the first copy is lost, as when a proxy sends a request again
		l.stats.Faults++
		l.send(&call{done: make(chan answer, 1)}, req, fate)
		fate.late = fate.copyAfter
	}
	l.send(c, req, fate)
}

func (l *Link) send(c *call, req any, f fate) {
	about := subjectOf(req)
	l.after(l.delay("request", about)+f.late, func() {
		c.at = l.member(about)
		c.at.serve(req, func(resp proto.Message, err error) {
			if f.reply != nil {
				l.stats.Faults++
				resp, err = nil, f.reply
			}
			l.after(l.delay("reply", about), func() { l.finish(c, resp, err) })
		})
	})
}

// fate is what becomes of a call.
type fate struct {
	request   error // the request is lost, and the client gets this
	reply     error // the reply is lost, and the client gets this
	late      time.Duration
	copied    bool // the request arrives twice, and the client gets the second reply
	copyAfter time.Duration
}

// lostReplies are the errors that a client gets for a call that may have been carried out.
var lostReplies = []error{
	errStopped,
	status.Error(codes.Unknown, "the reply was lost"),
	status.Error(codes.DeadlineExceeded, "the reply was lost"),
	status.Error(codes.Canceled, "the reply was lost"),
	status.Error(codes.Internal, "stream terminated by RST_STREAM with error code: INTERNAL_ERROR"),
	status.Error(codes.Unavailable, "etcdserver: request timed out"),
}

func (l *Link) fate(req any) fate {
	if !time.Now().Before(l.lossy) {
		return fate{}
	}
	d := l.dice("fate", subjectOf(req))
	if !d.percent(l.losses) {
		return fate{}
	}
	err := lostReplies[d.next()%uint64(len(lostReplies))]
	switch d.next() % 4 {
	case 0:
		return fate{request: err}
	case 1:
		return fate{late: d.upTo(3 * time.Second)}
	case 2:
		if _, isTxn := req.(*pb.TxnRequest); isTxn {
			return fate{copied: true, copyAfter: d.upTo(2 * time.Second)}
		}
	}
	return fate{reply: err}
}

// wire is the connection that gRPC has: it greets as a server does, and then says nothing.
type wire struct {
	link    *Link
	greeted bool
	closed  chan struct{}
}

// dial opens a connection.
func (l *Link) dial(context.Context, string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().Before(l.cut) {
		return nil, errors.New("the network is down")
	}
	w := &wire{link: l, closed: make(chan struct{})}
	l.wires = append(l.wires, w)
	return w, nil
}

// Read reads an empty SETTINGS frame of HTTP/2, and then waits for the end.
func (w *wire) Read(p []byte) (int, error) {
	if !w.greeted {
		w.greeted = true
		return copy(p, []byte{0, 0, 0, 4, 0, 0, 0, 0, 0}), nil
	}
	<-w.closed
	return 0, net.ErrClosed
}

func (w *wire) Write(p []byte) (int, error) { return len(p), nil }

// Close ends the connection, and with the last one all calls and streams.
func (w *wire) Close() error {
	w.link.mu.Lock()
	defer w.link.mu.Unlock()
	w.shut(errClosing)
	return nil
}

// shut is Close with the error of calls and streams. The caller holds the lock.
func (w *wire) shut(err error) {
	i := slices.Index(w.link.wires, w)
	if i < 0 {
		return
	}
	w.link.wires = slices.Delete(w.link.wires, i, i+1)
	close(w.closed)
	if len(w.link.wires) > 0 {
		return
	}
	for _, c := range slices.Clone(w.link.calls) {
		w.link.finish(c, nil, err)
	}
	for _, p := range slices.Clone(w.link.pipes) {
		p.fail(err)
	}
}

// LocalAddr is part of net.Conn.
func (*wire) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr is part of net.Conn.
func (*wire) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// SetDeadline is part of net.Conn.
func (*wire) SetDeadline(time.Time) error { return nil }

// SetReadDeadline is part of net.Conn.
func (*wire) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is part of net.Conn.
func (*wire) SetWriteDeadline(time.Time) error { return nil }
