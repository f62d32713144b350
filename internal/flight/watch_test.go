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
	seen := map[int64]inspect.Snapshot{}
	var events []inspect.Event
	leases := grant(t, client)
	var upTo int64
	for range 25 { // of which most take an update at least
		for last := churn(t, client, leases, 1+rand.IntN(20)); upTo < last; {
			u := <-updates
			if u.Err != nil {
				t.Fatal(u.Err)
			}
			r.Update(u)
			upTo = u.Snapshot.Revision
			seen[upTo] = u.Snapshot
			events = append(events, u.Events...)
			r.clock.pass(time.Millisecond)
			if rand.IntN(20) == 0 {
				r.rotate(CauseSize, nil)
			}
		}
	}
	r.Tick()
	recording := r.open()
	checkReplay(t, recording, 0, events)
	half := len(events) / 2
	for half < len(events) && events[half].Revision == events[half-1].Revision {
		half++
	}
	checkReplay(t, recording, events[half-1].Revision, events[half:])
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
}

// grant returns leases.
func grant(t *testing.T, client *clientv3.Client) (leases []clientv3.LeaseID) {
	t.Helper()
	for range 3 {
		granted, err := client.Grant(t.Context(), 4000) // longer than the longest run
		if err != nil {
			t.Fatal(err)
		}
		leases = append(leases, granted.ID)
	}
	return leases
}

// churn writes keys of several layouts, and returns the revision after the last one.
func churn(t *testing.T, client *clientv3.Client, leases []clientv3.LeaseID, steps int) (revision int64) {
	t.Helper()
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
			t.Fatal(err)
		case resp.Put() != nil:
			revision = resp.Put().Header.Revision
		default:
			revision = resp.Del().Header.Revision
		}
	}
	return revision
}

// checkReplay holds that a replay has these events after a revision.
func checkReplay(t *testing.T, r *Recording, revision int64, want []inspect.Event) {
	t.Helper()
	var got []inspect.Event
	var pictures int
	step := func(s Step) error {
		if s.Kind == KindPicture {
			pictures++
		}
		got = append(got, s.Events...)
		return nil
	}
	err := r.Replay(step)
	if revision > 0 {
		got, pictures = nil, 0
		err = r.ReplayRev(revision, step)
	}
	if err != nil || pictures != 1 {
		t.Fatalf("%d pictures, want 1; %v", pictures, err)
	}
	if len(got) > len(want) { // those that were recorded together with the revision
		got = got[len(got)-len(want):]
	}
	for i, e := range want {
		if i < len(got) {
			e.Request, got[i].Request = plainRequests([]inspect.Request{e.Request})[0], plainRequests([]inspect.Request{got[i].Request})[0]
			e.Time = newTime(e.Time).Time
		}
		if i >= len(got) || !reflect.DeepEqual(got[i], e) {
			t.Fatalf("event %d of %d (%d replayed) differs:\n%+v\n%+v", i, len(want), len(got), e, got[min(i, len(got)-1)])
		}
	}
}

// TestRecover: what happened while the recorder did not run is read from etcd's history.
func TestRecover(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	source := inspect.NewSource(client)
	leases := grant(t, client)
	r := newRecorder(t, Options{now: systemClock()})
	r.watch(source, churn(t, client, leases, 30), nil)
	ended, killed := r.last.Revision, time.Now()
	r.kill()
	last := churn(t, client, leases, 200)
	r.start()
	r.watch(source, last, func(first inspect.Update) {
		history, err := source.History(t.Context(), ended)
		if err != nil {
			t.Fatal(err)
		}
		history.End = first.Steps[0].Revision
		if err := r.Recover(history.Updates(t.Context()), true); err != nil {
			t.Fatal(err)
		}
	})
	recording := r.open()
	for revision := ended; revision <= last; revision++ {
		m, err := recording.Rev(revision)
		if err != nil || len(m.Doubts) > 0 {
			t.Fatalf("revision %d: %q, %v", revision, m.Doubts, err)
		}
		read, err := source.SnapshotAt(t.Context(), revision)
		if changes := inspect.Compare(read, m.Snapshot); err != nil || len(changes) > 0 || read.Other != m.Snapshot.Other {
			t.Fatalf("revision %d differs from what etcd has: %v, %v", revision, changes, err)
		}
	}
	if m, err := recording.At(killed); err != nil || !(Moment{Doubts: m.Doubts}).doubts("without times") || m.Snapshot.Revision != ended {
		t.Errorf("while it did not run: revision %d, %q, %v", m.Snapshot.Revision, m.Doubts, err)
	}
	if err := recording.Replay(func(s Step) error {
		if s.Gap != "" {
			t.Errorf("a gap at revision %d: %s", s.Revision, s.Gap)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// watch records what a watch sends until a revision.
func (r *recorderT) watch(source *inspect.Source, until int64, first func(inspect.Update)) {
	r.t.Helper()
	ctx, stop := context.WithCancel(r.t.Context())
	updates := source.WatchSteps(ctx)
	defer func() {
		stop()
		for range updates { // until the watch has ended
		}
	}()
	for u := range updates {
		if first != nil && u.Snapshot.Revision > 0 {
			first(u)
			first = nil
		}
		r.Update(u)
		if u.Snapshot.Revision >= until {
			break
		}
	}
	r.Tick()
}
