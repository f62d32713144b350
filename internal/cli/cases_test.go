package cli

import (
	"context"
	"flag"
	"fmt"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3lock/v3lockpb"

	"etcd-lock/internal/etcdtest"
)

var withCases = flag.Bool("cases", false, "play the cases of docs/cases.md that no other test plays with the whole program")

// TestCases plays cases, which wait for leases to end and programs to be slow.
func TestCases(t *testing.T) {
	if !*withCases {
		t.Skip("run with -cases")
	}
	runScripts(t, "testdata/cases")
}

// condition says whether a script can use what it asks for: namespaces are those of
// processes, which unshare makes.
func condition(cond string) (bool, error) {
	if cond != "namespaces" {
		return false, fmt.Errorf("no condition %s", cond)
	}
	return exec.Command("unshare", "-pf", "--mount-proc", "true").Run() == nil, nil
}

// cmdLease writes a key on a lease of that ID and TTL: lease ID SECONDS KEY.
func cmdLease(ts *testscript.TestScript, _ bool, args []string) {
	client := ts.Value("locks").(*locks).client
	id, err := strconv.ParseInt(args[0], 10, 64)
	ts.Check(err)
	ttl, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	_, err = pb.NewLeaseClient(client.ActiveConnection()).LeaseGrant(context.Background(), &pb.LeaseGrantRequest{ID: id, TTL: ttl})
	ts.Check(err)
	_, err = client.Put(context.Background(), args[2], "", clientv3.WithLease(clientv3.LeaseID(id)))
	ts.Check(err)
}

// cmdLockService takes a lock by etcd's lock service, with lease 0: lockservice NAME.
func cmdLockService(ts *testscript.TestScript, _ bool, args []string) {
	client := ts.Value("locks").(*locks).client
	_, err := v3lockpb.NewLockClient(client.ActiveConnection()).Lock(context.Background(), &v3lockpb.LockRequest{Name: []byte(args[0])})
	ts.Check(err)
}

// cmdProxy starts etcd's grpc-proxy at $PROXY.
func cmdProxy(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Setenv("PROXY", etcdtest.StartGRPCProxy(ts.Value("story").(*storyT), []string{ts.Getenv("ENDPOINT")}))
}
