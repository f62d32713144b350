package etcd_test

import (
	"context"
	"errors"
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
	"google.golang.org/grpc/stats"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
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

// logins counts the logins that a client sends.
type logins struct{ sent atomic.Int64 }

func (l *logins) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	if info.FullMethodName == pb.Auth_Authenticate_FullMethodName {
		l.sent.Add(1)
	}
	return ctx
}

func (*logins) HandleRPC(context.Context, stats.RPCStats)                         {}
func (*logins) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*logins) HandleConn(context.Context, stats.ConnStats)                       {}

// A password that was changed is not sent with each call, and a client is let in again once it
// is set back.
func TestRefusedPasswordIsSpared(t *testing.T) {
	t.Parallel()
	s := etcdtest.StartSecure(t, false)
	etcdtest.EnableAuth(t, s.Client(""), map[string][]etcdtest.Grant{"app": {etcdtest.Read("/")}})
	root, l := s.Client("root"), &logins{}
	client, err := s.Config("app").Connect(t.Context(), grpc.WithStatsHandler(l))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if _, err := root.UserChangePassword(t.Context(), "app", "another"); err != nil {
		t.Fatal(err)
	}
	l.sent.Store(0)
	const calls = 100
	for range calls {
		if _, err := client.Get(t.Context(), "/a"); !errors.Is(err, rpctypes.ErrAuthFailed) {
			t.Fatalf("error %v", err)
		}
	}
	if n := l.sent.Load(); n < 1 || n > calls/5 {
		t.Errorf("the password was sent %d times in %d calls", n, calls)
	}
	if _, err := root.UserChangePassword(t.Context(), "app", etcdtest.Password); err != nil {
		t.Fatal(err)
	}
	etcdtest.Eventually(t, "the client is let in again", func() bool {
		_, err := client.Get(t.Context(), "/a")
		return err == nil
	})
}
