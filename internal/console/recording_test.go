package console

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/lockclass"
	"etcd-lock/tui/backend"
)

// record records the locks of a cluster, whose ID is given, in a folder until stop is called.
func record(t *testing.T, c *connect.Conn, dir, cluster string) (reached func(revision int64), stop func()) {
	t.Helper()
	r, err := flight.NewRecorder(dir, flight.Options{Limits: flight.Limits{Keep: time.Hour, MaxSize: 1 << 30}, Cluster: func() string { return cluster }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	updates := c.Source.WatchCauses(ctx, "/")
	reached = func(revision int64) {
		t.Helper()
		for u := range updates {
			r.Update(u)
			r.Tick()
			if u.Snapshot.Revision >= revision {
				return
			}
		}
		t.Error("the watch has ended")
	}
	return reached, func() {
		cancel()
		for range updates { // until it has ended
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What etcd has forgotten is read from the recording, and what was not recorded from etcd.
func TestJoined(t *testing.T) {
	t.Parallel()
	c, keys, at := newQueue(t)
	dir, ctx, all := t.TempDir(), t.Context(), []string{"/"}
	reached, stop := record(t, c, dir, c.ClusterID(ctx, nil))
	reached(at[2])
	deleted, err := c.Client.Delete(ctx, keys[0])
	if err != nil {
		t.Fatal(err)
	}
	reached(deleted.Header.Revision)
	stop()
	later, err := c.Client.Delete(ctx, keys[2])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Client.Compact(ctx, deleted.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
	r := newRecording(dir, c.Source.Layouts(), lockclass.Rules{})
	r.cluster = c.ClusterID(ctx, nil)
	if err := r.check(ctx); err != nil {
		t.Fatal(err)
	}
	j := joined{past{c}, r}

	m, err := j.At(ctx, all, backend.Place{Revision: deleted.Header.Revision - 1})
	if err != nil || !m.Recorded || m.Place.Time.IsZero() || len(m.Snapshot.Locks) != 1 || len(m.Snapshot.Locks[0].Queue) != 2 {
		t.Errorf("what was compacted: %+v, %v", m, err)
	}
	m, err = j.At(ctx, all, backend.Place{Revision: later.Header.Revision})
	if err != nil || m.Recorded || len(m.Snapshot.Locks) != 0 {
		t.Errorf("what was not recorded: %+v, %v", m, err)
	}
	if m, err = j.At(ctx, all, backend.Place{End: true}); err != nil || !m.Recorded || m.Snapshot.Revision != deleted.Header.Revision || m.Last.IsZero() {
		t.Errorf("the end: %+v, %v", m, err)
	}
	if _, err := j.At(ctx, all, backend.Place{Time: time.Unix(0, 0)}); err == nil || !strings.Contains(err.Error(), "not recorded") {
		t.Errorf("a time before: %v", err)
	}

	live := backend.Place{Revision: later.Header.Revision}
	changes, err := j.Changes(ctx, all, live, -1)
	if err != nil || changes.Recorded || !slices.Equal(kinds(changes), []inspect.EventKind{inspect.EventReleased}) {
		t.Errorf("the last changes: %+v, %v", changes, err)
	}
	changes, err = j.Changes(ctx, all, changes.Since, -1)
	if err != nil || !changes.Recorded || !slices.Equal(kinds(changes), []inspect.EventKind{inspect.EventReleased, inspect.EventGranted}) {
		t.Errorf("the changes before: %+v, %v", changes, err)
	}
	if changes, err = j.Changes(ctx, all, changes.Until, 1); err != nil || len(changes.Events) != 1 || changes.Recorded {
		t.Errorf("the changes after: %+v, %v", changes, err)
	}

	request := inspect.Request{Lock: inspect.LockID{Layout: layout.RWLock, Name: "/a"}, Key: keys[2], Revision: at[2]}
	if place, err := j.Granted(ctx, request); err != nil || place.Revision != deleted.Header.Revision || place.Time.IsZero() {
		t.Errorf("granted at %+v, %v", place, err)
	}
}

func kinds(c backend.Changes) (all []inspect.EventKind) {
	for _, e := range c.Events {
		all = append(all, e.Kind)
	}
	return all
}

// A recording of another cluster is not taken for the past of this one.
func TestRecordingOfAnotherCluster(t *testing.T) {
	t.Parallel()
	c, _, at := newQueue(t)
	dir := t.TempDir()
	reached, stop := record(t, c, dir, "abc")
	reached(at[2])
	stop()
	err := Run(t.Context(), c, Options{Recording: dir})
	if err == nil || !strings.Contains(err.Error(), "the recording is of another cluster: abc") {
		t.Errorf("Run = %v", err)
	}
	if err := Replay(t.Context(), layout.Builtin(), Options{Recording: t.TempDir()}); err == nil {
		t.Error("an empty folder was replayed")
	}
}

// An overview comes while the recording is read, and ends with its context.
func TestOverview(t *testing.T) {
	t.Parallel()
	c, keys, at := newQueue(t)
	dir := t.TempDir()
	reached, stop := record(t, c, dir, "")
	reached(at[2])
	deleted, err := c.Client.Delete(t.Context(), keys[0])
	if err != nil {
		t.Fatal(err)
	}
	reached(deleted.Header.Revision)
	stop()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	all := newRecording(dir, layout.Builtin(), lockclass.Rules{}).Overview(ctx)
	o := <-all
	for o.Read.After(o.Begin) {
		o = <-all
	}
	if o.Begin.IsZero() || o.End.Before(o.Begin) || slices.Max(o.Waiters) != 1 {
		t.Errorf("from %v to %v, at most %d", o.Begin, o.End, slices.Max(o.Waiters))
	}
	cancel()
	for range all { // until it is closed
	}
}

// What waiting cost is read of the part of the recording that was asked for.
func TestRecordedProfile(t *testing.T) {
	t.Parallel()
	c, keys, at := newQueue(t)
	dir := t.TempDir()
	reached, stop := record(t, c, dir, "")
	reached(at[2])
	deleted, err := c.Client.Delete(t.Context(), keys[0])
	if err != nil {
		t.Fatal(err)
	}
	reached(deleted.Header.Revision)
	stop()
	classes, err := lockclass.Parse([]string{"/a**"})
	if err != nil {
		t.Fatal(err)
	}
	r := newRecording(dir, layout.Builtin(), classes)
	end, err := r.At(t.Context(), nil, backend.Place{End: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.Profile(t.Context(), []string{"/"}, end.Floor.Time, end.Last)
	if err != nil || len(p.Classes) != 1 || p.Classes[0].Name != "/a**" || len(p.Chains) == 0 || p.Waited <= 0 {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := r.Profile(t.Context(), []string{"/"}, end.Last.Add(time.Hour), end.Last.Add(2*time.Hour)); err != nil || p.Events != 0 {
		t.Errorf("after the end: %d events, %v", p.Events, err)
	}
	if _, err := r.Profile(t.Context(), []string{"zoo"}, time.Time{}, end.Last); err == nil {
		t.Error("keys are profiled that were not recorded")
	}
}
