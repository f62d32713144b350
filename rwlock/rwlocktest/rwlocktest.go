// Package rwlocktest has an etcd in memory, for tests of programs that use package rwlock.
//
// Its clients are etcd's own, so that a program runs unchanged on them: sessions, locks, and
// whatever else it keeps in etcd. In a bubble of testing/synctest, all that takes time takes
// none: a test of a lease that expires is over in milliseconds.
//
//	synctest.Test(t, func(t *testing.T) {
//		client := rwlocktest.New().Client(t)
//		session, err := rwlock.NewSession(t.Context(), client, 10*time.Second)
//		...
//		defer session.Close()
//	})
//
// It answers calls of keys, transactions, watches, leases and compaction as etcd 3.7 does,
// against which it is tested. Users, alarms, maintenance and what else an etcd has are not there:
// such calls return the gRPC code Unimplemented. Leases have a TTL of at least two seconds, as
// with etcd's defaults.
//
// To take a lock away from a program, delete its key or revoke its lease with another client,
// or cut its connection with Cut.
package rwlocktest

import (
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/simetcd"
)

// Etcd is an etcd in memory. It needs no closing. It is safe for concurrent use. In a bubble of
// testing/synctest, it and its clients belong to the bubble in which it was made.
type Etcd struct {
	cluster *simetcd.Cluster
	bubbled bool

	mu    sync.Mutex
	links map[*clientv3.Client]*simetcd.Link
}

// rest is how long goroutines of a closed client may still sleep before they notice: a bubble
// must not end before them.
const rest = time.Second

// New returns an empty etcd.
func New() *Etcd {
	return &Etcd{
		cluster: simetcd.New(simetcd.Options{Instant: true}),
		bubbled: time.Now().Year() < 2020, // where the time of bubbles begins, in 2000
		links:   map[*clientv3.Client]*simetcd.Link{},
	}
}

// Client returns a client of the etcd, which is closed when the test ends.
func (e *Etcd) Client(tb testing.TB) *clientv3.Client {
	tb.Helper()
	client, link, err := e.cluster.Client()
	if err != nil {
		tb.Fatal(err)
	}
	e.mu.Lock()
	e.links[client] = link
	e.mu.Unlock()
	tb.Cleanup(func() {
		_ = client.Close() // its error is that of a context that has ended
		if e.bubbled {
			time.Sleep(rest)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.links, client)
	})
	return client
}

// Cut breaks the connection of one of the etcd's clients, and lets it make none for d. It does
// nothing to other clients.
func (e *Etcd) Cut(client *clientv3.Client, d time.Duration) {
	e.mu.Lock()
	link := e.links[client]
	e.mu.Unlock()
	if link != nil {
		link.Cut(d)
	}
}
