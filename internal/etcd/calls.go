package etcd

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// calls knows the calls of a connection, and the address that serves each, so that those
// at a member that is left out can be ended. gRPC only begins no new ones there: a read
// or a watch on a member that hangs would hang until the keep-alive gives it up.
type calls struct {
	conn atomic.Pointer[grpc.ClientConn] // nil: none is followed yet

	mu      sync.Mutex
	pending map[*call]struct{}
	left    map[string]bool // addresses of members that are left out
}

// call is a call or a stream.
type call struct {
	cancel context.CancelFunc
	left   atomic.Bool // it was ended because its member is left out
	addr   string      // that serves it; guarded by calls.mu
}

func newCalls() *calls { return &calls{pending: map[*call]struct{}{}} }

// follow begins to follow the calls of a connection.
func (c *calls) follow(conn *grpc.ClientConn) { c.conn.Store(conn) }

// follows reports whether the calls of a connection are followed. Those on others, as to
// one member, are for their callers to end.
func (c *calls) follows(conn *grpc.ClientConn) bool { return conn == c.conn.Load() }

// leave ends the calls at these addresses, and those that reach them later.
func (c *calls) leave(addrs map[string]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = addrs
	for p := range c.pending {
		c.endIfLeft(p)
	}
}

func (c *calls) endIfLeft(p *call) {
	if c.left[p.addr] {
		p.left.Store(true)
		p.cancel()
	}
}

// callKey is the key of a call in its context.
type callKey struct{}

// begin notes a call until its context ends.
func (c *calls) begin(ctx context.Context) (context.Context, *call) {
	ctx, cancel := context.WithCancel(ctx)
	p := &call{cancel: cancel}
	c.mu.Lock()
	c.pending[p] = struct{}{}
	c.mu.Unlock()
	context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.pending, p)
	})
	return context.WithValue(ctx, callKey{}, p), p
}

// result returns the error that etcd's client gets for that of a call: if the call was
// ended here, the one for a connection that was lost.
func (p *call) result(err error) error {
	if err != nil && p.left.Load() {
		return status.Error(codes.Unavailable, "etcd: the member of the call hangs or has no leader")
	}
	return err
}

func (c *calls) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if !c.follows(cc) {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	ctx, p := c.begin(ctx)
	defer p.cancel()
	return p.result(invoke(ctx, method, req, reply, cc, opts...))
}

func (c *calls) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if !c.follows(cc) {
		return open(ctx, desc, cc, method, opts...)
	}
	ctx, p := c.begin(ctx)
	s, err := open(ctx, desc, cc, method, opts...)
	if err != nil {
		p.cancel()
		return nil, p.result(err)
	}
	return followed{s, p}, nil
}

// followed is a stream whose call is followed.
type followed struct {
	grpc.ClientStream
	call *call
}

// RecvMsg implements grpc.ClientStream. With its error, the stream has ended.
func (s followed) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err != nil {
		s.call.cancel()
	}
	return s.call.result(err)
}

// TagRPC implements stats.Handler.
func (c *calls) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler. It notes which address serves a call.
func (c *calls) HandleRPC(ctx context.Context, s stats.RPCStats) {
	header, ok := s.(*stats.OutHeader)
	if !ok || header.RemoteAddr == nil {
		return
	}
	if p, ok := ctx.Value(callKey{}).(*call); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		p.addr = header.RemoteAddr.String()
		c.endIfLeft(p)
	}
}

// TagConn implements stats.Handler.
func (c *calls) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (c *calls) HandleConn(context.Context, stats.ConnStats) {}

// addresses returns the addresses of endpoints without those of the ones to except, as
// connections name them. It leaves out endpoints that are not in a network.
func addresses(ctx context.Context, endpoints, except []string) map[string]bool {
	addrs := map[string]bool{}
	for _, endpoint := range endpoints {
		for _, addr := range resolve(ctx, endpoint) {
			addrs[addr] = true
		}
	}
	for _, endpoint := range except {
		for _, addr := range resolve(ctx, endpoint) {
			delete(addrs, addr)
		}
	}
	return addrs
}

// resolve returns the addresses of an endpoint, or none if they are not known.
func resolve(ctx context.Context, endpoint string) (addrs []string) {
	addr, ok := address(endpoint)
	host, port, err := net.SplitHostPort(addr)
	if !ok || err != nil {
		return nil
	}
	hosts, _ := net.DefaultResolver.LookupHost(ctx, host) // what has no address has no calls
	for _, host := range hosts {
		if ip, err := netip.ParseAddr(host); err == nil {
			host = ip.Unmap().String()
		}
		addrs = append(addrs, net.JoinHostPort(host, port))
	}
	return addrs
}
