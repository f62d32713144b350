package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"etcd-lock/internal/etcdtest"
)

// uncontended measures lock + unlock without contention.
func (b bench) uncontended() {
	session := b.sessions(1)[0]
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
	sessions := b.sessions(2)
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

func perSecond(rate float64) string { return fmt.Sprintf("%.0f/s", rate) }

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
		sessions := b.sessions(n + 1)
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
