package cli

import (
	"context"
	"syscall"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// TestTUIReplay records a lock that is stuck and then released. While etcd is there, and
// has forgotten that it was stuck, the UI goes back to it; when etcd is gone, too.
func TestTUIReplay(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.StartProcess(t).Endpoint
	client := etcdtest.Client(t, endpoint)
	stuck := keyspace.Encode("/orders", keyspace.Write, "left-behind")
	if _, err := client.Put(context.Background(), stuck, ""); err != nil {
		t.Fatal(err)
	}
	holds, done := waiter(t, client, "/orders")
	tmp, dir := t.TempDir(), t.TempDir()
	stop := startRecorder(t, tmp, endpoint, dir)
	recorded := func(what string, holder string) {
		t.Helper()
		etcdtest.Eventually(t, what, func() bool {
			r, err := flight.Open(dir, layout.Builtin())
			if err != nil {
				return false
			}
			m, err := r.End()
			return err == nil && len(m.Snapshot.Locks) == 1 && len(m.Snapshot.Locks[0].Queue) > 0 && m.Snapshot.Locks[0].Queue[0].Owner.Value().Label == holder
		})
	}
	recorded("that it is stuck is recorded", "")
	deleted, err := client.Delete(context.Background(), stuck)
	if err != nil {
		t.Fatal(err)
	}
	<-holds
	recorded("that it was released is recorded", "billing")
	if _, err := client.Compact(context.Background(), deleted.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}

	tm := startTerminal(t, tmp, "tui", "--endpoints", endpoint, "--recording", dir, "--live")
	tm.WaitToShow("connected", "/orders", "billing")
	tm.Press("[")
	tm.WaitToShow("RECORDED", "without a lease", "live is")
	tm.Press("q")
	if err := tm.Wait(); err != nil {
		t.Error(err)
	}
	done()
	stop()

	tm = startTerminal(t, tmp, "tui", "--recording", dir)
	tm.WaitToShow("RECORDED", "no etcd", "the recording ends here")
	tm.Press(":at nonsense\r")
	tm.WaitToShow("must be a time such as 03:12")
	tm.Press("[[[") // to the beginning: whether billing's release was recorded is for how busy the machine is
	tm.WaitToShow("without a lease", "▲ contended")
	tm.Press("3")
	tm.WaitToShow("no-lease", "1 session waited behind it")
	tm.Press("\x0b") // ctrl+k
	tm.WaitToShow("this is a recording")
	tm.Press("]")
	tm.WaitToShow("no problems")
	tm.Press("7")
	tm.WaitToShow("● granted", "billing")
	tm.Press(quitKey)
	if err := tm.Wait(); err != nil {
		t.Error(err)
	}
}

// startRecorder records what is in an etcd in a folder, until stop is called.
func startRecorder(t *testing.T, tmp, endpoint, dir string) (stop func()) {
	t.Helper()
	recorder := terminalCmd("dumb", tmp, "record", dir, "--endpoints", endpoint)
	if err := recorder.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		_ = recorder.Process.Signal(syscall.SIGINT)
		_ = recorder.Wait() // it was interrupted
	}
	t.Cleanup(stop)
	return stop
}
