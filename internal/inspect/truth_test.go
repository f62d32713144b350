package inspect

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/locks"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/scenario"
)

var truthSeeds = flag.Uint64("truth", 12, "how many crowds of clients TestTruth runs")

// TestTruth holds what a snapshot says to what real clients do. Keys of all kinds are
// in etcd, then clients of all kinds request locks, some of whose names lie below
// others, and more keys are written, over those of requests too. In between, some keys
// are deleted. At each point, those clients hold that the snapshot says hold.
func TestTruth(t *testing.T) {
	t.Parallel()
	for seed := range *truthSeeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			c := &crowdOfClients{
				T: t, rng: rand.New(rand.NewPCG(seed, 11)), client: etcdtest.Client(t, etcdtest.Shared(t)),
				prefix: fmt.Sprintf("/truth%d", seed), granted: map[string]bool{},
			}
			c.run()
		})
	}
}

// crowdOfClients are clients of one etcd and what is known of them.
type crowdOfClients struct {
	*testing.T
	rng    *rand.Rand
	client *clientv3.Client
	prefix string

	mu      sync.Mutex
	granted map[string]bool // by key
}

func (c *crowdOfClients) run() {
	ctx, cancel := context.WithCancel(c.Context())
	var clients sync.WaitGroup
	defer clients.Wait()
	defer cancel()
	for step := range 80 {
		switch kind := c.rng.IntN(10); {
		case kind < 3:
			c.write()
		case kind < 5:
			c.delete()
		default:
			c.start(ctx, &clients)
		}
		if step%4 == 3 {
			c.compare()
		}
	}
	c.compare()
}

// name is the name of a lock.
func (c *crowdOfClients) name() string {
	return c.prefix + []string{"", "/a", "/a/b", "/a/read", "/write"}[c.rng.IntN(5)]
}

// write writes a key that is no request.
func (c *crowdOfClients) write() {
	key := c.name() + []string{"/x", "/read/x/y", "/write-protected", "/writers/x", "/else/read/"}[c.rng.IntN(5)] + strconv.Itoa(c.rng.IntN(3))
	if _, err := c.client.Put(c.Context(), key, "x"); err != nil {
		c.Error(err)
	}
}

// delete deletes a key, whatever it is.
func (c *crowdOfClients) delete() {
	resp, err := c.client.Get(c.Context(), c.prefix+"/", clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil || len(resp.Kvs) == 0 {
		return
	}
	key := string(resp.Kvs[c.rng.IntN(len(resp.Kvs))].Key)
	if _, err := c.client.Delete(c.Context(), key); err != nil {
		c.Error(err)
	}
}

// start starts a client of some kind, and returns when its key is in etcd.
func (c *crowdOfClients) start(ctx context.Context, clients *sync.WaitGroup) {
	session, name := etcdtest.Session(c.T, c.client, 60), c.name()
	lease := session.Lease()
	var lock func() error
	switch c.rng.IntN(6) {
	case 0:
		lock = func() error { return concurrency.NewMutex(session, name).Lock(ctx) }
	case 1:
		lock = func() error { return concurrency.NewElection(session, name).Campaign(ctx, "value") }
	case 2:
		lease, lock = c.recipe(ctx, name, rwlock.Write)
	case 3:
		lease, lock = c.recipe(ctx, name, rwlock.Read)
	case 4:
		lock = func() error { return rwlock.NewRWMutex(session, name).RWLock(ctx) }
	default:
		lock = func() error { return rwlock.NewRWMutex(session, name).RLock(ctx) }
	}
	clients.Go(func() {
		if lock() == nil {
			c.noteGrant(lease)
		}
	})
	etcdtest.Eventually(c.T, "its request is in etcd", func() bool { return len(c.keysOf(lease)) > 0 })
}

// recipe requests a lock of etcd's recipe.
func (c *crowdOfClients) recipe(ctx context.Context, name string, mode rwlock.Mode) (clientv3.LeaseID, func() error) {
	session, err := rwlock.NewSession(ctx, c.client, time.Minute)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { _ = session.Close() })
	locker, err := locks.New(session, scenario.ImplRecipe)
	if err != nil {
		c.Fatal(err)
	}
	return session.Lease(), func() error {
		_, err := locker.Acquire(ctx, locks.Request{Wants: []rwlock.LockRequest{{Name: name, Mode: mode}}})
		return err
	}
}

func (c *crowdOfClients) keysOf(lease clientv3.LeaseID) []string {
	resp, err := c.client.TimeToLive(c.Context(), lease, clientv3.WithAttachedKeys())
	if err != nil {
		return nil
	}
	var keys []string
	for _, k := range resp.Keys {
		keys = append(keys, string(k))
	}
	return keys
}

func (c *crowdOfClients) noteGrant(lease clientv3.LeaseID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range c.keysOf(lease) {
		c.granted[key] = true
	}
}

// compare waits until those clients hold that the snapshot says hold, and fails if
// they do not, or if any other holds.
func (c *crowdOfClients) compare() {
	s, err := NewSource(c.client).Snapshot(c.Context(), c.prefix+"/")
	if err != nil {
		c.Fatal(err)
	}
	for _, l := range s.Locks {
		for i, r := range l.Queue {
			blockers := l.Blockers(i)
			switch {
			case r.Lease == 0: // nobody waits by it
			case r.Holding:
				etcdtest.Eventually(c.T, fmt.Sprintf("%s is granted", r.Key), func() bool { return c.isGranted(r.Key) })
			case slices.ContainsFunc(blockers, r.MayIgnore):
			case c.isGranted(r.Key):
				c.Fatalf("%s was granted, but waits for %v", r.Key, blockers)
			}
		}
	}
}

func (c *crowdOfClients) isGranted(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.granted[key]
}
