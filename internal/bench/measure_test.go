package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"etcd-lock/internal/etcdtest"
)

// uncontended measures lock + unlock without contention.
func (b bench) uncontended() {
	session := b.sessions(1, nil)[0]
	contenders := []contender{raw(), bare(), rwlocks(), mutex(), recipeRWMutex()}
	took := make([][]time.Duration, len(contenders))
	for range b.pairs {
		for i, c := range contenders {
			began := time.Now()
			unlock, err := c.write(session, "/alone/"+c.name)
			b.must(err)
			b.must(unlock())
			took[i] = append(took[i], time.Since(began))
		}
	}
	rows := [][]string{{"lock + unlock", "p50", "× raw"}}
	for i, c := range contenders {
		rows = append(rows, []string{c.name, milliseconds(median(took[i])), ratio(median(took[i]), median(took[0]))})
	}
	b.table("Without contention", rows)
}

// handOff measures the time from a holder's unlock to the return of a waiter
// that has waited for a while. The limit is how long etcd takes to notify a watch.
func (b bench) handOff() {
	sessions := b.sessions(2, nil)
	contenders := []contender{rwlocks(), mutex(), recipeRWMutex()}
	rows := [][]string{{"waiter has waited", "limit", "rwlock", "concurrency.Mutex", "recipe RWMutex", "rwlock ÷ limit", "Mutex ÷ rwlock"}}
	for _, wait := range b.waits {
		took := make([][]time.Duration, 1+len(contenders))
		for range 20 * b.rounds {
			took[0] = append(took[0], b.limit(sessions, wait))
			for i, c := range contenders {
				took[i+1] = append(took[i+1], b.oneHandOff(c, sessions, wait))
			}
		}
		limit, mine, peer := median(took[0]), median(took[1]), median(took[2])
		rows = append(rows, []string{
			wait.String(), milliseconds(limit), milliseconds(mine), milliseconds(peer), milliseconds(median(took[3])),
			ratio(mine, limit), ratio(peer, mine),
		})
	}
	b.table("Hand-off to one waiter, p50", rows)
}

func (b bench) oneHandOff(c contender, sessions []*concurrency.Session, wait time.Duration) time.Duration {
	name := "/hand-off/" + c.name
	unlock, err := c.write(sessions[0], name)
	b.must(err)
	got, done := make(chan time.Time, 1), make(chan error, 1)
	go func() {
		unlock, err := c.write(sessions[1], name)
		got <- time.Now()
		if err == nil {
			err = unlock()
		}
		done <- err
	}()
	time.Sleep(wait)
	began := time.Now()
	b.must(unlock())
	took := (<-got).Sub(began)
	b.must(<-done)
	return took
}

// limit measures the time from a delete to its event on a synced watch.
func (b bench) limit(sessions []*concurrency.Session, wait time.Duration) time.Duration {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := sessions[0].Client().Put(ctx, "/limit", "")
	b.must(err)
	events := sessions[1].Client().Watch(ctx, "/limit", clientv3.WithCreatedNotify())
	<-events
	time.Sleep(wait)
	began := time.Now()
	go func() { _, _ = sessions[0].Client().Delete(ctx, "/limit") }()
	<-events
	return time.Since(began)
}

// throughput measures hand-offs per second on one name, and what each costs in
// requests to etcd and events from it.
func (b bench) throughput() {
	contenders := []contender{rwlocks(), mutex(), recipeRWMutex()}
	rows := [][]string{{"sessions", "rwlock", "concurrency.Mutex", "recipe RWMutex", "rwlock ÷ faster of the others", "requests per hand-off: rwlock, Mutex, recipe", "events per hand-off: rwlock, Mutex, recipe"}}
	for _, n := range b.queues {
		c := &counts{}
		sessions := b.sessions(n, c)
		rates := make([][]float64, len(contenders))
		requests, events := make([]string, len(contenders)), make([]string, len(contenders))
		for range b.rounds {
			for i, who := range contenders {
				r := b.contend(who, sessions, c)
				rates[i] = append(rates[i], r.rate)
				requests[i], events[i] = fmt.Sprintf("%.1f", r.requests), fmt.Sprintf("%.1f", r.events)
			}
		}
		mine, better := median(rates[0]), max(median(rates[1]), median(rates[2]))
		rows = append(rows, []string{
			fmt.Sprint(n), perSecond(mine), perSecond(median(rates[1])), perSecond(median(rates[2])), ratio(mine, better),
			fmt.Sprint(requests), fmt.Sprint(events),
		})
	}
	b.table("Hand-offs per second on one name", rows)
}

func perSecond(rate float64) string { return fmt.Sprintf("%.0f/s", rate) }

type rates struct{ rate, requests, events float64 }

// contend makes all sessions lock and unlock one name in a loop for a while.
func (b bench) contend(who contender, sessions []*concurrency.Session, c *counts) rates {
	var handOffs atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for _, s := range sessions {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for !closed(stop) {
				unlock, err := who.write(s, "/contended/"+who.name)
				handOffs.Add(1)
				if err == nil {
					err = unlock()
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		}()
	}
	time.Sleep(b.warmUp)
	began := time.Now()
	h, r, e := handOffs.Load(), c.requests.Load(), c.events.Load()
	time.Sleep(b.measure)
	n := float64(handOffs.Load() - h)
	result := rates{
		rate:     n / time.Since(began).Seconds(),
		requests: float64(c.requests.Load()-r) / n,
		events:   float64(c.events.Load()-e) / n,
	}
	close(stop)
	wg.Wait()
	return result
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// herd measures the time from a writer's unlock until all readers that waited
// for it hold the lock.
func (b bench) herd() {
	contenders := []contender{rwlocks(), recipeRWMutex()}
	rows := [][]string{{"readers", "rwlock", "recipe RWMutex", "recipe ÷ rwlock"}}
	for _, n := range b.readers {
		sessions := b.sessions(n+1, nil)
		took := make([][]time.Duration, len(contenders))
		for range b.rounds {
			for i, c := range contenders {
				took[i] = append(took[i], b.oneHerd(c, sessions))
			}
		}
		rows = append(rows, []string{
			fmt.Sprint(n), milliseconds(median(took[0])), milliseconds(median(took[1])), ratio(median(took[1]), median(took[0])),
		})
	}
	b.table("One writer unlocks: the time until the last of the waiting readers holds the lock", rows)
}

func (b bench) oneHerd(c contender, sessions []*concurrency.Session) time.Duration {
	name := "/herd/" + c.name
	unlock, err := c.write(sessions[0], name)
	b.must(err)
	readers := sessions[1:]
	got := make(chan time.Time, len(readers))
	unlocked := make(chan error, len(readers))
	release := make(chan struct{})
	for _, s := range readers {
		go func() {
			unlock, err := c.read(s, name)
			got <- time.Now()
			<-release
			if err == nil {
				err = unlock()
			}
			unlocked <- err
		}()
	}
	client := sessions[0].Client()
	etcdtest.Eventually(b.T, "all readers in the queue", func() bool {
		resp, err := client.Get(context.Background(), name+"/read/", clientv3.WithPrefix(), clientv3.WithCountOnly())
		return err == nil && int(resp.Count) == len(readers)
	})
	time.Sleep(300 * time.Millisecond) // for their watches, which cannot be observed
	began := time.Now()
	b.must(unlock())
	times := make([]time.Time, len(readers))
	for i := range times {
		times[i] = <-got
	}
	close(release)
	for range readers {
		b.must(<-unlocked)
	}
	return slices.MaxFunc(times, time.Time.Compare).Sub(began)
}
