package rwlock

import (
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// NeverMirror makes the waiters of a client watch the requests ahead of them, as those do in
// queues that do not suit a mirror.
func NeverMirror(client *clientv3.Client, names ...string) {
	w := stateOf(client).waits
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range names {
		for _, slots := range []bool{false, true} {
			w.unsuitable[queueID{name, slots}] = unsuitable{until: time.Now().AddDate(1, 0, 0)}
		}
	}
}
