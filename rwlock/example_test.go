package rwlock_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.uber.org/zap"

	"etcd-lock/internal/etcd"
	"etcd-lock/rwlock"
)

// connect stands for the caller's own client: it starts an etcd to connect to.
func connect() (client *clientv3.Client, stop func()) {
	member, err := etcd.StartEmbedded(context.Background(), etcd.EmbeddedConfig{})
	if err != nil {
		log.Fatal(err)
	}
	client, err = clientv3.New(clientv3.Config{Endpoints: []string{member.Endpoint()}, Logger: zap.NewNop()})
	if err != nil {
		log.Fatal(err)
	}
	return client, func() {
		_ = client.Close()
		member.Close()
	}
}

func Example() {
	client, stop := connect()
	defer stop()
	session, err := concurrency.NewSession(client, concurrency.WithTTL(10))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = session.Close() }()

	reader := rwlock.NewRWMutex(session, "/reports/daily")
	writer := rwlock.NewRWMutex(session, "/reports/daily")

	if err := reader.RLock(context.Background()); err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := writer.RWLock(ctx); errors.Is(err, context.DeadlineExceeded) {
		fmt.Println("the writer waited for the reader, and gave up")
	}
	if err := reader.Unlock(); err != nil {
		log.Fatal(err)
	}
	if err := writer.RWLock(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the writer has the lock")
	if err := writer.Unlock(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// the writer waited for the reader, and gave up
	// the writer has the lock
}

func ExampleRWMutex_RWDo() {
	client, stop := connect()
	defer stop()
	session, err := rwlock.NewSession(context.Background(), client, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = session.Close() }()

	m := session.NewRWMutex("/jobs/nightly")
	err = m.RWDo(context.Background(), func(ctx context.Context) error {
		// An operator takes the lock away while the job runs.
		if _, err := client.Delete(context.Background(), m.Key()); err != nil {
			return err
		}
		<-ctx.Done()
		return context.Cause(ctx)
	})
	fmt.Println(errors.Is(err, rwlock.ErrLost))
	// Output: true
}

// Two machines run the nightly job: one of them does it, and the other takes over if that one
// fails. A mark in etcd says that tonight's is done.
func ExampleKeep() {
	client, stop := connect()
	defer stop()
	const mark = "/done/nightly/2030-01-31"
	var runs atomic.Int32
	job := func(ctx context.Context, token int64) error {
		done, err := client.Get(ctx, mark)
		if err != nil || done.Count > 0 {
			return err
		}
		runs.Add(1) // here the job runs, and passes token to the stores that it writes to
		_, err = client.Put(ctx, mark, fmt.Sprint(token))
		return err
	}
	var machines sync.WaitGroup
	for range 2 {
		machines.Go(func() {
			if err := rwlock.Keep(context.Background(), client, 10*time.Second, "/jobs/nightly", job); err != nil {
				log.Print(err)
			}
		})
	}
	machines.Wait()
	fmt.Println("runs of the job:", runs.Load())
	// Output: runs of the job: 1
}

// A write to etcd itself is guarded in its own transaction: it is done while
// the lock is held, or not at all.
func ExampleRWMutex_Guard() {
	client, stop := connect()
	defer stop()
	session, err := rwlock.NewSession(context.Background(), client, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	m := session.NewRWMutex("/balance/lock")
	if err := m.RWLock(context.Background()); err != nil {
		log.Fatal(err)
	}
	guard := m.Guard()
	set := func(value string) {
		resp, err := client.Txn(context.Background()).
			If(guard).
			Then(clientv3.OpPut("/balance", value)).
			Commit()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("set to %s: %v\n", value, resp.Succeeded)
	}
	set("100")
	_ = session.Close() // or it expired, while this process was stopped
	set("200")
	// Output:
	// set to 100: true
	// set to 200: false
}

// account is a store outside etcd. It refuses whoever comes with a token that
// is older than the newest it has seen.
type account struct{ balance, newest int64 }

func (a *account) set(token, balance int64) error {
	if token < a.newest {
		return errors.New("token is older than the newest seen")
	}
	a.newest, a.balance = token, balance
	return nil
}

// A write elsewhere carries the token, and the store compares.
func ExampleRWMutex_Token() {
	client, stop := connect()
	defer stop()
	var store account

	slow, err := rwlock.NewSession(context.Background(), client, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	first := slow.NewRWMutex("/account/7")
	if err := first.RWLock(context.Background()); err != nil {
		log.Fatal(err)
	}
	stale := first.Token()
	_ = slow.Close() // it expired, and its client does not know yet

	session, err := rwlock.NewSession(context.Background(), client, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = session.Close() }()
	second := session.NewRWMutex("/account/7")
	if err := second.RWLock(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println("second:", store.set(second.Token(), 200))
	fmt.Println("first:", store.set(stale, 100))
	// Output:
	// second: <nil>
	// first: token is older than the newest seen
}

// Money moves between accounts: both are locked at the same instant, so that
// two transfers in opposite directions cannot wait for each other.
func ExampleSet() {
	client, stop := connect()
	defer stop()
	session, err := rwlock.NewSession(context.Background(), client, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = session.Close() }()

	set := session.NewSet([]rwlock.LockRequest{
		{Name: "/accounts/7", Mode: rwlock.Write},
		{Name: "/accounts/9", Mode: rwlock.Write},
		{Name: "/rates", Mode: rwlock.Read},
	})
	err = set.Do(context.Background(), func(context.Context) error {
		fmt.Println("transferred")
		return nil
	})
	fmt.Println(err)
	// Output:
	// transferred
	// <nil>
}

// One writes and then reads on, while nobody else can write in between.
func ExampleSemaphore() {
	client, stop := connect()
	defer stop()
	session, err := rwlock.NewSession(context.Background(), client, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = session.Close() }()

	// At most three conversions at a time, on all machines; a large one counts as two.
	convert := session.NewSemaphore("/convert", 3)
	other := session.NewSemaphore("/convert", 3)
	err = convert.Do(context.Background(), 2, func(context.Context) error {
		fmt.Println("two more:", other.TryAcquire(context.Background(), 2))
		fmt.Println("one more:", other.TryAcquire(context.Background(), 1))
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// two more: rwlock: lock is held by another (2 of 3 permits of semaphore "/convert")
	// one more: <nil>
}

func ExampleRWMutex_Downgrade() {
	client, stop := connect()
	defer stop()
	session, err := rwlock.NewSession(context.Background(), client, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = session.Close() }()

	m := session.NewRWMutex("/cache", rwlock.WithDowngrade())
	other := session.NewRWMutex("/cache")
	if err := m.RWLock(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println("others while writing:", other.TryRLock(context.Background()))
	if err := m.Downgrade(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println("others while reading:", other.TryRLock(context.Background()))
	// Output:
	// others while writing: rwlock: lock is held by another (read lock "/cache")
	// others while reading: <nil>
}

// A job that another machine runs already is skipped.
func ExampleRWMutex_TryRWDo() {
	client, stop := connect()
	defer stop()
	session, err := rwlock.NewSession(context.Background(), client, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = session.Close() }()

	here, there := session.NewRWMutex("/jobs/nightly"), session.NewRWMutex("/jobs/nightly")
	err = here.TryRWDo(context.Background(), func(ctx context.Context) error {
		fmt.Println("held:", here.Valid(), "until the session ends:", here.Until().Equal(session.Deadline()))
		err := there.TryRWDo(ctx, func(context.Context) error { return errors.New("runs twice") })
		fmt.Println("skipped there:", errors.Is(err, rwlock.ErrLocked))
		return nil
	})
	fmt.Println(err, here.Valid())
	// Output:
	// held: true until the session ends: true
	// skipped there: true
	// <nil> false
}

// Who waits can say for whom.
func ExampleRWMutex_Ahead() {
	client, stop := connect()
	defer stop()
	session, err := rwlock.NewSession(context.Background(), client, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = session.Close() }()

	holder := session.NewRWMutex("/stock", rwlock.WithLabel("stocktaking"))
	if err := holder.RWLock(context.Background()); err != nil {
		log.Fatal(err)
	}
	queued := make(chan struct{})
	waiter := session.NewRWMutex("/stock", rwlock.WithHook(func(e rwlock.Event) {
		if e.Kind == rwlock.EventQueued {
			close(queued)
		}
	}))
	done := make(chan error)
	go func() { done <- waiter.RLock(context.Background()) }()
	<-queued
	ahead, err := waiter.Ahead(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range ahead {
		fmt.Println("waiting for", a.Mode, a.Owner.Label)
	}
	if err := holder.Unlock(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-done)
	// Output:
	// waiting for write stocktaking
	// <nil>
}

func ExampleWithHook() {
	client, stop := connect()
	defer stop()
	session, err := rwlock.NewSession(context.Background(), client, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = session.Close() }()

	m := session.NewRWMutex("/jobs/nightly", rwlock.WithHook(func(e rwlock.Event) {
		fmt.Println(e.Kind, e.Locks[0].Mode, e.Locks[0].Name)
	}))
	if err := m.RLock(context.Background()); err != nil {
		log.Fatal(err)
	}
	if err := m.Unlock(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// waiting read /jobs/nightly
	// granted read /jobs/nightly
	// released read /jobs/nightly
}
