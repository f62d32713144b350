package inspect

import (
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"etcd-lock/internal/etcdtest"
)

func down(u Update) bool { return u.Err != nil }

// TestWatchThroughOutages: an outage shows, and nothing that happened in it is
// missed.
func TestWatchThroughOutages(t *testing.T) {
	t.Parallel()
	t.Run("Killed", func(t *testing.T) {
		t.Parallel()
		p := etcdtest.StartProcess(t)
		v := watch(t, newSource(etcdtest.Client(t, p.Endpoint)), "/")
		writer := etcdtest.Client(t, p.Endpoint)
		v.untilRevision(put(t, writer, "/a/write/1"))
		p.Kill()
		if u := v.until("the error", down); len(u.Snapshot.Locks) != 1 {
			t.Errorf("locks while it is down: %+v", u.Snapshot.Locks)
		}
		p.Start()
		v.untilRevision(put(t, writer, "/a/write/2"))
		want := []string{"granted /a/write/1", "waiting /a/write/2"}
		if got := v.lines(); v.resynced > 0 || !slices.Equal(got[len(got)-1:], want[1:]) {
			t.Errorf("events = %q after %d resyncs, want %q", got, v.resynced, want)
		}
	})
	t.Run("NothingMissed", func(t *testing.T) {
		t.Parallel()
		member := etcdtest.Start(t)
		k := newLink(t, member)
		writer := etcdtest.Client(t, member)
		v := watch(t, newSource(etcdtest.Client(t, k.addr)), "/")
		v.untilRevision(put(t, writer, "/a/write/1"))
		v.events = nil
		k.cut()
		put(t, writer, "/a/write/2")
		revision := del(t, writer, "/a/write/1")
		v.until("the error", down)
		k.lead(member)
		v.untilRevision(revision)
		want := []string{"waiting /a/write/2", "released /a/write/1", "granted /a/write/2"}
		if got := v.lines(); v.resynced > 0 || !slices.Equal(got, want) {
			t.Errorf("events = %q after %d resyncs, want %q", got, v.resynced, want)
		}
	})
	t.Run("CompactedMeanwhile", func(t *testing.T) {
		t.Parallel()
		member := etcdtest.Start(t)
		k := newLink(t, member)
		writer := etcdtest.Client(t, member)
		v := watch(t, newSource(etcdtest.Client(t, k.addr)), "/")
		v.untilRevision(1)
		v.untilRevision(put(t, writer, "/a/write/1"))
		since := v.last.Snapshot.Locks[0].Queue[0].Since
		k.cut()
		revision := put(t, writer, "/a/write/2", "/a/write/3")
		if _, err := writer.Compact(t.Context(), revision); err != nil {
			t.Fatal(err)
		}
		v.until("the error", down)
		k.lead(member)
		u := v.untilRevision(revision)
		if q := u.Snapshot.Locks[0].Queue; v.resynced != 1 || len(q) != 3 || !q[0].Since.Equal(since) || !q[2].Since.IsZero() {
			t.Errorf("%d resyncs, queue %+v", v.resynced, q)
		}
		v.untilRevision(put(t, writer, "/a/write/4"))
	})
	t.Run("AnotherEtcdMeanwhile", func(t *testing.T) {
		t.Parallel()
		member, other := etcdtest.Start(t), etcdtest.Start(t)
		k := newLink(t, member)
		writer := etcdtest.Client(t, member)
		v := watch(t, newSource(etcdtest.Client(t, k.addr)), "/")
		v.untilRevision(put(t, writer, "/a/write/1", "/a/write/2", "/a/write/3"))
		revision := put(t, etcdtest.Client(t, other), "/b/write/1")
		k.lead(other)
		v.until("the other one's locks", func(u Update) bool {
			s := u.Snapshot
			return u.Err == nil && s.Revision == revision && len(s.Locks) == 1 && s.Locks[0].ID.Name == "/b"
		})
		if v.resynced != 1 {
			t.Errorf("%d resyncs, want 1", v.resynced)
		}
	})
	t.Run("NotThereYet", func(t *testing.T) {
		t.Parallel()
		member := etcdtest.Start(t)
		k := newLink(t, "")
		v := watch(t, newSource(etcdtest.Client(t, k.addr)), "/")
		v.until("the error", down)
		k.lead(member)
		if u := v.untilRevision(1); u.Resynced.Happened() {
			t.Error("the first snapshot is no resync")
		}
	})
}

// TestWatchThroughAPause, as TestWatchWithoutALeader, waits long for a member that does not
// answer, and begins before the tests within others.
func TestWatchThroughAPause(t *testing.T) {
	t.Parallel()
	p := etcdtest.StartProcess(t)
	client := etcdtest.Client(t, p.Endpoint)
	v := watch(t, newSource(client), "/")
	v.untilRevision(put(t, client, "/a/write/1"))
	p.Pause()
	v.until("the error", down)
	p.Resume()
	v.untilRevision(put(t, client, "/a/write/2"))
}

func TestWatchWithoutALeader(t *testing.T) {
	t.Parallel()
	c := etcdtest.StartCluster(t, 3)
	client := etcdtest.Client(t, c.Endpoints()...)
	v := watch(t, newSource(client), "/")
	v.untilRevision(put(t, client, "/a/write/1"))
	c.Members[0].Pause()
	c.Members[1].Pause()
	v.until("it is known that there is no leader", func(u Update) bool { return SaysNoLeader(u.Err) })
	c.Members[0].Resume()
	c.Members[1].Resume()
	v.untilRevision(put(t, client, "/a/write/2"))
}

// TestWatchStopsWhileEtcdHangs: the watch stops with its context although etcd does
// not answer.
func TestWatchStopsWhileEtcdHangs(t *testing.T) {
	before := goleak.IgnoreCurrent()
	p := etcdtest.StartProcess(t)
	client := etcdtest.Client(t, p.Endpoint)
	v := watch(t, newSource(client), "/")
	v.untilRevision(1)
	p.Pause()
	v.until("the error", down)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		v.stop()
	}()
	select {
	case <-stopped:
	case <-time.After(time.Minute):
		t.Fatal("still not closed")
	}
	_ = client.Close()
	p.Kill()
	goleak.VerifyNone(t, before)
}
