package deterministic

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/simetcd"
)

// inspector is an inspector of the locks that are used, and what it has been sent.
type inspector struct {
	*world
	client  *clientv3.Client
	link    *simetcd.Link
	source  *inspect.Source
	stop    context.CancelFunc
	done    chan struct{}
	reached atomic.Int64 // the revision of the last update
	last    inspect.Update
	synced  bool
}

// inspect watches all locks. Its connection has the faults of the first client.
func (w *world) inspect() *inspector {
	client, link, err := w.Client()
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	in := &inspector{world: w, client: client, link: link, source: inspect.NewSource(client), stop: stop, done: make(chan struct{})}
	updates := in.source.Watch(ctx, "/")
	go func() {
		defer close(in.done)
		for u := range updates {
			in.take(u)
		}
	}()
	for _, f := range w.Faults {
		time.AfterFunc(f.At, func() {
			if f.Target%2 == 0 && f.Kind != faultCrash {
				trouble(nil, link, f)
			}
		})
	}
	return in
}

// take compares an update with the model, and with the update before.
func (in *inspector) take(u inspect.Update) {
	s := u.Snapshot
	if s.Revision == 0 {
		return
	}
	in.compare("the watch", s)
	if in.synced && u.Missed == 0 && !u.Resynced.Happened() {
		in.fold(u)
	}
	if s.Revision < in.last.Snapshot.Revision && !u.Resynced.Happened() {
		in.failed("revision %d after %d", s.Revision, in.last.Snapshot.Revision)
	}
	in.last, in.synced = u, true
	in.reached.Store(s.Revision)
}

func (in *inspector) failed(format string, args ...any) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.fail("inspector", format, args...)
}

// compare holds a snapshot to the model at its revision.
func (in *inspector) compare(who string, s inspect.Snapshot) {
	if got, want := shown(s), modelled(in.Keys("/", s.Revision)); got != want {
		in.failed("%s at revision %d shows\n%swant\n%s", who, s.Revision, got, want)
	}
}

// fold holds a snapshot to the one before and the events that led from it.
func (in *inspector) fold(u inspect.Update) {
	held := map[string]bool{}
	for _, l := range in.last.Snapshot.Locks {
		for _, r := range l.Queue {
			held[identity(r)] = r.Holding
		}
	}
	for _, e := range u.Events {
		switch id := identity(e.Request); {
		case e.Kind.OfOther():
		case e.Kind.Gone():
			delete(held, id)
		default:
			held[id] = e.Kind == inspect.EventGranted
		}
	}
	var next []string
	for _, l := range u.Snapshot.Locks {
		for _, r := range l.Queue {
			if was, known := held[identity(r)]; !known || was != r.Holding {
				in.failed("events up to revision %d do not lead to %s of revision %d", u.Snapshot.Revision, shape(r.Key), r.Revision)
			}
			next = append(next, identity(r))
		}
	}
	if len(next) != len(held) {
		in.failed("events up to revision %d lead to %d requests, the snapshot has %d", u.Snapshot.Revision, len(held), len(next))
	}
}

func identity(r inspect.Request) string { return fmt.Sprint(r.Key, " ", r.Revision) }

// end checks that the watch has got as far as etcd, and a snapshot of the past.
func (in *inspector) end() {
	for until := later(time.Now(), in.calm).Add(patience); in.reached.Load() < in.Revision(); time.Sleep(time.Second) {
		if time.Now().After(until) {
			in.failed("the watch is at revision %d, etcd at %d", in.reached.Load(), in.Revision())
			break
		}
	}
	for rev := in.Revision(); rev > 1; rev -= max(in.Revision()/4, 1) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		s, err := in.source.SnapshotAt(ctx, rev, "/")
		cancel()
		if err == nil {
			in.compare("the snapshot of the past", s)
		}
	}
	in.stop()
	<-in.done
	_ = in.client.Close()
}

// shown is a snapshot as text, a line for each request.
func shown(s inspect.Snapshot) string {
	var lines []string
	for _, l := range s.Locks {
		for _, r := range l.Queue {
			lines = append(lines, fmt.Sprintf("  %s %s %d %d %t\n", l.ID.Name, shape(r.Key), r.Revision, r.Lease, r.Holding))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// modelled is what a snapshot of these keys shows, worked out without the inspector.
func modelled(kvs []*mvccpb.KeyValue) string {
	var lines []string
	for _, kv := range kvs {
		if line, ok := modelledSlot(kv, kvs); ok {
			lines = append(lines, line)
		}
		if key, ok := keyspace.ParseRWLock(string(kv.Key)); ok {
			lines = append(lines, fmt.Sprintf("  %s %s %d %d %t\n", key.Name, shape(string(kv.Key)), kv.CreateRevision, kv.Lease, holds(kv, kvs)))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// holds reports whether a request to read or write holds its lock, as these keys tell. What
// clients know of their grants has to agree: see checkGrant.
func holds(kv *mvccpb.KeyValue, kvs []*mvccpb.KeyValue) bool {
	key, _ := keyspace.ParseRWLock(string(kv.Key))
	return !slices.ContainsFunc(kvs, func(before *mvccpb.KeyValue) bool {
		b, ok := keyspace.ParseRWLock(string(before.Key))
		blocks := ok && b.Name == key.Name && before.CreateRevision < kv.CreateRevision
		excludes := b.Mode == keyspace.Write || key.Mode == keyspace.Write
		upgraded := b.Mode == keyspace.Read && before.Lease == kv.Lease && bytes.Contains(kv.Value, []byte(`"upgrade":true`))
		return blocks && excludes && !upgraded
	})
}
