package etcd_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
)

// likeEarly36 denies the status to everybody, as etcd 3.6.0 to 3.6.9 does to all but root.
func likeEarly36(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if method == pb.Maintenance_Status_FullMethodName && denied.Load() {
		return rpctypes.ErrGRPCPermissionDenied
	}
	return call(ctx, method, req, reply, cc, opts...)
}

var denied atomic.Bool

// A learner refuses logins and most reads. A client that was given its endpoint too does
// without it, also one whose user may not ask members for their status.
func TestLearner(t *testing.T) {
	t.Parallel()
	voter, learner := etcdtest.StartWithLearner(t)
	connect := func(user string) *clientv3.Client {
		t.Helper()
		cfg := etcd.Config{Endpoints: []string{learner, voter}, User: user, DialTimeout: 10 * time.Second}
		if user != "" {
			cfg.Password = etcdtest.Password
		}
		client, err := cfg.Connect(t.Context(), grpc.WithChainUnaryInterceptor(likeEarly36))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		return client
	}
	works := func(client *clientv3.Client) {
		t.Helper()
		if !slices.Equal(client.Endpoints(), []string{voter}) {
			t.Errorf("%s: %q are used", client.Username, client.Endpoints())
		}
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			if _, err := client.Get(ctx, "/k"); err != nil {
				t.Errorf("%s: %v", client.Username, err)
			}
			cancel()
		}
	}
	works(connect(""))
	etcdtest.EnableAuth(t, etcdtest.Client(t, voter), map[string][]etcdtest.Grant{"app": {etcdtest.Read("/")}})
	_, err := etcd.Config{Endpoints: []string{learner}, User: "root", Password: etcdtest.Password, DialTimeout: 10 * time.Second}.Connect(t.Context())
	if want := "etcd at " + learner + " is a learner"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("alone: %v, want %s", err, want)
	}
	for range 5 {
		works(connect("root"))
		denied.Store(true)
		works(connect("app"))
		denied.Store(false)
	}
}
