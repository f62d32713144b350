package simulate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"etcd-lock/rwlock"
)

// Contention is a workload without an end: workers that take, hold and release
// locks over and over.
type Contention struct {
	Workers []Worker
	Seed    uint64           // the same seed draws the same holds and pauses
	Hold    [2]time.Duration // how long a lock is held: from, to
	Pause   [2]time.Duration // between two acquisitions: from, to
}

// Worker takes locks in its own session.
type Worker struct {
	Label  string   // what its requests say of their owner
	Locks  []string // each round takes one of them
	Writes float64  // share of the rounds that write, from 0 to 1
	Mutex  bool     // use etcd's own concurrency.Mutex, which only writes
}

const (
	contendTTL   = 5 * time.Second
	contendRetry = 500 * time.Millisecond // after a session that could not be opened
)

// Contend works until ctx ends, and returns when all workers have closed their
// sessions. A worker that loses its session, or etcd, starts anew.
func Contend(ctx context.Context, client *clientv3.Client, c Contention) {
	var wg sync.WaitGroup
	for i, w := range c.Workers {
		l := labourer{Worker: w, Contention: c, random: rand.New(rand.NewPCG(c.Seed, uint64(i)))}
		wg.Go(func() { l.work(ctx, client) })
	}
	wg.Wait()
}

// labourer is a worker at work.
type labourer struct {
	Worker
	Contention
	random *rand.Rand
}

func (l *labourer) work(ctx context.Context, client *clientv3.Client) {
	for ctx.Err() == nil {
		s, err := rwlock.NewSession(ctx, client, contendTTL)
		if err != nil {
			sleep(ctx, contendRetry)
			continue
		}
		for ctx.Err() == nil && s.Ctx().Err() == nil {
			l.round(ctx, s)
		}
		_ = s.Close() // what is left goes with the lease
	}
}

// round takes a lock, holds it, gives it back and rests.
func (l *labourer) round(ctx context.Context, s *rwlock.Session) {
	unlock, err := l.take(ctx, s)
	if err == nil {
		sleep(ctx, l.between(l.Hold))
		err = unlock()
	}
	if err != nil { // no reason to hurry
		sleep(ctx, contendRetry)
	}
	sleep(ctx, l.between(l.Pause))
}

func (l *labourer) take(ctx context.Context, s *rwlock.Session) (unlock func() error, err error) {
	name := l.Locks[l.random.IntN(len(l.Locks))]
	if l.Mutex {
		return takeMutex(ctx, s, name)
	}
	m := s.NewRWMutex(name, rwlock.WithLabel(l.Label))
	if l.random.Float64() < l.Writes {
		return m.Unlock, m.RWLock(ctx)
	}
	return m.Unlock, m.RLock(ctx)
}

// takeMutex takes etcd's own mutex on the lease of s.
func takeMutex(ctx context.Context, s *rwlock.Session, name string) (unlock func() error, err error) {
	cs, err := concurrency.NewSession(s.Client(), concurrency.WithLease(s.Lease()))
	if err != nil {
		return nil, err
	}
	m := concurrency.NewMutex(cs, name)
	if err := m.Lock(ctx); err != nil {
		cs.Orphan()
		return nil, err
	}
	return func() error {
		defer cs.Orphan()
		// With a context that has ended, Unlock would leave the key.
		return m.Unlock(s.Ctx())
	}, nil
}

func (l *labourer) between(d [2]time.Duration) time.Duration {
	if d[1] <= d[0] {
		return d[0]
	}
	return d[0] + time.Duration(l.random.Int64N(int64(d[1]-d[0])))
}

// Demo is a workload to look at: readers and writers on a handful of names, so
// that something is held, waited for and handed over at any moment.
func Demo(seed uint64) Contention {
	c := Contention{
		Seed:  seed,
		Hold:  [2]time.Duration{300 * time.Millisecond, 3 * time.Second},
		Pause: [2]time.Duration{100 * time.Millisecond, 1500 * time.Millisecond},
	}
	shop := []string{"/orders/42", "/inventory/7"}
	back := []string{"/reports/daily", "/inventory/7"}
	c.add(4, Worker{Label: "checkout", Locks: shop, Writes: 0.4})
	c.add(3, Worker{Label: "report", Locks: back, Writes: 0.1})
	c.add(1, Worker{Label: "restock", Locks: back, Writes: 1})
	c.add(2, Worker{Label: "scheduler", Locks: []string{"/leader/scheduler"}, Mutex: true})
	return c
}

// add adds n workers like w, numbered.
func (c *Contention) add(n int, w Worker) {
	label := w.Label
	for i := range n {
		w.Label = fmt.Sprintf("%s-%d", label, i+1)
		c.Workers = append(c.Workers, w)
	}
}
