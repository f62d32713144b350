package etcdtest

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Middleman is a gRPC proxy in front of a member, such as a load balancer, that
// can lose the reply to a call which the member has carried out.
type Middleman struct {
	Endpoint string // where it listens

	member *grpc.ClientConn
	loss   atomic.Pointer[loss]
}

// loss is which replies are lost, and as what.
type loss struct {
	method string
	code   codes.Code
	left   atomic.Int64
}

// StartMiddleman starts a middleman for the member at endpoint. It stops when
// the test ends.
func StartMiddleman(tb testing.TB, endpoint string) *Middleman {
	tb.Helper()
	member, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tb.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	m := &Middleman{Endpoint: listener.Addr().String(), member: member}
	server := grpc.NewServer(grpc.ForceServerCodecV2(rawCodec{}), grpc.UnknownServiceHandler(m.forward))
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	tb.Cleanup(func() {
		server.Stop()
		<-served
		_ = member.Close()
	})
	return m
}

// Lose has the next n replies to method, such as "KV/Txn", lost: instead, the
// client gets code.
func (m *Middleman) Lose(method string, code codes.Code, n int) {
	l := &loss{method: method, code: code}
	l.left.Store(int64(n))
	m.loss.Store(l)
}

// Left is how many of the replies to lose have not been lost yet.
func (m *Middleman) Left() int {
	if l := m.loss.Load(); l != nil {
		return int(max(0, l.left.Load()))
	}
	return 0
}

func (m *Middleman) loses(method string) (codes.Code, bool) {
	l := m.loss.Load()
	if l == nil || !strings.HasSuffix(method, l.method) || l.left.Add(-1) < 0 {
		return codes.OK, false
	}
	return l.code, true
}

// forward carries one call of any kind.
func (m *Middleman) forward(_ any, client grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(client)
	ctx, cancel := context.WithCancel(client.Context())
	defer cancel()
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		ctx = metadata.NewOutgoingContext(ctx, md)
	}
	member, err := m.member.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method, grpc.ForceCodecV2(rawCodec{}))
	if err != nil {
		return err
	}
	go func() {
		for {
			var f frame
			if client.RecvMsg(&f) != nil {
				_ = member.CloseSend()
				return
			}
			if member.SendMsg(&f) != nil {
				return
			}
		}
	}()
	for {
		var f frame
		if err := member.RecvMsg(&f); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if code, lost := m.loses(method); lost {
			return status.Error(code, "the reply was lost")
		}
		if err := client.SendMsg(&f); err != nil {
			return err
		}
	}
}

// frame is a message as it comes, and rawCodec leaves it so.
type frame struct{ data []byte }

type rawCodec struct{}

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.(*frame).data)}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	v.(*frame).data = data.Materialize()
	return nil
}

func (rawCodec) Name() string { return "proto" }
