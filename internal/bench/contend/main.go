// Command contend makes sessions take one lock in turns, and prints how often and with how
// many requests they did, as JSON. The benchmark runs it for each implementation of locks,
// and builds it beside an older build of package rwlock too.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	recipe "go.etcd.io/etcd/client/v3/experimental/recipes"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"etcd-lock/rwlock"
)

var (
	endpoint = flag.String("endpoint", "", "of etcd")
	who      = flag.String("who", "rwlock", "implementation: rwlock, mutex, recipe or floor")
	name     = flag.String("name", "/contended", "of the lock")
	waiters  = flag.Int("waiters", 10, "number of goroutines that take the lock in turns")
	sessions = flag.Int("sessions", 500, "number of sessions, at most")
	clients  = flag.Int("clients", 8, "number of clients, at most")
	warmUp   = flag.Duration("warm-up", time.Second, "before counting")
	measure  = flag.Duration("measure", 3*time.Second, "how long to count")
)

// Counted is what is printed: at the start of the count, and at its end.
type Counted struct {
	HandOffs, Requests, Events int64
	Time                       time.Time
}

var (
	handOffs, requests, events atomic.Int64
	stopped                    atomic.Bool
	formed                     = make(chan struct{}) // closed once all wait
)

func main() {
	flag.Parse()
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	opened, err := open(ctx)
	if err != nil {
		return err
	}
	lock := func(i int) func(context.Context) error { return locker(opened[i%len(opened)]) }
	if *who == "floor" {
		circle := newFloor(ctx, opened, *waiters)
		lock = func(i int) func(context.Context) error { return circle.locker(i, opened[i%len(opened)]) }
	}
	errs := make(chan error, *waiters)
	var working sync.WaitGroup
	for i := range *waiters {
		turn := lock(i)
		working.Go(func() {
			for !stopped.Load() {
				if err := turn(ctx); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	if err := form(ctx, opened[0].Client(), len(opened)); err != nil {
		return err
	}
	time.Sleep(*warmUp)
	out := json.NewEncoder(os.Stdout)
	_ = out.Encode(count())
	select {
	case err := <-errs:
		return err
	case <-time.After(*measure):
	}
	_ = out.Encode(count())
	stopped.Store(true)
	working.Wait()
	for _, s := range opened {
		_ = s.Close()
	}
	return nil
}

// form waits until all are in the queue. Until then the first one holds the lock: hand-offs
// beside thousands that ask at once cost what they never do afterwards.
func form(ctx context.Context, client *clientv3.Client, sessions int) error {
	defer close(formed)
	want := int64(*waiters)
	switch *who {
	case "floor": // they have no queue
		return nil
	case "mutex": // has one key for each session
		want = int64(sessions)
	}
	for {
		resp, err := client.Get(ctx, *name+"/", clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil || resp.Count >= want {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func count() Counted {
	return Counted{HandOffs: handOffs.Load(), Requests: requests.Load(), Events: events.Load(), Time: time.Now()}
}

// open opens the sessions, on a few clients, as a few processes would.
func open(ctx context.Context) ([]*concurrency.Session, error) {
	conns := make([]*clientv3.Client, min(*waiters, *clients))
	for i := range conns {
		conn, err := clientv3.New(clientv3.Config{
			Endpoints: []string{*endpoint},
			Logger:    zap.NewNop(),
			DialOptions: []grpc.DialOption{
				grpc.WithChainUnaryInterceptor(countUnary), grpc.WithChainStreamInterceptor(countStream),
			},
		})
		if err != nil {
			return nil, err
		}
		conns[i] = conn
	}
	opened := make([]*concurrency.Session, min(*waiters, *sessions))
	for i := range opened {
		s, err := concurrency.NewSession(conns[i%len(conns)], concurrency.WithTTL(300), concurrency.WithContext(ctx))
		if err != nil {
			return nil, err
		}
		opened[i] = s
	}
	return opened, nil
}

// locker returns a function that takes the lock and releases it.
func locker(s *concurrency.Session) func(context.Context) error {
	switch *who {
	case "mutex":
		return func(ctx context.Context) error {
			m := concurrency.NewMutex(s, *name)
			return pair(func() error { return m.Lock(ctx) }, func() error { return m.Unlock(ctx) })
		}
	case "recipe":
		return func(context.Context) error {
			m := recipe.NewRWMutex(s, *name)
			return pair(m.Lock, m.Unlock)
		}
	default:
		m := rwlock.NewRWMutex(s, *name)
		return func(ctx context.Context) error { return pair(func() error { return m.RWLock(ctx) }, m.Unlock) }
	}
}

func pair(lock, unlock func() error) error {
	if err := lock(); err != nil {
		return err
	}
	handOffs.Add(1)
	<-formed
	return unlock()
}

func countUnary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	requests.Add(1)
	return invoke(ctx, method, req, reply, cc, opts...)
}

func countStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := open(ctx, desc, cc, method, opts...)
	return counted{stream}, err
}

// counted is a stream on which new watches and events are counted.
type counted struct{ grpc.ClientStream }

func (c counted) SendMsg(m any) error {
	if req, ok := m.(*etcdserverpb.WatchRequest); ok && req.GetCreateRequest() != nil {
		requests.Add(1)
	}
	return c.ClientStream.SendMsg(m)
}

func (c counted) RecvMsg(m any) error {
	err := c.ClientStream.RecvMsg(m)
	if resp, ok := m.(*etcdserverpb.WatchResponse); ok && err == nil {
		events.Add(int64(len(resp.Events)))
	}
	return err
}
