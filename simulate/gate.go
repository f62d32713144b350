package simulate

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc"
)

// errCrashed is what a crashed client's calls return.
var errCrashed = errors.New("simulate: the client has crashed")

// gate stands between a client and its connection. While it is shut, the client
// is like a stopped process: it sends nothing and hears nothing, and its clocks
// do not count, for nobody reads them.
type gate struct {
	mu      sync.Mutex
	opened  chan struct{} // closed while the gate is open
	crashed bool
}

func newGate() *gate {
	g := &gate{opened: make(chan struct{})}
	close(g.opened)
	return g
}

// options are what the client's connection is dialled with.
func (g *gate) options() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithChainUnaryInterceptor(g.unary), grpc.WithChainStreamInterceptor(g.stream)}
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.opened:
	default:
		close(g.opened)
	}
}

// crash lets nothing through any more.
func (g *gate) crash() {
	g.mu.Lock()
	g.crashed = true
	g.mu.Unlock()
	g.open()
}

// pass waits for as long as the gate is shut, whatever becomes of contexts.
func (g *gate) pass() error {
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	<-opened
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.crashed {
		return errCrashed
	}
	return nil
}

func (g *gate) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if err := g.pass(); err != nil {
		return err
	}
	err := invoke(ctx, method, req, reply, cc, opts...)
	if crashed := g.pass(); crashed != nil {
		return crashed
	}
	return err
}

func (g *gate) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if err := g.pass(); err != nil {
		return nil, err
	}
	s, err := open(ctx, desc, cc, method, opts...)
	if err != nil {
		return nil, err
	}
	return gatedStream{ClientStream: s, gate: g}, nil
}

// gatedStream is a stream whose messages go through the gate.
type gatedStream struct {
	grpc.ClientStream
	gate *gate
}

// SendMsg sends when the gate is open.
func (s gatedStream) SendMsg(m any) error {
	if err := s.gate.pass(); err != nil {
		return err
	}
	return s.ClientStream.SendMsg(m)
}

// RecvMsg tells of a message when the gate is open.
func (s gatedStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if crashed := s.gate.pass(); crashed != nil {
		return crashed
	}
	return err
}
