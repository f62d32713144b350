// Package staging plays what the demo shows beside its load: a deadlock, a holder that died,
// a request without a lease, a busy lock, and quiet locks of software of many kinds. What is
// healed by hand stays healed: the clients go on in an order in which they cannot get stuck.
package staging

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
)

// The locks of the story.
const (
	Orders = "/orders/eu"       // held by checkout, which waits for Stock
	Stock  = "/stock/eu"        // held by shipping, which waits for Orders
	Import = "/jobs/import"     // held without a lease
	Backup = "/backup/nightly"  // held by a client that died
	Busy   = "/tickets/concert" // with a long queue, and nothing wrong
)

// How the story's clients behave.
const (
	ttl      = 5 * time.Second
	deadTTL  = 2 * time.Hour
	began    = 12 * time.Minute // how long ago those that are stuck say that they began
	seats    = 12               // clients of Busy
	atWork   = 2 * time.Second
	retry    = time.Second
	maxPause = 3 * time.Second
)

// stage is where the clients of the story run.
type stage struct {
	client *clientv3.Client
	wg     sync.WaitGroup
	mu     sync.Mutex
	draw   *rand.Rand
}

// Play plays the story on an etcd that the demo has for itself, until ctx ends and its
// clients have closed their sessions. What it draws at random is drawn from the seed.
func Play(ctx context.Context, client *clientv3.Client, seed uint64) {
	s := &stage{client: client, draw: rand.New(rand.NewPCG(seed, seed))}
	both := &meeting{there: make(chan struct{})}
	s.run(ctx, "checkout", crossed(both, Orders, Stock))
	s.run(ctx, "shipping", crossed(both, Stock, Orders))
	if s.leaseless(ctx) == nil {
		s.run(ctx, "import-retry", only(Import))
	}
	if s.dead(ctx) == nil {
		s.run(ctx, "backup", only(Backup))
	}
	for i := range seats {
		s.run(ctx, "seat-"+strconv.Itoa(i+1), s.hurried(Busy))
	}
	s.wg.Go(func() { s.quiet(ctx) })
	s.wg.Wait()
}

// work is what a client does with a session, again and again. An error ends that session.
type work func(ctx context.Context, session *rwlock.Session, label string) error

// run runs a client: it works with one session after the other.
func (s *stage) run(ctx context.Context, label string, does work) {
	s.wg.Go(func() {
		for ctx.Err() == nil {
			if session, err := rwlock.NewSession(ctx, s.client, ttl); err == nil {
				for err == nil {
					if err = does(ctx, session, label); err == nil {
						pause(ctx, s.some(maxPause))
					}
				}
				_ = session.Close() // else its lease expires
			}
			pause(ctx, retry)
		}
	})
}

// meeting is where clients wait for each other, once.
type meeting struct {
	mu    sync.Mutex
	came  int
	there chan struct{} // closed when both have come
}

// await returns once both are there, or ctx has ended. Afterwards there is nobody to wait
// for.
func (m *meeting) await(ctx context.Context) {
	m.mu.Lock()
	if m.came++; m.came == 2 {
		close(m.there)
	}
	m.mu.Unlock()
	select {
	case <-m.there:
	case <-ctx.Done():
	}
}

// crossed acquires two locks, at first in an order that leads to a deadlock, and in the order
// of their names from then on.
func crossed(both *meeting, first, second string) work {
	met := false
	return func(ctx context.Context, session *rwlock.Session, label string) error {
		if met {
			first, second = min(first, second), max(first, second)
		}
		return under(ctx, session, label, first, func(ctx context.Context) error {
			both.await(ctx)
			met = true
			return under(ctx, session, label, second, working)
		})
	}
}

// only acquires one lock.
func only(name string) work {
	return func(ctx context.Context, session *rwlock.Session, label string) error {
		return under(ctx, session, label, name, working)
	}
}

// hurried acquires one lock for a short time.
func (s *stage) hurried(name string) work {
	return func(ctx context.Context, session *rwlock.Session, label string) error {
		return under(ctx, session, label, name, func(ctx context.Context) error {
			pause(ctx, s.some(time.Second))
			return ctx.Err()
		})
	}
}

func working(ctx context.Context) error {
	pause(ctx, atWork)
	return ctx.Err()
}

// under does something while a lock is held.
func under(ctx context.Context, session *rwlock.Session, label, name string, do func(context.Context) error) error {
	return session.NewRWMutex(name, rwlock.WithLabel(label)).RWDo(ctx, do)
}

// leaseless writes the request of a client that put its key without a lease.
func (s *stage) leaseless(ctx context.Context) error {
	return s.put(ctx, keyspace.Encode(Import, keyspace.Write, "batch-2"), owner("batch-2", "importer", 813, began), clientv3.NoLease)
}

// dead writes the request of a client that died with much of its lease left, and that of one
// which waits for it and is alive.
func (s *stage) dead(ctx context.Context) error {
	lease, err := s.client.Grant(ctx, int64(deadTTL.Seconds()))
	if err != nil {
		return err
	}
	if err := s.put(ctx, keyspace.Encode(Backup, keyspace.Write, "db-1"), owner("db-1", "pg-backup", 2071, began), lease.ID); err != nil {
		return err
	}
	s.wg.Go(func() { s.restore(ctx) })
	return nil
}

// restore waits for Backup, works, and ends.
func (s *stage) restore(ctx context.Context) {
	lease, err := s.keptAlive(ctx)
	if err != nil {
		return
	}
	before := keyspace.Encode(Backup, keyspace.Write, "db-1")
	gone, stop := context.WithCancel(ctx)
	defer stop()
	deleted := s.client.Watch(gone, before, clientv3.WithFilterPut())
	if s.put(ctx, keyspace.Encode(Backup, keyspace.Write, "db-2"), owner("db-2", "pg-restore", 411, began-time.Minute), lease) != nil {
		return
	}
	for range deleted {
		pause(ctx, 2*atWork)
		break
	}
	s.revoke(lease)
}

// some draws a duration up to most.
func (s *stage) some(most time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return most/10 + time.Duration(s.draw.Int64N(int64(most)))
}

// owner is what a client writes into its key, which it made some time ago.
func owner(host, program string, pid int, ago time.Duration) string {
	return keyspace.Owner{Host: host, Program: program, PID: pid, Time: time.Now().Add(-ago)}.Encode()
}

// pause waits for a time, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
