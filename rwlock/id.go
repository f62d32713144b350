package rwlock

import (
	"encoding/binary"
	"sync"

	"github.com/google/uuid"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// A lock's directory is read with every request, and until etcd's history is
// compacted it holds a trace of each key that ever was in it: a hundred
// thousand of them cost each reader some milliseconds, inside the loop in which
// etcd applies all writes. So requests of one session for one name use the same
// key again, as long as nothing is unsure about it.

// process sets this process's ids apart from those of any other.
var process = sync.OnceValue(uuid.New)

// taken holds the keys that requests of this process use now. One whose fate
// is unsure stays: a put or a delete that comes through late must not meet
// another request.
var taken sync.Map

// takeKey returns a key for a request, to be given back by giveKey.
func takeKey(lease clientv3.LeaseID, name string, mode keyspace.Mode) string {
	id := uuid.NewSHA1(process(), binary.BigEndian.AppendUint64(nil, uint64(lease)))
	key := keyspace.Encode(name, mode, id.String())
	if _, used := taken.LoadOrStore(key, true); used {
		return keyspace.Encode(name, mode, uuid.NewString())
	}
	return key
}

// giveKey lets another request use key.
func giveKey(key string) { taken.Delete(key) }
