package deterministic

import (
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
	uuid.SetRand(&dice{seed: seed})
	backoff.Random = func(n int64) int64 { return int64((&dice{seed: seed}).next(0) % uint64(n)) }
}

// dice are random numbers that follow from the seed and the instant: in which order
// goroutines draw them at other instants does not matter.
type dice struct {
	seed uint64

	mu   sync.Mutex
	last time.Time
	nth  uint64 // number of draws at that instant
}

func (d *dice) next(nth uint64) uint64 {
	z := (d.seed*0x9e3779b97f4a7c15 ^ uint64(time.Now().UnixNano())*0xbf58476d1ce4e5b9) + nth*0x94d049bb133111eb
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Read implements io.Reader.
func (d *dice) Read(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := time.Now(); !now.Equal(d.last) {
		d.last, d.nth = now, 0
	}
	for i := range p {
		d.nth++
		p[i] = byte(d.next(d.nth))
	}
	return len(p), nil
}
