package cluster_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"etcd-lock/internal/cluster"
	"etcd-lock/internal/etcdtest"
)

// parentEnv makes the test binary a program that runs a cluster until it is
// killed.
const parentEnv = "CLUSTER_TEST_PARENT"

// parent starts a cluster, kills one member, stops another, prints the client
// addresses, and waits.
func parent() {
	c, err := cluster.Start(context.Background(), 3, cluster.Options{Stderr: os.Stderr})
	if err == nil {
		c.Members()[1].Kill()
		_ = c.Members()[2].Stop() // where the system supports it
		fmt.Println(strings.Join(c.Endpoints(), " "))
		_, err = io.Copy(io.Discard, os.Stdin)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1) //nolint:forbidigo // this is the main of a program under test
}

// TestKilledParent has a program killed that has a cluster. The members share
// its standard error, which ends when the last of them dies. The system closes
// what a process has open one by one, standard error before its sockets, so the
// ports can be free a moment later.
func TestKilledParent(t *testing.T) {
	dir := tempDir(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), parentEnv+"=yes")
	alive, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = alive.Close() }()
	cmd.Stderr = end
	line := etcdtest.KillOnceItSays(t, cmd)
	_ = end.Close()
	_ = alive.SetReadDeadline(time.Now().Add(30 * time.Second))
	if said, err := io.ReadAll(alive); err != nil || len(said) > 0 {
		t.Errorf("members live on after their parent: %v, and say %q", err, said)
	}
	for _, addr := range strings.Fields(line) {
		etcdtest.Eventually(t, addr+" is free", func() bool { return isFree(addr) == nil })
	}
	wantNothing(t, dir, nil)
}

func TestClosedClusterLeavesNothing(t *testing.T) {
	dir := tempDir(t)
	c := start(t, 3)
	network, err := c.Network()
	if err != nil {
		t.Fatal(err)
	}
	put(t, etcdtest.Client(t, network.Endpoints()...), "v")
	_ = c.Members()[1].Stop()
	c.Members()[2].Isolate()
	c.Close()
	wantNothing(t, dir, append(c.Endpoints(), network.Endpoints()...))
}

// No member is ready this soon, but some are started.
func TestCancelledStart(t *testing.T) {
	dir := tempDir(t)
	for _, after := range []time.Duration{0, time.Millisecond, 20 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		c, err := cluster.Start(ctx, 3, cluster.Options{Stderr: os.Stderr})
		cancel()
		if err == nil {
			c.Close()
			t.Errorf("a cluster was ready after %s", after)
		}
		wantNothing(t, dir, nil)
	}
	if _, err := cluster.Start(t.Context(), 0, cluster.Options{}); err == nil {
		t.Error("a cluster of no members")
	}
	wantNothing(t, dir, nil)
}

// tempDir returns the directory for everything temporary in the test.
func tempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir) // Windows
	return dir
}

// wantNothing fails the test if dir has entries or anything listens on addrs.
func wantNothing(t *testing.T, dir string, addrs []string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
	for _, a := range addrs {
		if err := isFree(a); err != nil {
			t.Error(err)
		}
	}
}

// isFree returns why nothing can listen at addr, or nil.
func isFree(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return l.Close()
}
