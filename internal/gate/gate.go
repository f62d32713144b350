// Package gate pauses and crashes etcd clients as if their process had been
// stopped or killed.
package gate

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc"
)

// ErrCrashed is returned by every call of a crashed client.
var ErrCrashed = errors.New("the client has crashed")

// Gate sits between a client and its connection. While it is shut, the client
// behaves like a stopped process: it sends nothing and receives nothing, and its
// timeouts take effect only once the gate opens.
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

// Options returns the options to dial the client's connection with.
func (g *Gate) Options() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithChainUnaryInterceptor(g.unary), grpc.WithChainStreamInterceptor(g.stream)}
}

// Shut blocks all messages until Open. It has no effect on a crashed client.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.opened:
		if !g.crashed {
			g.opened = make(chan struct{})
		}
	default: // already shut; calls are waiting on this channel
	}
}

// Open lets waiting and new messages through.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.opened:
	default:
		close(g.opened)
	}
}

// Crash makes every waiting and future call fail with ErrCrashed.
func (g *Gate) Crash() {
	g.mu.Lock()
	g.crashed = true
	g.mu.Unlock()
	g.Open()
}

// Pass blocks while the gate is shut, regardless of any context: a stopped
// process does not notice its deadlines. It returns ErrCrashed after Crash.
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

// gatedStream is a stream whose messages pass the gate.
type gatedStream struct {
	grpc.ClientStream
	gate *Gate
}

// SendMsg sends m once the gate is open.
func (s gatedStream) SendMsg(m any) error {
	if err := s.gate.Pass(); err != nil {
		return err
	}
	return s.ClientStream.SendMsg(m)
}

// RecvMsg returns a received message once the gate is open.
func (s gatedStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if crashed := s.gate.Pass(); crashed != nil {
		return crashed
	}
	return err
}
