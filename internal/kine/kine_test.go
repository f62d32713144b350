package kine_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/kine"
	"etcd-lock/internal/layout"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

// connect returns a client of a kine, and of the etcd behind it.
func connect(t *testing.T) (client, behind *clientv3.Client) {
	t.Helper()
	endpoint := etcdtest.Start(t)
	cfg := etcd.Config{Endpoints: []string{etcdtest.StartKine(t, endpoint)}, DialTimeout: 10 * time.Second}
	client, err := cfg.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client, etcdtest.Client(t, endpoint)
}

// TestReads: what is read from kine is what there is.
func TestReads(t *testing.T) {
	client, behind := connect(t)
	var revisions []int64
	for i := range 5 {
		resp, err := behind.Put(t.Context(), "/k"+strconv.Itoa(i), "v"+strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		revisions = append(revisions, resp.Header.Revision)
	}
	if resp, err := client.Get(t.Context(), "/k1", clientv3.WithSerializable()); err != nil || len(resp.Kvs) != 1 {
		t.Errorf("a serializable read: %v, %v", resp, err)
	}
	for _, at := range []int64{0, revisions[3]} {
		var keys []string
		for start, more := "\x00", true; more; {
			page, err := client.Get(t.Context(), start, clientv3.WithRange("\x00"), clientv3.WithLimit(2), clientv3.WithRev(at))
			if err != nil || len(page.Kvs) > 2 {
				t.Fatal(page, err)
			}
			for _, kv := range page.Kvs {
				keys = append(keys, string(kv.Key))
			}
			start, more = keys[len(keys)-1]+"\x00", page.More
		}
		want := []string{"/k0", "/k1", "/k2", "/k3", "/k4"}
		if at > 0 {
			want = want[:4]
		}
		if !slices.Equal(keys, want) {
			t.Errorf("the keys at revision %d are %q, want %q", at, keys, want)
		}
	}
	resp, err := client.Txn(t.Context()).Then(clientv3.OpGet("/k3"), clientv3.OpGet("/k", clientv3.WithPrefix()), clientv3.OpGet("/none")).Commit()
	if err != nil {
		t.Fatal(err)
	}
	var counts []int64
	for _, part := range resp.Responses {
		counts = append(counts, part.GetResponseRange().Count)
	}
	if !resp.Succeeded || resp.Header.Revision != revisions[4] || !slices.Equal(counts, []int64{1, 5, 0}) {
		t.Errorf("a transaction of reads: %v", resp)
	}
}

// TestRefusals: what kine does not have is named; the transactions that it has work.
func TestRefusals(t *testing.T) {
	client, behind := connect(t)
	put, err := behind.Put(t.Context(), "/k", "v")
	if err != nil {
		t.Fatal(err)
	}
	unchanged := clientv3.Compare(clientv3.ModRevision("/k"), "=", put.Header.Revision)
	_, noGrant := client.Grant(t.Context(), 15)
	_, noTTL := client.TimeToLive(t.Context(), 15)
	_, noUsers := client.AuthStatus(t.Context())
	_, noNested := client.Txn(t.Context()).Then(clientv3.OpTxn([]clientv3.Cmp{unchanged}, nil, nil)).Commit()
	_, noTwo := client.Txn(t.Context()).If(unchanged).Then(clientv3.OpDelete("/k"), clientv3.OpDelete("/l")).Commit()
	for _, tt := range []struct{ got, want error }{
		{noGrant, kine.ErrNoLeases},
		{noTTL, kine.ErrNoLeases},
		{noUsers, kine.ErrNoUsers},
		{noNested, kine.ErrTxn},
		{noTwo, kine.ErrTxn},
	} {
		if !errors.Is(tt.got, tt.want) {
			t.Errorf("%v, want %v", tt.got, tt.want)
		}
	}
	resp, err := client.Txn(t.Context()).If(unchanged).Then(clientv3.OpDelete("/k")).Else(clientv3.OpGet("/k", clientv3.WithKeysOnly())).Commit()
	if err != nil || !resp.Succeeded {
		t.Errorf("the delete of an unchanged key: %v, %v", resp, err)
	}
}

// TestOtherFailuresAreNotRetried: a read that fails in any other way fails, and nothing is
// learned from that.
func TestOtherFailuresAreNotRetried(t *testing.T) {
	var calls int
	var refusal error
	refuse := func(context.Context, string, any, any, *grpc.ClientConn, grpc.UnaryInvoker, ...grpc.CallOption) error {
		calls++
		return refusal
	}
	endpoint := etcdtest.Shared(t)
	client, err := clientv3.New(clientv3.Config{
		Endpoints:   []string{endpoint},
		DialOptions: []grpc.DialOption{new(kine.Adapter).DialOption(), grpc.WithChainUnaryInterceptor(refuse)},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	for _, code := range []codes.Code{codes.Internal, codes.PermissionDenied, codes.InvalidArgument, codes.Unknown} {
		calls, refusal = 0, status.Error(code, "serializable")
		if _, err := client.Get(t.Context(), "/k", clientv3.WithSerializable()); err == nil || calls != 1 {
			t.Errorf("%s: %v after %d calls", code, err, calls)
		}
	}
	calls, refusal = 0, status.Error(codes.Unimplemented, "unknown service")
	if _, err := client.Get(t.Context(), "/k", clientv3.WithSerializable()); err == nil || calls != 1 {
		t.Errorf("unknown service: %v after %d calls", err, calls)
	}
}

// TestWatch: a watch of two prefixes on kine, which reports no progress, sees what happens.
func TestWatch(t *testing.T) {
	client, behind := connect(t)
	keys, err := layout.LockKeys("/a/*", "/b/*")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := layout.With(keys...)
	if err != nil {
		t.Fatal(err)
	}
	put := func(key string) {
		t.Helper()
		if _, err := behind.Put(t.Context(), key, "owner"); err != nil {
			t.Fatal(err)
		}
	}
	put("/a/1")
	updates := inspect.NewSourceOf(client, rules).Watch(t.Context(), "/a/", "/b/")
	until := func(locks int, last inspect.EventKind) {
		t.Helper()
		for u := range updates {
			if u.Err != nil {
				t.Fatal(u.Err)
			}
			if len(u.Snapshot.Locks) == locks && (last == "" || slices.ContainsFunc(u.Events, func(e inspect.Event) bool { return e.Kind == last })) {
				return
			}
		}
		t.Fatalf("the watch ended before %d locks were seen", locks)
	}
	until(1, "")
	put("/b/1")
	until(2, inspect.EventGranted)
	if _, err := behind.Delete(t.Context(), "/a/1"); err != nil {
		t.Fatal(err)
	}
	until(1, inspect.EventReleased)
}
