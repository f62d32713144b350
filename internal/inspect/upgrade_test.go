package inspect

import (
	"context"
	"testing"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/rwlock"
)

// TestUpgradedHolder: a client that has upgraded its lock holds it for writing, and does not
// wait behind its own reader.
func TestUpgradedHolder(t *testing.T) {
	t.Parallel()
	client, name := etcdtest.Client(t, etcdtest.Shared(t)), "/"+t.Name()
	s := newSource(client)
	v := watch(t, s, name+"/")
	do := func(f func(context.Context) error) {
		t.Helper()
		if err := f(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	mutex := func() *rwlock.RWMutex { return rwlock.NewRWMutex(etcdtest.Session(t, client, 60), name) }
	is := func(want Counts) func(Update) bool {
		return func(u Update) bool { return len(u.Snapshot.Locks) == 1 && u.Snapshot.Locks[0].Count() == want }
	}
	m, other := mutex(), mutex()
	do(m.RLock)
	do(m.TryUpgrade)
	v.until("it holds for reading and writing", is(Counts{Readers: 1, Writers: 1}))
	waiter := make(chan error, 1)
	go func() { waiter <- other.RLock(t.Context()) }()
	v.until("a reader waits", is(Counts{Readers: 1, Writers: 1, Waiters: 1}))
	if l := snapshot(t, s, name+"/").Locks[0]; len(l.Blockers(1)) != 0 || len(l.Blockers(2)) != 1 || l.Queue[2].Holding {
		t.Errorf("the writer waits for %v, the reader for %v", l.Blockers(1), l.Blockers(2))
	}
	do(m.Downgrade)
	v.until("two readers", is(Counts{Readers: 2}))
	do(func(context.Context) error { return <-waiter })
}

// TestUpgradeOfOthers: what a request says of itself gets it past its session's own readers
// alone.
func TestUpgradeOfOthers(t *testing.T) {
	id := LockID{Layout: layout.RWLock, Name: "/a"}
	request := func(mode keyspace.Mode, lease, revision int64, upgrade bool) Request {
		return Request{Lock: id, Mode: mode, Lease: lease, Revision: revision, Owner: keyspace.Owner{Label: "a", Upgrade: upgrade}.Ref()}
	}
	const read, write = keyspace.Read, keyspace.Write
	for name, tt := range map[string]struct {
		queue   []Request
		holding bool // the last one is
	}{
		"its own reader":           {[]Request{request(read, 1, 1, false), request(write, 1, 2, true)}, true},
		"two readers of its own":   {[]Request{request(read, 1, 1, false), request(read, 1, 2, false), request(write, 1, 3, true)}, true},
		"its own reader, unmarked": {[]Request{request(read, 1, 1, false), request(write, 1, 2, false)}, false},
		"another reader":           {[]Request{request(read, 2, 1, false), request(write, 1, 2, true)}, false},
		"another reader first":     {[]Request{request(read, 2, 1, false), request(read, 1, 2, false), request(write, 1, 3, true)}, false},
		"another reader between":   {[]Request{request(read, 1, 1, false), request(read, 2, 2, false), request(read, 1, 3, false), request(write, 1, 4, true)}, false},
		"another writer":           {[]Request{request(read, 1, 1, false), request(write, 2, 2, false), request(write, 1, 3, true)}, false},
		"its own writer":           {[]Request{request(write, 1, 1, false), request(write, 1, 2, true)}, false},
		"no leases":                {[]Request{request(read, 0, 1, false), request(write, 0, 2, true)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := NewLock(id, tt.queue)
			last := len(l.Queue) - 1
			if got := l.Queue[last].Holding; got != tt.holding || got != (len(l.Blockers(last)) == 0) {
				t.Errorf("holding: %t, behind %v; want %t", got, l.Blockers(last), tt.holding)
			}
		})
	}
}
