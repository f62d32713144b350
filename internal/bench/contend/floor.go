package main

import (
	"context"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

// floor is what any lock needs of etcd to be handed on: the transaction that puts a key, the
// one that deletes it, and the event that tells the next one, which is known. It is no lock:
// its waiters form a circle, and each believes that the one before it held the lock.
type floor struct {
	keys   []string
	events []clientv3.WatchChan // of the deletion of each key, for the waiter after it
}

// newFloor opens the watches of n waiters, and has the last one hold what it has not put.
func newFloor(ctx context.Context, opened []*concurrency.Session, n int) *floor {
	f := &floor{keys: make([]string, n), events: make([]clientv3.WatchChan, n)}
	for i := range n {
		f.keys[i] = fmt.Sprintf("%s/write/%036d", *name, i)
	}
	for i := range n {
		client := opened[(i+1)%n%len(opened)].Client()
		f.events[i] = client.Watch(ctx, f.keys[i], clientv3.WithFilterPut(), clientv3.WithCreatedNotify())
		<-f.events[i]
	}
	return f
}

// locker returns a function that takes the turn of waiter i, and gives it on.
func (f *floor) locker(i int, s *concurrency.Session) func(context.Context) error {
	client, key, ahead := s.Client(), f.keys[i], f.events[(i+len(f.keys)-1)%len(f.keys)]
	first := i == 0
	return func(ctx context.Context) error {
		put := client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
			Then(clientv3.OpPut(key, fmt.Sprintf("%0100d", i), clientv3.WithLease(s.Lease())))
		if _, err := put.Commit(); err != nil {
			return err
		}
		if !first && !stopped.Load() {
			<-ahead
		}
		first = false
		handOffs.Add(1)
		_, err := client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(key), ">", 0)).Then(clientv3.OpDelete(key)).Commit()
		return err
	}
}
