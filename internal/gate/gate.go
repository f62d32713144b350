// Package gate has clients stand still, or crash, as if their process did.
package gate

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc"
)

// ErrCrashed is what a crashed client's calls return.
var ErrCrashed = errors.New("the client has crashed")

// Gate stands between a client and its connection. While it is shut, the client
// is like a stopped process: it sends nothing and hears nothing, and its clocks
// do not count, for nobody reads them.
type Gate struct {
	mu      sync.Mutex
	opened  chan struct{} // closed while the gate is open
	crashed bool
}

// New returns a gate that is open.
func New() *Gate {
	g := &Gate{opened: make(chan struct{})}
	close(g.opened)
	return g
}

// Options are what the client's connection is dialled with.
func (g *Gate) Options() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithChainUnaryInterceptor(g.unary), grpc.WithChainStreamInterceptor(g.stream)}
}

// Shut lets nothing through until Open. A client that has crashed cannot stand
// still.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.opened:
		if !g.crashed {
			g.opened = make(chan struct{})
		}
	default: // some wait for it to open as it is
	}
}

// Open lets through what has waited and what comes.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.opened:
	default:
		close(g.opened)
	}
}

// Crash lets nothing through any more.
func (g *Gate) Crash() {
	g.mu.Lock()
	g.crashed = true
	g.mu.Unlock()
	g.Open()
}

// Pass waits for as long as the gate is shut, whatever becomes of contexts.
func (g *Gate) Pass() error {
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	<-opened
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.crashed {
		return ErrCrashed
	}
	return nil
}

func (g *Gate) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if err := g.Pass(); err != nil {
		return err
	}
	err := invoke(ctx, method, req, reply, cc, opts...)
	if crashed := g.Pass(); crashed != nil {
		return crashed
	}
	return err
}

func (g *Gate) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if err := g.Pass(); err != nil {
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
	gate *Gate
}

// SendMsg sends when the gate is open.
func (s gatedStream) SendMsg(m any) error {
	if err := s.gate.Pass(); err != nil {
		return err
	}
	return s.ClientStream.SendMsg(m)
}

// RecvMsg tells of a message when the gate is open.
func (s gatedStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if crashed := s.gate.Pass(); crashed != nil {
		return crashed
	}
	return err
}
