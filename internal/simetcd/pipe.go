package simetcd

import (
	"context"
	"io"
	"slices"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// pipe is a stream as the client has it. Messages keep their order in both directions.
type pipe struct {
	link     *Link
	ctx      context.Context
	at       *member
	needs    bool // ends while there is no leader
	renewals bool
	sent     time.Time // when the last message to the server arrives
	received time.Time // when the last message to the client arrives
	inbox    []proto.Message
	err      error
	wake     chan struct{}       // gets a value when there is something for the client
	receive  func(proto.Message) // the server's end
	closed   func()              // the server's end
}

// stream is an interceptor that opens streams to the cluster.
func (l *Link) stream(ctx context.Context, _ *grpc.StreamDesc, cc *grpc.ClientConn, method string, _ grpc.Streamer, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	if err := l.connect(ctx, cc); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	md, _ := metadata.FromOutgoingContext(ctx)
	p := &pipe{link: l, ctx: ctx, at: l.member(), wake: make(chan struct{}, 1)}
	p.needs = slices.Contains(md.Get(rpctypes.MetadataRequireLeaderKey), rpctypes.MetadataHasLeader)
	switch method {
	case pb.Watch_Watch_FullMethodName:
		end := p.at.openWatches(func(r *pb.WatchResponse) { p.deliver(r) })
		p.receive = func(m proto.Message) { end.receive(m.(*pb.WatchRequest)) }
		p.closed = end.close
	case pb.Lease_LeaseKeepAlive_FullMethodName:
		end := &renewals{member: p.at, send: func(r *pb.LeaseKeepAliveResponse) { p.deliver(r) }, fail: func(err error) { p.fail(err) }}
		p.renewals = true
		p.receive = func(m proto.Message) { end.receive(m.(*pb.LeaseKeepAliveRequest)) }
		p.closed = func() { end.closed = true }
	default:
		return nil, status.Error(codes.Unimplemented, "unknown stream of a simulated etcd: "+method)
	}
	l.pipes = append(l.pipes, p)
	switch now := time.Now(); {
	case now.Before(p.at.down):
		p.fail(errStopped)
	case p.needs && now.Before(l.leaderless):
		p.fail(rpctypes.ErrGRPCNoLeader)
	}
	context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		p.fail(status.FromContextError(ctx.Err()).Err())
	})
	return p, nil
}

// arrival returns when a message that is sent now arrives: after the one before.
func (p *pipe) arrival(before *time.Time, kind string) time.Duration {
	wait := p.link.delay(kind)
	if p.renewals {
		wait += max(time.Until(p.link.stale), 0)
	}
	at := time.Now().Add(wait)
	if !at.After(*before) {
		at = before.Add(1)
	}
	*before = at
	return time.Until(at)
}

// deliver sends a message to the client. The caller holds the lock.
func (p *pipe) deliver(m proto.Message) {
	p.link.after(p.arrival(&p.received, "to client"), func() {
		if p.err == nil {
			p.inbox = append(p.inbox, m)
			p.wakeUp()
		}
	})
}

func (p *pipe) wakeUp() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// fail ends the stream, unless it has ended. The caller holds the lock.
func (p *pipe) fail(err error) {
	if p.err != nil {
		return
	}
	p.err = err
	p.closed()
	p.link.pipes = slices.DeleteFunc(p.link.pipes, func(other *pipe) bool { return other == p })
	p.wakeUp()
}

// SendMsg sends a message to the cluster.
func (p *pipe) SendMsg(m any) error {
	p.link.mu.Lock()
	defer p.link.mu.Unlock()
	if p.err != nil {
		return io.EOF // RecvMsg returns the error
	}
	message := clone(m.(proto.Message))
	p.link.after(p.arrival(&p.sent, "to server"), func() {
		if p.err == nil {
			p.receive(message)
		}
	})
	return nil
}

// RecvMsg waits for a message of the cluster.
func (p *pipe) RecvMsg(m any) error {
	for {
		if done, err := p.take(m.(proto.Message)); done {
			return err
		}
		select {
		case <-p.wake:
		case <-p.ctx.Done():
		}
	}
}

func (p *pipe) take(m proto.Message) (done bool, err error) {
	p.link.mu.Lock()
	defer p.link.mu.Unlock()
	switch {
	case p.ctx.Err() != nil:
		return true, status.FromContextError(p.ctx.Err()).Err()
	case len(p.inbox) > 0:
		proto.Merge(m, p.inbox[0])
		p.inbox = p.inbox[1:]
		return true, nil
	default:
		return p.err != nil, p.err
	}
}

// Context is part of grpc.ClientStream.
func (p *pipe) Context() context.Context { return p.ctx }

// CloseSend is part of grpc.ClientStream.
func (p *pipe) CloseSend() error { return nil }

// Header is part of grpc.ClientStream.
func (p *pipe) Header() (metadata.MD, error) { return nil, nil }

// Trailer is part of grpc.ClientStream.
func (p *pipe) Trailer() metadata.MD { return nil }
