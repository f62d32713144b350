package flight

import (
	"context"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
)

// TestWatchLaw: the picture of each revision that a watch has sent is the same in the
// recording, and as etcd has it.
func TestWatchLaw(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	source := inspect.NewSource(client)
	r := newRecorder(t, Options{})
	ctx, stop := context.WithCancel(t.Context())
	updates := source.WatchCauses(ctx)
	defer func() {
		stop()
		for range updates { // until the watch has ended
		}
	}()
	end := make(chan int64, 1)
	go func() { end <- churn(t, client, 300) }()
	seen := map[int64]inspect.Snapshot{}
	var last, upTo int64
	for last == 0 || upTo < last {
		select {
		case last = <-end:
		case u := <-updates:
			if u.Err != nil {
				t.Fatal(u.Err)
			}
			r.Update(u)
			upTo = u.Snapshot.Revision
			seen[upTo] = u.Snapshot
			r.clock.pass(time.Millisecond)
			if rand.IntN(20) == 0 {
				r.rotate(CauseSize, nil)
			}
		}
	}
	r.Tick()
	recording := r.open()
	for revision, snapshot := range seen {
		m, err := recording.Rev(revision)
		if err != nil {
			t.Fatal(err)
		}
		if want, got := plain(snapshot), plain(m.Snapshot); !reflect.DeepEqual(got, want) {
			t.Fatalf("revision %d (-watched +recorded):\n%s", revision, cmp.Diff(want.Locks, got.Locks))
		}
		read, err := source.SnapshotAt(t.Context(), revision)
		if changes := inspect.Compare(read, m.Snapshot); err != nil || len(changes) > 0 || read.Other != m.Snapshot.Other {
			t.Fatalf("revision %d differs from what etcd has: %v, %v", revision, changes, err)
		}
	}
	if len(seen) < 3 {
		t.Errorf("only %d revisions were watched", len(seen))
	}
}

// churn writes keys of several layouts, and returns the revision after the last one.
func churn(t *testing.T, client *clientv3.Client, steps int) int64 {
	t.Helper()
	var leases []clientv3.LeaseID
	for range 3 {
		granted, err := client.Grant(t.Context(), 600)
		if err != nil {
			t.Error(err)
			return 1
		}
		leases = append(leases, granted.ID)
	}
	var revision int64 = 1
	for range steps {
		lease := leases[rand.IntN(len(leases))]
		keys := []string{
			"/a/write/" + strconv.Itoa(rand.IntN(3)), "/a/read/" + strconv.Itoa(rand.IntN(3)), "/a/" + strconv.FormatInt(int64(lease), 16),
			"/a/read/x/" + strconv.FormatInt(int64(lease), 16), "/service/x/leader", "/service/x/members/p1", "/else",
		}
		key := keys[rand.IntN(len(keys))]
		op := clientv3.OpPut(key, []string{"", "p1", "p2"}[rand.IntN(3)], clientv3.WithLease(lease))
		if rand.IntN(3) == 0 {
			op = clientv3.OpDelete(key)
		}
		resp, err := client.Do(t.Context(), op)
		switch {
		case err != nil:
			t.Error(err)
			return revision
		case resp.Put() != nil:
			revision = resp.Put().Header.Revision
		default:
			revision = resp.Del().Header.Revision
		}
	}
	return revision
}

