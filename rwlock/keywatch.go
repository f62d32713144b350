package rwlock

import (
	"context"
	"math"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// maxIdleKeys is how many watches of keys a client keeps that nobody uses.
const maxIdleKeys = 64

// keyWatch watches a key for all requests of a client that wait for its deletion. It is kept
// for a while when there are none: in a lock that is requested again and again, the request
// ahead of a client's next one often has the key of the one before.
type keyWatch struct {
	key  string
	stop context.CancelFunc

	users int         // guarded by localWaits
	idle  *time.Timer // ends the watch; guarded by localWaits

	mu sync.Mutex
	keyState
}

// watchKey returns the watch of a key. The caller must call unwatchKey.
func (w *localWaits) watchKey(key string) *keyWatch {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.keys[key]
	if k != nil && k.state().err != nil { // it is about to be removed
		w.remove(k)
		k = nil
	}
	if k == nil {
		ctx, stop := context.WithCancel(w.client.Ctx())
		k = &keyWatch{key: key, stop: stop, keyState: keyState{changed: make(chan struct{})}}
		k.idle = time.AfterFunc(linger, func() { w.removeIfIdle(k) })
		w.keys[key] = k
		watch := newTrustedWatch(ctx, w.client)
		go func() {
			err := k.run(watch)
			k.update(func() { k.err = err })
		}()
	} else if k.users == 0 {
		w.idle--
	}
	k.idle.Stop()
	k.users++
	return k
}

// unwatchKey gives a watch back.
func (w *localWaits) unwatchKey(k *keyWatch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if k.users--; k.users > 0 || w.keys[k.key] != k {
		return
	}
	w.idle++
	if w.idle > maxIdleKeys || k.state().err != nil {
		w.remove(k)
		return
	}
	k.idle.Reset(linger)
}

// removeIfIdle ends a watch that nobody uses.
func (w *localWaits) removeIfIdle(k *keyWatch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if k.users == 0 && w.keys[k.key] == k {
		w.remove(k)
	}
}

// remove ends a watch, or lets its users find that it has ended. The caller holds w.mu.
func (w *localWaits) remove(k *keyWatch) {
	delete(w.keys, k.key)
	if k.users == 0 {
		w.idle--
	}
	k.idle.Stop()
	k.stop()
}

// run watches the key until that fails.
func (k *keyWatch) run(w *trustedWatch) error {
	defer k.stop()
	defer w.end()
	w.open(k.key, clientv3.WithFilterPut())
	for {
		resp, err := w.next()
		if err != nil {
			return err
		}
		k.update(func() {
			if resp.Created {
				k.started, k.created = true, startOf(resp)
			}
			for _, ev := range resp.Events {
				k.deleted = ev.Kv.ModRevision
			}
		})
	}
}

// startOf returns the revision at which a watch has started. etcd's grpc-proxy does not always
// say it: then it may be later than any that is known.
func startOf(created clientv3.WatchResponse) int64 {
	if rev := created.Header.Revision; rev > 0 {
		return rev
	}
	return math.MaxInt64
}

// update makes a change known to those who wait.
func (k *keyWatch) update(change func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change()
	close(k.changed)
	k.changed = make(chan struct{})
}

// keyState is the state of a watch of a key, or of several.
type keyState struct {
	started bool          // the watch
	created int64         // the revision at which it has started
	deleted int64         // the revision at which the key was last deleted
	err     error         // why the watch has ended
	changed chan struct{} // closes with the next change
}

// state returns the state of the watch.
func (k *keyWatch) state() keyState {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keyState
}

// combine returns the state of the watches of some requests: whether all have started, whether
// one of the requests was deleted, and whether one of the watches has ended. The deletion of an
// earlier request with the same key counts for nothing.
func combine(watches []*keyWatch, requests []keyRev) keyState {
	all := keyState{started: true}
	for i, k := range watches {
		s := k.state()
		all.started = all.started && s.started
		all.created = max(all.created, s.created)
		if s.deleted > requests[i].rev {
			all.deleted = max(all.deleted, s.deleted)
		}
		if all.err == nil {
			all.err = s.err
		}
	}
	return all
}

// notify sends to c, which has room for one, when the state of the watch changes, until ctx
// ends.
func (k *keyWatch) notify(ctx context.Context, c chan<- struct{}) {
	for {
		s := k.state()
		select {
		case c <- struct{}{}: // also for what has changed before
		default:
		}
		select {
		case <-s.changed:
		case <-ctx.Done():
			return
		}
	}
}
