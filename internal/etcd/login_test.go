package etcd_test

import (
	"context"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"etcd-lock/internal/etcd"
)

// like34 is an etcd that checks the login of every request, as 3.4 does: also that of a
// request for a new one.
type like34 struct {
	pb.UnimplementedAuthServer
	pb.UnimplementedKVServer
	login atomic.Int64 // that is valid
	asked atomic.Int64 // how often a login was asked for
}

// token returns the login of a request, or "".
func token(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	if tokens := md.Get(rpctypes.TokenFieldNameGRPC); len(tokens) > 0 {
		return tokens[0]
	}
	return ""
}

func (s *like34) Authenticate(ctx context.Context, _ *pb.AuthenticateRequest) (*pb.AuthenticateResponse, error) {
	s.asked.Add(1)
	if t := token(ctx); t != "" && t != strconv.FormatInt(s.login.Load(), 10) {
		return nil, rpctypes.ErrGRPCInvalidAuthToken
	}
	return &pb.AuthenticateResponse{Token: strconv.FormatInt(s.login.Load(), 10)}, nil
}

func (s *like34) Range(ctx context.Context, _ *pb.RangeRequest) (*pb.RangeResponse, error) {
	switch token(ctx) {
	case "":
		return nil, rpctypes.ErrGRPCUserEmpty
	case strconv.FormatInt(s.login.Load(), 10):
		return &pb.RangeResponse{Header: &pb.ResponseHeader{}}, nil
	default:
		return nil, rpctypes.ErrGRPCInvalidAuthToken
	}
}

func TestForgetLogins(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &like34{}
	s.login.Store(1)
	server := grpc.NewServer()
	pb.RegisterAuthServer(server, s)
	pb.RegisterKVServer(server, s)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		server.Stop()
		<-served
	}()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{listener.Addr().String()}, DialTimeout: 10 * time.Second, Logger: zap.NewNop(),
		Username: "app", Password: "secret", DialOptions: []grpc.DialOption{etcd.ForgetLogins()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	for login := range int64(3) {
		s.login.Store(login + 1)
		s.asked.Store(0)
		if _, err := client.Get(t.Context(), "/a"); err != nil || s.asked.Load() > 2 {
			t.Errorf("with login %d: %v, after a login was asked for %d times", login+1, err, s.asked.Load())
		}
	}
}
