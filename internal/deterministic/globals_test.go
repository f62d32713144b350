package deterministic

import (
	"math/rand/v2"
	"sync"
	"time"
	_ "unsafe" // for go:linkname

	"github.com/google/uuid"

	"etcd-lock/internal/backoff"
	_ "etcd-lock/rwlock" // whose variables they are
)

// reservedKeys is what package rwlock remembers of the keys of this process. Contexts of
// one bubble cannot be looked at in another one.
//
//go:linkname reservedKeys etcd-lock/rwlock.reservedKeys
var reservedKeys sync.Map

// processID is what package rwlock names this process by in its keys.
//
//go:linkname processID etcd-lock/rwlock.processID
var processID func() uuid.UUID

// resetGlobals makes what a process shares the same for each run of a seed: the random
// numbers, and what is remembered of earlier runs.
func resetGlobals(seed uint64) {
	reservedKeys.Clear()
	processID = func() uuid.UUID { return uuid.UUID{1, 2, 3, 4, 5, 6, 0x40 | 7, 8} }
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	uuid.SetRand(rand.NewChaCha8(key))
	backoff.Random = func(n int64) int64 { // by time: the order of calls at one instant does not matter
		z := seed*0x9e3779b97f4a7c15 ^ uint64(time.Now().UnixNano())*0xbf58476d1ce4e5b9
		z = (z ^ z>>30) * 0x94d049bb133111eb
		return int64((z ^ z>>31) % uint64(n))
	}
}
