package rwlock

import (
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"etcd-lock/internal/keyspace"
)

// A lock's directory is read with every request, and until etcd's history is
// compacted it holds a trace of each key that ever was in it: a hundred
// thousand of them cost each reader some milliseconds, inside the loop in which
// etcd applies all writes. So requests of one session for one name use the same
// key again, as long as nothing is unsure about it.

// process is the half of an id that sets this process apart from any other. The
// other half is the session's lease.
var process = sync.OnceValue(uuid.New)

// taken holds the keys that requests of this process use now, each with the
// context of its session. One whose fate is unsure stays: a put or a delete that
// comes through late must not meet another request.
var taken sync.Map

// taking counts keys that were taken. Every so often, those that were never
// given back are forgotten with their sessions.
var taking atomic.Uint64

const sweepEvery = 1024

func sweep() {
	taken.Range(func(key, session any) bool {
		if session.(context.Context).Err() != nil {
			taken.Delete(key)
		}
		return true
	})
}

// takeKey returns a key for a request, to be given back by giveKey.
func takeKey(s session, name string, mode Mode) string {
	id := process()
	binary.BigEndian.PutUint64(id[8:], uint64(s.Lease()))
	key := keyspace.Encode(name, mode.inKeys(), id.String())
	if _, used := taken.LoadOrStore(key, s.Ctx()); used {
		return newKey(name, mode)
	}
	if taking.Add(1)%sweepEvery == 0 {
		sweep()
	}
	return key
}

// newKey returns a key that nobody has used.
func newKey(name string, mode Mode) string {
	return keyspace.Encode(name, mode.inKeys(), uuid.NewString())
}

// giveKey lets another request use key.
func giveKey(key string) { taken.Delete(key) }
