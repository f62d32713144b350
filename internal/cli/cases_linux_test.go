package cli

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/storage/backend"
	"go.etcd.io/etcd/server/v3/storage/schema"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/ptytest"
)

// TestCasesBesidePrograms plays cases beside the terminal UI, and beside programs that are
// killed.
func TestCasesBesidePrograms(t *testing.T) {
	if !*withCases {
		t.Skip("run with -cases")
	}
	for name, play := range map[string]func(c casePlay){
		"C10": playLongestLease, "C12": playOverdue, "C13": playMissingLease, "C16": playOldWait,
		"C17": playDeadClientOfALongLease, "C18": playLateGrant, "C23": playWithoutTUI, "C26": playUnreadTerminal,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etcd := etcdtest.StartProcess(t)
			play(casePlay{T: t, etcd: etcd, client: etcdtest.Client(t, etcd.Endpoint)})
		})
	}
}

// casePlay is what a case is played with.
type casePlay struct {
	*testing.T
	etcd   *etcdtest.Process
	client *clientv3.Client
}

// command returns the program with a flag for its etcd, and arguments.
func (c casePlay) command(args ...string) *exec.Cmd {
	return terminalCmd("xterm-256color", c.TempDir(), append([]string{"--endpoints", c.etcd.Endpoint}, args...)...)
}

// start starts a program until the test ends, and returns how to kill it. What it runs
// gets a standard input that ends then.
func (c casePlay) start(args ...string) (kill func()) {
	c.Helper()
	cmd := c.command(args...)
	_, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		c.Fatal(err)
	}
	over := false
	kill = func() {
		if !over {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		over = true
	}
	c.Cleanup(kill)
	return kill
}

// says returns what a command prints, which must succeed.
func (c casePlay) says(args ...string) string {
	c.Helper()
	out, err := c.command(args...).CombinedOutput()
	if err != nil {
		c.Errorf("%q: %v: %s", args, err, out)
	}
	return string(out)
}

// wants checks that a command prints each of texts.
func (c casePlay) wants(args []string, texts ...string) {
	c.Helper()
	said := c.says(args...)
	for _, text := range texts {
		if !strings.Contains(said, text) {
			c.Errorf("%q: no %q: %s", args, text, said)
		}
	}
}

// until waits until a command prints a text.
func (c casePlay) until(text string, args ...string) {
	c.Helper()
	etcdtest.Eventually(c, text, func() bool { return strings.Contains(c.says(args...), text) })
}

// tui starts the terminal UI, without its name, on a screen of 200 columns.
func (c casePlay) tui(args ...string) *ptytest.Terminal {
	c.Helper()
	tm := ptytest.Start(c, c.command(args...), 200, 40)
	tm.WaitToShow("connected")
	return tm
}

// quit ends the terminal UI.
func (c casePlay) quit(tm *ptytest.Terminal) {
	c.Helper()
	tm.Press(quitKey)
	if err := tm.Wait(); err != nil {
		c.Error(err)
	}
}

// lease grants a lease and writes a key on it.
func (c casePlay) lease(ttl int64, key string) clientv3.LeaseID {
	c.Helper()
	lease, err := c.client.Grant(c.Context(), ttl)
	if err == nil {
		_, err = c.client.Put(c.Context(), key, "", clientv3.WithLease(lease.ID))
	}
	if err != nil {
		c.Fatal(err)
	}
	return lease.ID
}

// playLongestLease: C10, a lease of 68 years in the terminal UI.
func playLongestLease(c casePlay) {
	lease := c.lease(1<<31-1, "/big/write/1")
	tm := c.tui()
	tm.Press("2")
	tm.WaitToShow(fmt.Sprintf("%016x", lease), "24855d")
	c.quit(tm)
}

// playOverdue: C12, a lease that is over and that etcd does not revoke, for it has the
// alarm CORRUPT.
func playOverdue(c casePlay) {
	l := &locks{tb: c, client: c.client}
	kill := c.start("exec", "--ttl", "5s", "/job", "--", "cat")
	etcdtest.Eventually(c, "the lock", func() bool { return l.count("/job") == 1 })
	status, err := c.client.Status(c.Context(), c.etcd.Endpoint)
	if err == nil {
		_, err = pb.NewMaintenanceClient(c.client.ActiveConnection()).Alarm(c.Context(), &pb.AlarmRequest{
			Action: pb.AlarmRequest_ACTIVATE, Alarm: pb.AlarmType_CORRUPT, MemberID: status.Header.MemberId,
		})
	}
	if err != nil {
		c.Fatal(err)
	}
	kill()
	c.until("over for ", "show", "/job")
	c.wants([]string{"why", "/job"}, "critical  etcd has the alarm CORRUPT", "and etcd has not revoked it", "release --lease")
}

// playMissingLease: C13, a key whose lease etcd does not have, for its record is taken out
// of the store of the member while that is down.
func playMissingLease(c casePlay) {
	lease := c.lease(600, "/job/write/1")
	if _, err := c.client.Defragment(c.Context(), c.etcd.Endpoint); err != nil { // so that it is in the store
		c.Fatal(err)
	}
	c.etcd.Kill()
	store := backend.NewDefaultBackend(zap.NewNop(), filepath.Join(c.etcd.Dir(), "member", "snap", "db"))
	tx := store.BatchTx()
	tx.LockOutsideApply()
	schema.UnsafeDeleteLease(tx, schema.MustUnsafeGetLease(tx, int64(lease)))
	tx.Unlock()
	store.ForceCommit()
	if err := store.Close(); err != nil {
		c.Fatal(err)
	}
	c.etcd.Start()
	c.wants([]string{"show", "/job"}, "no such lease")
	c.wants([]string{"why"}, "nothing removes it", "release --request /job/write/1")

	// Granted again with its ID, it is another lease, which has other keys.
	if _, err := pb.NewLeaseClient(c.client.ActiveConnection()).LeaseGrant(c.Context(), &pb.LeaseGrantRequest{ID: int64(lease), TTL: 600}, grpc.WaitForReady(true)); err != nil {
		c.Fatal(err)
	}
	if _, err := c.client.Put(c.Context(), "/other/write/1", "", clientv3.WithLease(lease)); err != nil {
		c.Fatal(err)
	}
	c.wants([]string{"show", "/job"}, "not attached")
	c.wants([]string{"show", "/other"}, "9m5")
	c.wants([]string{"why"}, "not attached to its lease", "release --request /job/write/1")
	c.wants([]string{"why", "/other"}, "its lease ends in about")
	tm := c.tui()
	tm.Press("3")
	tm.WaitToShow("/job", "release --request /job/write/1")
	c.quit(tm)
	c.says("release", "--request", "/job/write/1", "--yes")
	c.wants([]string{"show", "/job"}, "/job is free")
}

// playOldWait: C16, the terminal UI starts beside a wait that is older and of which no time
// was noted.
func playOldWait(c casePlay) {
	c.lease(600, "/m/write/1")
	c.lease(600, "/m/write/2")
	tm := c.tui()
	atLeast := regexp.MustCompile(`/m .* ≥[1-9][0-9]?s `)
	tm.WaitUntil("it has waited at least some seconds", atLeast.MatchString)
	c.quit(tm)
}

// playDeadClientOfALongLease: C17, a client is killed whose lease is of two hours.
func playDeadClientOfALongLease(c casePlay) {
	l := &locks{tb: c, client: c.client}
	kill := c.start("exec", "--ttl", "2h", "--label", "backup", "/backup", "--", "cat")
	etcdtest.Eventually(c, "the lock", func() bool { return l.count("/backup") == 1 })
	tm := c.tui()
	kill()
	tm.Press("2")
	tm.WaitToShow("backup", "not due")
	c.quit(tm)
}

// playLateGrant: C18, a waiter that is granted its lock has held it since then.
func playLateGrant(c casePlay) {
	l := &locks{tb: c, client: c.client}
	kill := c.start("exec", "--label", "first", "--ttl", "2s", "/l", "--", "cat")
	etcdtest.Eventually(c, "the lock", func() bool { return l.count("/l") == 1 })
	c.start("exec", "--label", "second", "/l", "--", "cat")
	c.until("waiting", "show", "/l")
	tm := c.tui()
	waits := regexp.MustCompile(`/l .* contended .* 1[0-9]s `)
	tm.WaitUntil("the second has waited for more than 10s", waits.MatchString)
	kill()
	held := regexp.MustCompile(`/l .* second@.* [0-9]s `)
	tm.WaitUntil("the second has held for less than 10s", held.MatchString)
	c.quit(tm)
}

// playWithoutTUI: C23, flags of the terminal UI without its name.
func playWithoutTUI(c casePlay) {
	tm := c.tui("--ascii", "--audit", filepath.Join(c.TempDir(), "audit"))
	if other := strings.Trim(tm.Shown(), "\t\n !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"); other != "" {
		c.Errorf("not ASCII: %q", other)
	}
	c.quit(tm)
}

// playUnreadTerminal: C26, SIGTERM for the terminal UI, on a terminal that nobody reads
// while much happens.
func playUnreadTerminal(c casePlay) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			key := fmt.Sprintf("/busy/%d/write/1", i%1000)
			_, _ = c.client.Put(ctx, key, "")
			_, _ = c.client.Delete(ctx, key)
		}
	}()
	defer func() { stop(); <-done }()
	tm := c.tui()
	tm.Stop()
	tm.Press("123")
	tm.Signal(syscall.SIGTERM)
	if err := tm.Wait(); err != nil {
		c.Error(err)
	}
}
