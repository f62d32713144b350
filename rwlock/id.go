package rwlock

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
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
