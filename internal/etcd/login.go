package etcd

import (
	"context"
	"errors"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
)

// ForgetLogins makes a client log in again after etcd 3.4 has ended its login. 3.4 checks the
// old login even of the request for a new one, and etcd's client asks for a new one whenever
// that is refused: each time it would call itself, until there is no memory left. In answer to
// the error that this returns instead, the client forgets the old login.
func ForgetLogins() grpc.DialOption { return grpc.WithChainUnaryInterceptor(forgetLogin) }

func forgetLogin(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, cc, opts...)
	if method != pb.Auth_Authenticate_FullMethodName {
		return err
	}
	if known := rpctypes.Error(err); errors.Is(known, rpctypes.ErrInvalidAuthToken) || errors.Is(known, rpctypes.ErrAuthOldRevision) {
		return rpctypes.ErrGRPCAuthNotEnabled
	}
	return err
}
