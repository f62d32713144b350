package rwlock_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"etcd-lock/rwlock"
)

// drawQuick decides what a client does next that is there for the number of its operations.
func (c *client) drawQuick() job {
	name := func() string { return c.names[c.rng.IntN(len(c.names))] }
	j := job{kind: "RWLock", patience: 5 * time.Second, wants: []rwlock.LockRequest{{Name: name(), Mode: rwlock.Write}}}
	switch n := c.rng.IntN(10); {
	case n < 3:
		j.kind, j.wants[0].Mode = "RLock", rwlock.Read
	case n < 4:
		j.kind = "TryRWLock"
	case n < 5:
		if other := name(); other != j.wants[0].Name {
			j.kind, j.wants = "Set", append(j.wants, rwlock.LockRequest{Name: other, Mode: rwlock.Read})
		}
	}
	return j
}

const (
	keepers = 3  // goroutines of a client that keeps locks
	atOnce  = 50 // times that one of them locks before it pauses
	pause   = 4 * time.Millisecond
)

// keeper is a client whose goroutines pass locks on to each other and keep them. Their holds
// have no tokens, and most of them are unknown to etcd: rooms is their witness.
type keeper struct {
	*client
	rooms *rooms
}

// run works until busy ends, as client.run.
func (k *keeper) run(busy, limit context.Context) {
	for busy.Err() == nil {
		_, s := k.open(busy)
		if s == nil {
			break
		}
		var all sync.WaitGroup
		for range keepers {
			rng := rand.New(rand.NewPCG(k.rng.Uint64(), 0))
			all.Go(func() {
				for busy.Err() == nil && s.Ctx().Err() == nil {
					k.again(busy, s, rng)
					wait(busy, pause)
				}
			})
		}
		all.Wait()
	}
	k.finish(limit)
}

// again takes a lock several times, mostly the client's own one.
func (k *keeper) again(ctx context.Context, s *rwlock.Session, rng *rand.Rand) {
	name := k.names[k.id%len(k.names)]
	if rng.IntN(20) == 0 {
		name = k.names[rng.IntN(len(k.names))]
	}
	m := s.NewRWMutex(name, rwlock.WithLocalQueue(64, time.Second), rwlock.WithKeep(time.Hour))
	short, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for n := 0; n < atOnce && short.Err() == nil; n++ {
		if err := m.RWLock(short); err != nil {
			k.failed(short, k.now(), job{kind: "kept RWLock", wants: []rwlock.LockRequest{{Name: name, Mode: rwlock.Write}}}, err)
			return
		}
		k.tally.count("relocks: of locks that are kept or passed on")
		g := &guest{client: k.id, held: m, session: s}
		k.rooms.enter(k.tally, name, g)
		k.rooms.leave(name, g)
		if err := m.Unlock(); err != nil {
			k.tally.count("holds: kept, and not unlocked")
			return
		}
	}
}

// now returns the process, which is not killed.
func (k *keeper) now() *process {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.process
}

// rooms has in it who holds which lock for writing.
type rooms struct {
	mu     sync.Mutex
	inside map[string]*guest
}

// guest is a hold of a lock for writing.
type guest struct {
	client  int
	held    held
	session *rwlock.Session
}

// enter notes that a client holds the lock now. If another one does, its session must have
// ended, and its token must be smaller.
func (r *rooms) enter(t *tally, name string, g *guest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if late := r.inside[name]; late != nil {
		said := fmt.Sprintf("client %d has %s with token %d beside client %d with token %d", g.client, name, g.held.Token(), late.client, late.held.Token())
		resumed := time.Duration(t.resumed.Load())
		early := time.Until(late.session.Deadline())
		switch {
		case g.held.Token() <= late.held.Token():
			t.violation("unfenced: %s", said)
		case early > 0 && (resumed == 0 || now() > resumed+late.session.TTL()+revoking):
			t.violation("overlap: %s, %s before the end of its session", said, early)
		default:
			t.count("late holders: fenced by a token")
			t.note("%s", said)
		}
	}
	r.inside[name] = g
}

func (r *rooms) leave(name string, g *guest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inside[name] == g {
		delete(r.inside, name)
	}
}
