package deterministic

import (
	"context"
	"math/rand/v2"
	"reflect"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/verify"
)

// keepLocks has a third of the plans keep locks: their writers of one lock come again and
// again. It draws from numbers of its own, so that the rest of a plan is as it was without.
func (p *plan) keepLocks() {
	rng := rand.New(rand.NewPCG(p.Seed, 0x4ee9))
	if rng.IntN(3) > 0 {
		return
	}
	for a := range p.Actors {
		for i := range p.Actors[a].Visits {
			v := &p.Actors[a].Visits[i]
			if len(v.Locks) > 1 || v.Locks[0].Mode != rwlock.Write || v.Close || rng.IntN(4) == 0 {
				continue
			}
			v.Change, v.Downgradable = false, false
			v.Keep = time.Duration(1+rng.IntN(5000)) * time.Millisecond
			if rng.IntN(2) == 0 {
				v.Keep = time.Hour // only those who wait end it
			}
			v.Rounds = 1 + rng.IntN(7)
			v.Hold /= time.Duration(v.Rounds)
		}
	}
}

// keptPlace is a key of a lock that a session keeps, and what was seen of all its holds: for
// etcd, they are one.
type keptPlace struct {
	seen *verify.Hold
	user int // the actor that holds it, or -1
}

// visitKept acquires a lock that is kept, several times.
func (w *world) visitKept(ctx context.Context, i int, v visit, s *rwlock.Session) {
	for round := range v.Rounds {
		if round > 0 {
			w.sleep(v.Gap / time.Duration(2*v.Rounds))
		}
		m := s.NewRWMutex(v.Locks[0].Name, rwlock.WithKeep(v.Keep), rwlock.WithHook(w.hook(i)))
		asked := time.Since(w.began)
		w.at(i, "requests %v, to be kept, try %t", v.Locks, v.Try)
		acquire := m.RWLock
		if v.Try {
			acquire = m.TryRWLock
		}
		if err := acquire(ctx); err != nil {
			w.at(i, "was not granted it: %v", err)
			w.waited(i, v, s, asked)
			return
		}
		token := tokenOf(m)
		h := &tenure{world: w, actor: i, visit: v, session: s, hold: m, token: token}
		h.begin(asked)
		h.keep()
		h.end()
	}
}

// tokenOf returns the token of a kept lock that was just granted. To call Token would have the
// lock released, and not kept. What etcd has does not say it: a session can have another key
// of that lock, which waits, when an administrator has deleted the one that was granted.
func tokenOf(m *rwlock.RWMutex) int64 {
	request := reflect.ValueOf(m).Elem().FieldByName("hold").FieldByName("req").Elem()
	return request.FieldByName("entries").Index(0).Elem().FieldByName("rev").Int()
}

// use notes that an actor holds a kept lock, and returns what was seen of its key before. The
// caller holds the lock of the world.
func (h *tenure) use(seen *verify.Hold) *verify.Hold {
	p := h.kept[h.token]
	if p == nil {
		p = &keptPlace{seen: seen, user: -1}
		h.kept[h.token] = p
		h.holds = append(h.holds, seen)
	}
	if p.user >= 0 {
		h.fail("overlap", "%s and %s hold token %d of %s", actorName(p.user), actorName(h.actor), h.token, seen.Lock)
	} else if p.seen != seen {
		h.relocks++
	}
	p.user = h.actor
	return p.seen
}
