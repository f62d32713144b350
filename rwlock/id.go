package rwlock

import (
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/once"
)

// A lock's directory is read with every request, and until etcd's history is
// compacted it holds a trace of each key that ever was in it: a hundred
// thousand of them cost each reader some milliseconds, inside the loop in which
// etcd applies all writes. So requests of one session for one name use the same
// key again, as long as no write to it is in doubt.

// processID is the half of a request's id that sets this process apart from any
// other. The other half is the session's lease.
var processID = sync.OnceValue(uuid.New)

// reservedKeys holds the keys that requests of this process use now, each with
// its session. A key stays reserved while a write to it is in doubt: a put or a
// delete that arrives late must not meet another request.
var reservedKeys sync.Map

// reservations counts reserved keys. After every sweepEvery of them, those that
// were never freed are removed if their sessions have ended.
var reservations atomic.Uint64

const sweepEvery = 1024

// sweepKeys frees the keys of a client's sessions that have ended. Other clients may be in
// other bubbles of testing/synctest, where their contexts cannot be looked at.
func sweepKeys(client *clientv3.Client) {
	reservedKeys.Range(func(key, value any) bool {
		s := value.(session)
		if s.Client() == client && (s.Ctx().Err() != nil || client.Ctx().Err() != nil) {
			reservedKeys.Delete(key)
		}
		return true
	})
}

// reserveKey returns a key for a request. freeKey makes it available again.
func reserveKey(s session, name string, mode Mode) string {
	id := processID()
	binary.BigEndian.PutUint64(id[8:], uint64(s.Lease()))
	key := keyspace.Encode(name, mode.inKeys(), id.String())
	if _, used := reservedKeys.LoadOrStore(key, s); used {
		return newKey(name, mode)
	}
	if reservations.Add(1)%sweepEvery == 0 {
		sweepKeys(s.Client())
	}
	return key
}

// newKey returns a key that no request has used.
func newKey(name string, mode Mode) string {
	return keyspace.Encode(name, mode.inKeys(), uuid.NewString())
}

// freeKey lets another request use key.
func freeKey(key string) { reservedKeys.Delete(key) }

const (
	// maxReleased is how many released keys of a client are looked at again.
	maxReleased = 10_000
	// maxLooked is how many of them are read at a time.
	maxLooked = 100
)

// releasedKeys holds the keys that a client has deleted a short while ago. Something between
// the client and etcd can send a request twice, and hold up a copy of the put until the key is
// deleted: then it is there again, and others wait for nobody. The next request with that key
// takes it over; if there is none, it is deleted after a while.
type releasedKeys struct {
	mu   sync.Mutex
	keys map[string]releasedKey
}

type releasedKey struct {
	session session
	at      time.Time
}

// note has the keys of entries looked at when no copy of their puts can arrive any more.
func (r *releasedKeys) note(s session, entries []*entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.keys) == 0 {
		r.keys = map[string]releasedKey{}
		time.AfterFunc(inFlight, func() { r.sweep(s.Client()) })
	}
	for _, e := range entries {
		if len(r.keys) < maxReleased {
			r.keys[e.key] = releasedKey{s, time.Now()}
		}
	}
}

// sweep looks at the keys that were released long enough ago, and goes on until none is left.
func (r *releasedKeys) sweep(client *clientv3.Client) {
	due := map[string]session{}
	r.mu.Lock()
	for key, released := range r.keys {
		switch {
		case released.session.Ctx().Err() != nil: // it goes with its lease
			delete(r.keys, key)
		case time.Since(released.at) >= inFlight && len(due) < maxLooked:
			due[key] = released.session
			delete(r.keys, key)
		}
	}
	next := inFlight
	if len(due) == maxLooked {
		next = time.Second
	}
	if len(r.keys) > 0 && client.Ctx().Err() == nil {
		time.AfterFunc(next, func() { r.sweep(client) })
	} else {
		clear(r.keys)
	}
	r.mu.Unlock()
	if len(due) > 0 {
		deleteLate(client, due)
	}
}

// deleteLate deletes those of the keys that exist with the lease of their session and that no
// request uses. It fails if etcd does: they go with their session then.
func deleteLate(client *clientv3.Client, due map[string]session) {
	ctx, cancel := context.WithTimeout(client.Ctx(), removalTimeout)
	defer cancel()
	var gets []clientv3.Op
	for key := range due {
		gets = append(gets, clientv3.OpGet(key))
	}
	resp, err := client.Txn(ctx).Then(gets...).Commit()
	if err != nil {
		return
	}
	for _, reply := range resp.Responses {
		for _, kv := range reply.GetResponseRange().Kvs {
			late := &entry{key: string(kv.Key), rev: kv.CreateRevision}
			s := due[late.key]
			if kv.Lease != int64(s.Lease()) {
				continue
			}
			if _, used := reservedKeys.LoadOrStore(late.key, s); used {
				continue
			}
			if _, err := once.KV(client).Txn(ctx).If(late.guard()).Then(late.delete()).Commit(); err == nil {
				freeKey(late.key)
			}
		}
	}
}
