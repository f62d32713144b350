package once_test

import (
	"context"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/namespace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/once"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

// A write is sent once with every code, and a caller who still waits is told by a
// gRPC status that its reply was lost, not that its own time is up.
func TestSentOnce(t *testing.T) {
	middleman := etcdtest.NewMiddleman(t, etcdtest.Shared(t))
	client := etcdtest.Client(t, middleman.Addr)
	writes := map[string]func(clientv3.KV, string) error{
		"Txn": func(kv clientv3.KV, key string) error {
			_, err := kv.Txn(t.Context()).Then(clientv3.OpPut(key, "")).Commit()
			return err
		},
		"Delete": func(kv clientv3.KV, key string) error {
			_, err := kv.Delete(t.Context(), key)
			return err
		},
	}
	for name, write := range writes {
		for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
			middleman.Lose(func(int, string) etcdtest.Loss { return etcdtest.Loss{Code: code} })
			if err := write(once.KV(client), "/"+t.Name()); status.Code(err) != code {
				t.Errorf("%s: error = %v, want code %s", name, err, code)
			}
			if n := len(middleman.Calls()); n != 1 {
				t.Errorf("%s: sent %d times with %s, want once", name, n, code)
			}
		}
	}
	middleman.Lose(nil)
	if err := writes["Txn"](once.KV(client), "/"+t.Name()); err != nil {
		t.Error(err)
	}
}

// What a caller has put in place of the client's own KV is left alone: another
// way to etcd, another name for its keys, or no connection at all.
func TestReplacedKV(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Shared(t))
	if once.KV(client) == client.KV {
		t.Error("the client's own KV is left to send writes again")
	}
	for name, kv := range map[string]clientv3.KV{
		"namespace": namespace.NewKV(client.KV, "/a/"),
		"sender":    clientv3.NewKVFromKVClient(elsewhere{}, client),
	} {
		replaced := etcdtest.Client(t, etcdtest.Shared(t))
		replaced.KV = kv
		if once.KV(replaced) != kv {
			t.Errorf("the KV of a %s is not used", name)
		}
	}
	inProcess := clientv3.NewCtxClient(t.Context())
	inProcess.KV = clientv3.NewKVFromKVClient(elsewhere{}, inProcess)
	if once.KV(inProcess) != inProcess.KV {
		t.Error("the KV of a client without a connection is not used")
	}
}

// elsewhere sends requests over another connection than the client's.
type elsewhere struct{ pb.KVClient }

func (elsewhere) Txn(context.Context, *pb.TxnRequest, ...grpc.CallOption) (*pb.TxnResponse, error) {
	return &pb.TxnResponse{}, nil
}
