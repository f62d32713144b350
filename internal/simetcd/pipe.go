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
	about    subject
	up, down lane
	answered time.Time // when the last watch was created
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
	about := subject(time.Now().UnixNano()).with([]byte(method))
	p := &pipe{link: l, ctx: ctx, at: l.member(about), about: about, wake: make(chan struct{}, 1), up: lane{name: "up"}, down: lane{name: "down"}}
	p.needs = slices.Contains(md.Get(rpctypes.MetadataRequireLeaderKey), rpctypes.MetadataHasLeader)
	switch method {
	case pb.Watch_Watch_FullMethodName:
		l.stats.Streams++
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

// lane is one direction of a pipe.
type lane struct {
	name    string
	sent    time.Time // when the last message was sent
	arrives time.Time // when it arrives
	batch   *[]proto.Message
}

// send sends a message. Messages that are sent at one instant arrive at one instant, so
// that it does not matter in which order goroutines that run at the same time send them.
// Etcd's client has no order when it resumes watches: it requests one after the other,
// each when the one before is created. So what follows an answer at once takes no time.
func (p *pipe) send(l *lane, m proto.Message, at func(proto.Message)) {
	now := time.Now()
	arrives := now.Add(p.delay(l, now))
	switch {
	case p.link.opts.Instant:
		at(m)
		return
	case l.batch != nil && (l.sent.Equal(now) || !arrives.After(l.arrives)):
		*l.batch = append(*l.batch, m)
		return
	}
	batch := &[]proto.Message{m}
	l.sent, l.arrives, l.batch = now, arrives, batch
	p.link.after(time.Until(arrives), func() {
		if l.batch == batch {
			l.batch = nil
		}
		for _, m := range *batch {
			if p.err == nil {
				at(m)
			}
		}
	})
}

// delay returns how long a message takes that is sent now.
func (p *pipe) delay(l *lane, now time.Time) time.Duration {
	var wait time.Duration
	if now.After(p.answered) {
		wait = p.link.delay(l.name, p.about)
	}
	if p.renewals {
		wait += max(p.link.stale.Sub(now), 0)
	}
	return wait
}

// deliver sends a message to the client. The caller holds the lock.
func (p *pipe) deliver(m proto.Message) {
	p.send(&p.down, m, func(m proto.Message) {
		if r, ok := m.(*pb.WatchResponse); ok && r.Created {
			p.answered = time.Now()
		}
		p.inbox = append(p.inbox, m)
		p.wakeUp()
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
	p.send(&p.up, message, p.receive)
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
