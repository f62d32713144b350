package deterministic

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"etcd-lock/internal/keyspace"
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
		token := w.tokenOf(v.Locks[0].Name, s)
		if token == 0 {
			w.mu.Lock()
			w.fail("no key", "%s was granted %s, and its session has no key that holds it", actorName(i), v.Locks[0].Name)
			w.mu.Unlock()
			_ = m.Unlock()
			return
		}
		h := &tenure{world: w, actor: i, visit: v, session: s, hold: m, token: token}
		h.begin(asked)
		h.keep()
		h.end()
	}
}

// tokenOf returns the token of a lock that a session was just granted to write. To call Token
// would have it released, and not kept. It is that of the session's first key, or of the last
// one that an administrator has deleted. It is 0 if there is none.
func (w *world) tokenOf(lock string, s *rwlock.Session) (token int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	dir := keyspace.Dir(lock, keyspace.Write)
	var deleted int64
	for _, c := range w.changes {
		if !c.Put || c.Lease != int64(s.Lease()) || !strings.HasPrefix(c.Key, dir) || strings.Contains(c.Key[len(dir):], "/") {
			continue
		}
		end, isOver := w.ended[ended{c.Key, c.Create}]
		switch {
		case !isOver && token == 0:
			token = c.Create
		case isOver && end.byAdmin:
			deleted = c.Create
		}
	}
	if token == 0 {
		return deleted
	}
	return token
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
