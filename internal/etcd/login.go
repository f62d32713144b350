package etcd

import (
	"context"
	"errors"
	"sync"
	"time"

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

// The pauses before a client sends a password again that etcd has refused: calls that are
// repeated on a timer would each send it, and fill etcd's log with failures.
const firstLoginPause, lastLoginPause = time.Second, 10 * time.Minute

// refusedLogin is the last answer to a client's login, if etcd has refused the password. A
// user whose password is set back is let in again.
type refusedLogin struct {
	mu    sync.Mutex
	err   error
	until time.Time // the answer to all logins until then
	pause time.Duration
}

// spareLogins makes a client whose password was refused send it ever more rarely. Until then
// it answers itself, as etcd did.
func spareLogins() grpc.DialOption { return grpc.WithChainUnaryInterceptor(new(refusedLogin).spare) }

func (l *refusedLogin) spare(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if method != pb.Auth_Authenticate_FullMethodName {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	l.mu.Lock()
	err := l.err
	if err != nil && !time.Now().Before(l.until) {
		err, l.until = nil, time.Now().Add(l.pause) // this one asks for all
	}
	l.mu.Unlock()
	if err != nil {
		return err
	}
	err = invoke(ctx, method, req, reply, cc, opts...)
	l.note(err)
	return err
}

// note notes how etcd has answered a login.
func (l *refusedLogin) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.err, l.pause = nil, 0
	case errors.Is(rpctypes.Error(err), rpctypes.ErrAuthFailed):
		l.err, l.pause = err, min(max(2*l.pause, firstLoginPause), lastLoginPause)
		l.until = time.Now().Add(l.pause)
	}
}
