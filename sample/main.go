// Sample shows what package rwlock does, with four clients on one lock: two
// readers share it, a writer waits for both of them, and a reader that came
// after the writer waits for the writer.
//
//	go run ./sample                                # on an embedded etcd
//	go run ./sample --endpoints 127.0.0.1:2379     # on yours
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"etcd-lock/internal/etcd"
	"etcd-lock/rwlock"
)

const (
	lockName   = "/mylocks/a"
	sessionTTL = time.Second            // how long a lock outlives a client that died
	patience   = 2 * time.Second        // how long to wait for the lock
	work       = 500 * time.Millisecond // how long to hold it
	lateness   = 100 * time.Millisecond // between one client's start and the next one's
	startup    = 30 * time.Second       // how long etcd may take to answer at all
)

func main() {
	endpoints := flag.String("endpoints", "", "etcd to use, as host:port,…; an embedded one when empty")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *endpoints, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sample:", err)
		os.Exit(1)
	}
}

// run brings etcd and the clients together.
func run(ctx context.Context, endpoints string, out io.Writer) error {
	if endpoints == "" {
		member, err := etcd.StartEmbedded(ctx, etcd.EmbeddedConfig{})
		if err != nil {
			return err
		}
		defer member.Close()
		endpoints = member.Endpoint()
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints:   strings.Split(endpoints, ","),
		DialTimeout: 5 * time.Second,
		Logger:      zap.NewNop(),
	})
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	if err := waitForEtcd(ctx, client); err != nil {
		return fmt.Errorf("etcd at %s does not answer: %w", endpoints, err)
	}
	return fourClients(ctx, client, log.New(out, "", 0))
}

// waitForEtcd returns when etcd answers: it may have just been started.
func waitForEtcd(ctx context.Context, client *clientv3.Client) error {
	ctx, cancel := context.WithTimeout(ctx, startup)
	defer cancel()
	for {
		_, err := client.Get(ctx, lockName, clientv3.WithCountOnly())
		if err == nil {
			return nil
		}
		select {
		case <-time.After(lateness):
		case <-ctx.Done():
			return err
		}
	}
}

// worker is one client of the lock: a session, which is a lease in etcd, and a
// mutex on it.
type worker struct {
	name  string
	start time.Duration
	write bool
	lock  *rwlock.RWMutex
	*order
}

func fourClients(ctx context.Context, client *clientv3.Client, logger *log.Logger) error {
	o := &order{Logger: logger}
	workers := []*worker{
		{name: "r1", start: 0 * lateness, order: o},
		{name: "r2", start: 1 * lateness, order: o},
		{name: "rw3", start: 2 * lateness, write: true, order: o},
		{name: "r4", start: 3 * lateness, order: o},
	}

	logger.Println("PREPARE MUTEXES")
	for i, w := range workers {
		// Every client has its own session, as if it were a separate process.
		session, err := rwlock.NewSession(ctx, client, sessionTTL)
		if err != nil {
			return err
		}
		defer func() { _ = session.Close() }() // releases whatever is still held
		w.lock = session.NewRWMutex(lockName, rwlock.WithLabel(w.name))
		logger.Printf("LOCK%d", i+1)
	}

	var wg sync.WaitGroup
	for _, w := range workers {
		wg.Go(func() { w.run(ctx) })
	}
	wg.Wait()
	return ctx.Err()
}

// run acquires the lock, works, and releases the lock.
func (w *worker) run(ctx context.Context) {
	time.Sleep(w.start)
	if err := w.acquire(ctx); err != nil {
		w.Printf("%s not acquired: %v", w.name, err)
		return
	}
	time.Sleep(work) // what the lock protects goes here
	if err := w.release(); err != nil {
		w.Printf("%s not released: %v", w.name, err)
	}
}

func (w *worker) acquire(ctx context.Context) error {
	// The context bounds the wait; once acquired, the lock is held until Unlock.
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()

	w.Printf("waiting lock %s", w.name)
	lock := w.lock.RLock
	if w.write {
		lock = w.lock.RWLock
	}
	if err := lock(ctx); err != nil {
		return err
	}
	w.granted("got lock %s", w.name)
	return nil
}

func (w *worker) release() error {
	return w.released(w.lock.Unlock, "released rlock for %s", w.name)
}

// order writes the log in the order of cause and effect. It has nothing to do
// with locking: all four clients are in one process here, and the next holder
// may hear that the lock is free before Unlock's own reply is back, so that its
// "got lock" could be printed above the "released" that it follows from.
type order struct {
	*log.Logger
	releasing sync.RWMutex
}

// released unlocks and prints, while no grant can be printed.
func (o *order) released(unlock func() error, format string, args ...any) error {
	o.releasing.RLock()
	defer o.releasing.RUnlock()
	if err := unlock(); err != nil {
		return err
	}
	o.Printf(format, args...)
	return nil
}

// granted prints once every release that is under way has been printed.
func (o *order) granted(format string, args ...any) {
	o.releasing.Lock()
	defer o.releasing.Unlock()
	o.Printf(format, args...)
}
