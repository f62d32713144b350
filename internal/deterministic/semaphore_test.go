package deterministic

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
)

// semaphore is the name of the only one.
const semaphore = "/s"

// useSemaphores has a third of the plans take permits of a semaphore in some of their visits.
// It draws from numbers of its own, so that the rest of a plan is as it was without.
func (p *plan) useSemaphores() {
	rng := rand.New(rand.NewPCG(p.Seed, 0x5e3a))
	if rng.IntN(3) > 0 {
		return
	}
	permits := 1 + rng.IntN(4)
	disagree := rng.IntN(3) == 0
	for a := range p.Actors {
		for i := range p.Actors[a].Visits {
			v := &p.Actors[a].Visits[i]
			if rng.IntN(4) == 0 {
				continue
			}
			v.Permits = permits
			if disagree {
				v.Permits = 1 + rng.IntN(permits)
			}
			v.Weight = 1 + rng.IntN(v.Permits)
		}
	}
}

// visitSemaphore takes permits, holds them and gives them back.
func (w *world) visitSemaphore(ctx context.Context, i int, v visit, s *rwlock.Session) {
	m := s.NewSemaphore(semaphore, v.Permits, rwlock.WithHook(w.hook(i)))
	acquire := m.Acquire
	if v.Try {
		acquire = m.TryAcquire
	}
	w.at(i, "requests %d of %d permits, try %t", v.Weight, v.Permits, v.Try)
	if err := acquire(ctx, v.Weight); err != nil {
		w.at(i, "was not granted them: %v", err)
		return
	}
	token := m.Token()
	w.at(i, "holds %d of %d permits, token %d", v.Weight, v.Permits, token)
	w.checkPermits(v, token)
	if !w.stillHolds(m, v.Hold) {
		w.at(i, "learns that it has lost its permits")
	}
	w.at(i, "releases")
	var err error
	if v.Close {
		err = s.Close()
	} else {
		err = m.Release()
	}
	w.at(i, "has released: %v", err)
}

// stillHolds waits while the permits are held. It reports false when they were lost.
func (w *world) stillHolds(m *rwlock.Semaphore, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.ctx.Done():
		return true
	case <-m.Lost():
		return false
	}
}

// checkPermits checks a grant against etcd: at that instant, the permits and those of all
// requests before it that exist are no more than any of them says that there are, whatever the
// client knew. Who holds permits has a key, or an administrator has deleted it.
func (w *world) checkPermits(v visit, token int64) {
	taken, permits, ahead := v.Weight, v.Permits, 0
	for _, kv := range w.Keys(semaphore+"/", 0) {
		if o, ok := slots(kv); ok && kv.CreateRevision < token {
			taken, permits, ahead = taken+o.Weight, min(permits, o.Permits), ahead+1
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.permits++
	if taken > permits {
		w.fail("too many permits", "token %d was granted %d permits: with the %d requests ahead of it, %d are taken of %d", token, v.Weight, ahead, taken, permits)
	}
}

// slots returns the owner of a request for the semaphore.
func slots(kv *mvccpb.KeyValue) (keyspace.Owner, bool) {
	key, ok := keyspace.ParseSlot(string(kv.Key))
	o, _ := keyspace.DecodeOwner(kv.Value)
	return o, ok && key.Name == semaphore && o.IsSlots()
}

// modelledSlot is the line of modelled for a request for the semaphore.
func modelledSlot(kv *mvccpb.KeyValue, kvs []*mvccpb.KeyValue) (string, bool) {
	own, ok := slots(kv)
	if !ok {
		return "", false
	}
	taken, permits := own.Weight, own.Permits
	for _, before := range kvs {
		if o, ok := slots(before); ok && before.CreateRevision < kv.CreateRevision {
			taken, permits = taken+o.Weight, min(permits, o.Permits)
		}
	}
	return fmt.Sprintf("  %s %s %d %d %t\n", semaphore, shape(string(kv.Key)), kv.CreateRevision, kv.Lease, taken <= permits), true
}
