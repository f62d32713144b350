package verify

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
)

// ticket is one request of the world's.
type ticket struct {
	client string
	lease  int64
	lock   string
	use
	token int64
	asked time.Duration
	keys  []string // its own and, once upgraded, the writer's before it
	hold  *Hold    // nil while it waits
}

func (k *ticket) holds(mode rwlock.Mode) bool {
	return k.hold != nil && k.hold.Stages[len(k.hold.Stages)-1].Mode == mode
}

// world is a correct lock with its clients: requests are served in order, and
// everybody hears of it. One step is a millisecond.
type world struct {
	rng     *rand.Rand
	now     time.Duration
	rev     int64
	clients int
	queues  map[string][]*ticket
	busy    map[string]*ticket
	holds   []*Hold
	history History
	waits   []Wait
}

func newWorld(seed uint64, clients, locks int) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), clients: clients, queues: map[string][]*ticket{}, busy: map[string]*ticket{}}
	for i := range locks {
		w.queues[w.lock(i)] = nil
	}
	return w
}

// lock is the name of the ith lock: some are semaphores.
func (w *world) lock(i int) string {
	if (w.clients+i)%3 == 0 {
		return fmt.Sprintf("/pool-%d", i)
	}
	return fmt.Sprintf("/lock-%d", i)
}

// happen puts or deletes keys in one revision.
func (w *world) happen(put bool, lease int64, u use, keys ...string) {
	w.rev++
	for _, key := range keys {
		c := Change{Revision: w.rev, Key: key, At: w.now + 50*time.Microsecond}
		if put {
			c.Put, c.Create, c.Lease = true, w.rev, lease
			if u.mode == rwlock.Slot {
				c.Weight, c.Permits = u.weight, u.permits
			}
		}
		w.history.Changes = append(w.history.Changes, c)
	}
}

// id is one for the next key. It must not look like a lease, as a mutex does.
func (w *world) id() string { return fmt.Sprintf("id-%d", w.rev) }

// soon is when one hears of what happens now: before the next step.
func (w *world) soon() time.Duration {
	return w.now + time.Duration(w.rng.Int64N(int64(900*time.Microsecond)))
}

// run lets so many holds begin, and all of them end.
func (w *world) run(holds int) (Seen, History) {
	for len(w.holds) < holds || len(w.busy) > 0 {
		w.now += time.Millisecond
		client := fmt.Sprintf("client-%d", w.rng.IntN(w.clients))
		k := w.busy[client]
		switch {
		case k == nil && len(w.holds) < holds:
			w.ask(client)
		case k == nil:
		case k.hold == nil:
			w.waitOn(k)
		default:
			w.holdOn(k)
		}
	}
	seen := Seen{Waits: w.waits, Sessions: map[int64]string{}}
	for _, h := range w.holds {
		seen.Holds = append(seen.Holds, *h)
	}
	for i := range w.clients {
		seen.Sessions[int64(i+1)] = fmt.Sprintf("client-%d", i)
	}
	return seen, w.history
}

func (w *world) ask(client string) {
	k := &ticket{client: client, lock: w.lock(w.rng.IntN(len(w.queues))), use: use{mode: rwlock.Read}, asked: w.now - 100}
	switch {
	case strings.HasPrefix(k.lock, "/pool"):
		k.use = use{mode: rwlock.Slot, permits: 4 - w.rng.IntN(5)/4} // a few are told fewer
		k.weight = 1 + w.rng.IntN(3)
	case w.rng.IntN(3) == 0:
		k.mode = rwlock.Write
	}
	_, _ = fmt.Sscanf(client, "client-%d", &k.lease)
	k.lease++
	k.keys = []string{keyspace.Encode(k.lock, keyspace.Mode(k.mode), w.id())}
	w.happen(true, k.lease, k.use, k.keys...)
	k.token = w.rev
	w.busy[client] = k
	w.queues[k.lock] = append(w.queues[k.lock], k)
	w.serve(k.lock)
}

// serve tells those at the head of the queue that they hold the lock.
func (w *world) serve(lock string) {
	var all taken
	for i, k := range w.queues[lock] {
		for _, q := range w.queues[lock][:i] {
			if excludes(q.use, k.use) || q.holds(rwlock.Write) {
				return
			}
		}
		if all = all.with(k.use); k.mode == rwlock.Slot && !all.fit() {
			return
		}
		if k.hold == nil {
			k.hold = &Hold{Client: k.client, Lock: lock, Stages: []Stage{{Mode: k.mode, Weight: k.weight, Permits: k.permits, Token: k.token, Asked: k.asked, Granted: w.soon()}}}
			w.holds = append(w.holds, k.hold)
		}
	}
}

// waitOn lets one that waits go on waiting, mostly, or give up.
func (w *world) waitOn(k *ticket) {
	if w.rng.IntN(10) == 0 {
		w.waits = append(w.waits, Wait{Client: k.client, Lock: k.lock, Mode: k.mode, Lease: k.lease, Asked: k.asked, Ended: w.now})
		w.leave(k)
	}
}

// holdOn lets a holder do something.
func (w *world) holdOn(k *ticket) {
	last := k.hold.Stages[len(k.hold.Stages)-1]
	switch n := w.rng.IntN(6); {
	case n == 0 && len(k.keys) == 1 && last.Mode == rwlock.Read && len(w.queues[k.lock]) == 1:
		up := keyspace.Encode(k.lock, keyspace.Write, w.id())
		w.happen(true, k.lease, use{}, up)
		k.keys = append(k.keys, up)
		k.hold.Stages = append(k.hold.Stages, Stage{Mode: rwlock.Write, Token: w.rev, Asked: w.now - 100, Granted: w.soon()})
	case n == 1 && len(k.keys) == 2:
		w.happen(false, k.lease, use{}, k.keys[1])
		k.keys = k.keys[:1]
		k.hold.Stages = append(k.hold.Stages, Stage{Mode: rwlock.Read, Token: last.Token, Asked: w.now - 100, Granted: w.soon()})
		w.serve(k.lock)
	case n == 2: // its session runs out, and it learns late of it
		k.hold.End = w.now - 100
		k.hold.Known = k.hold.End + time.Duration(w.rng.Int64N(int64(20*time.Millisecond)))
		w.leave(k)
	case n < 5:
		k.hold.End, k.hold.Known, k.hold.Released = w.now-100, w.now-100, w.soon()
		w.leave(k)
	}
}

func (w *world) leave(k *ticket) {
	w.happen(false, k.lease, use{}, k.keys...)
	delete(w.busy, k.client)
	var rest []*ticket
	for _, q := range w.queues[k.lock] {
		if q != k {
			rest = append(rest, q)
		}
	}
	w.queues[k.lock] = rest
	w.serve(k.lock)
}

// strict judges all there is to judge: in these worlds, everybody hears at once.
var strict = Options{Slack: 5 * time.Millisecond, Exclusive: true}

// What a correct lock does is never a violation.
func TestACorrectLockPasses(t *testing.T) {
	fenced := 0
	for seed := range uint64(150) {
		seen, history := newWorld(seed, 2+int(seed%7), 1+int(seed%3)).run(40)
		v := Judge(seen, history, strict)
		fenced += len(v.Fenced)
		if len(v.Violations) > 0 {
			t.Fatalf("seed %d: %s\n%v", seed, v.Violations[0].Text, v.Violations[0].Story())
		}
	}
	if fenced == 0 {
		t.Error("no late holder was fenced, though many learned late of their loss")
	}
}

// corruption spoils a history in one place, and reports whether it could.
type corruption func(rng *rand.Rand, seen *Seen, history *History) bool

// rivals are two holds that exclude each other, one after the other, or the
// first of them is -1.
func rivals(rng *rand.Rand, holds []Hold) (first, second int) {
	for range 100 {
		i, k := rng.IntN(len(holds)), rng.IntN(len(holds))
		a, b := holds[i], holds[k]
		if a.Lock == b.Lock && len(a.Stages) == 1 && len(b.Stages) == 1 && excludes(a.Stages[0].use(), b.Stages[0].use()) && a.End < b.Stages[0].Granted {
			return i, k
		}
	}
	return -1, -1
}

// spoilRivals is a corruption of two holds that exclude each other.
func spoilRivals(spoil func(a, b *Hold)) corruption {
	return func(rng *rand.Rand, seen *Seen, _ *History) bool {
		a, b := rivals(rng, seen.Holds)
		if a >= 0 {
			spoil(&seen.Holds[a], &seen.Holds[b])
		}
		return a >= 0
	}
}

// spoilDelete is a corruption of one deletion in the history.
func spoilDelete(spoil func(h *History, i int) bool) corruption {
	return func(rng *rand.Rand, _ *Seen, h *History) bool {
		i := rng.IntN(len(h.Changes))
		return !h.Changes[i].Put && spoil(h, i)
	}
}

var corruptions = map[string]corruption{
	"an overlap": spoilRivals(func(a, b *Hold) {
		a.End = max(a.End, b.Stages[0].Granted+1)
		b.End = max(b.End, a.End)
	}),
	"swapped clients of a grant": spoilRivals(func(a, b *Hold) { a.Stages[0].Token, b.Stages[0].Token = b.Stages[0].Token, a.Stages[0].Token }),
	"granted out of turn":        spoilRivals(func(a, b *Hold) { b.Stages[0].Granted = a.Stages[0].Granted }),
	"more permits than there are": func(rng *rand.Rand, seen *Seen, _ *History) bool {
		for range 100 {
			a, b := &seen.Holds[rng.IntN(len(seen.Holds))], &seen.Holds[rng.IntN(len(seen.Holds))]
			begins := b.Stages[0].Granted
			if a.Lock != b.Lock || a.Stages[0].Mode != rwlock.Slot || a.End > begins || !b.whole() || !a.whole() {
				continue
			}
			all, two := taken{}.with(a.Stages[0].use()), excludes(a.Stages[0].use(), b.Stages[0].use())
			for _, h := range seen.Holds {
				if h.Lock == b.Lock && h.whole() && h.Stages[0].Granted <= begins && begins < h.End {
					all = all.with(h.Stages[0].use())
				}
			}
			if !all.fit() && !two { // only together with others
				a.End, a.Known, a.Released = begins+1, begins+1, begins+2
				return true
			}
		}
		return false
	},
	"a token of nobody": func(rng *rand.Rand, seen *Seen, _ *History) bool {
		seen.Holds[rng.IntN(len(seen.Holds))].Stages[0].Token += 1 << 40
		return true
	},
	"a key that stays": spoilDelete(func(h *History, i int) bool {
		h.Changes = append(h.Changes[:i:i], h.Changes[i+1:]...)
		return true
	}),
	"a revision missed": func(rng *rand.Rand, _ *Seen, h *History) bool {
		i := 1 + rng.IntN(len(h.Changes)-2)
		rev := h.Changes[i].Revision
		h.Changes = append([]Change(nil), h.Changes...)
		for k := range h.Changes {
			if h.Changes[k].Revision >= rev {
				h.Changes[k].Revision++
				h.Changes[k].Create++
			}
		}
		return true
	},
	"a grant that nobody was told of": func(rng *rand.Rand, seen *Seen, _ *History) bool {
		i := rng.IntN(len(seen.Holds))
		h := seen.Holds[i]
		if len(h.Stages) > 1 || h.End-h.Stages[0].Granted < 10*time.Millisecond {
			return false
		}
		var lease int64
		_, _ = fmt.Sscanf(h.Client, "client-%d", &lease)
		seen.Holds = append(seen.Holds[:i:i], seen.Holds[i+1:]...)
		seen.Waits = append(seen.Waits, Wait{Client: h.Client, Lock: h.Lock, Mode: h.Stages[0].Mode, Lease: lease + 1, Asked: h.Stages[0].Asked, Ended: h.End})
		return true
	},
}

// One thing wrong in a history of many is found.
func TestOneCorruptionIsFound(t *testing.T) {
	for name, spoil := range corruptions {
		t.Run(name, func(t *testing.T) {
			spoilt := 0
			for seed := range uint64(60) {
				seen, history := newWorld(seed, 2+int(seed%7), 1).run(40)
				if !spoil(rand.New(rand.NewPCG(seed, 2)), &seen, &history) {
					continue
				}
				spoilt++
				if v := Judge(seen, history, strict); len(v.Violations) == 0 {
					t.Fatalf("seed %d: nothing found", seed)
				}
			}
			if spoilt < 5 {
				t.Errorf("only %d histories could be spoilt", spoilt)
			}
		})
	}
}

// Sharp operations must allow what those allow that take their time.
func TestSharpIsAsGood(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	verdicts := map[porcupine.CheckResult]int{}
	for range 3000 {
		holds := randomHolds(rng)
		var sharp, plain []porcupine.Operation
		for i := range holds {
			sharp = append(sharp, holds[i].operations(i+1, true)...)
			plain = append(plain, holds[i].operations(i+1, false)...)
		}
		want := porcupine.CheckOperationsTimeout(oneStretch(), plain, time.Minute)
		if got := porcupine.CheckOperationsTimeout(model(), sharp, time.Minute); got != want {
			t.Fatalf("%s when sharp, %s when not: %+v", got, want, holds)
		}
		verdicts[want]++
	}
	if verdicts[porcupine.Ok] < 500 || verdicts[porcupine.Illegal] < 500 {
		t.Errorf("verdicts %v: the histories are not worth much", verdicts)
	}
}

// randomHolds are some holds that may or may not be those of a lock.
func randomHolds(rng *rand.Rand) []Hold {
	var holds []Hold
	later := func(t time.Duration, most int64) time.Duration { return t + time.Duration(1+rng.Int64N(most)) }
	pool := rng.IntN(3) == 0
	for range 2 + rng.IntN(4) {
		mode := []rwlock.Mode{rwlock.Read, rwlock.Read, rwlock.Write}[rng.IntN(3)]
		if pool {
			mode = rwlock.Slot
		}
		asked := time.Duration(rng.Int64N(40))
		granted := later(asked, 12)
		h := Hold{Lock: "/n", Stages: []Stage{{Mode: mode, Asked: asked, Granted: granted}}}
		if pool {
			h.Stages[0].Weight, h.Stages[0].Permits = 1+rng.IntN(2), 2+rng.IntN(3)
		} else if rng.IntN(3) == 0 {
			asked = later(granted, 4)
			granted = later(asked, 4)
			h.Stages = append(h.Stages, Stage{Mode: rwlock.Read + rwlock.Write - mode, Asked: asked, Granted: granted})
		}
		h.End = later(granted, 8)
		if rng.IntN(5) == 0 {
			h.End = later(h.Stages[0].Asked, 12)
		}
		if rng.IntN(2) == 0 {
			h.Released = later(h.End, 5)
		}
		for i, s := range h.Stages {
			h.Stages[i].Unsure = i > 0 && s.Mode == rwlock.Read && s.Asked > h.End
		}
		holds = append(holds, h)
	}
	return holds
}

// Histories are judged while somebody waits for the verdict: with long queues
// and moments at which nobody is at rest.
func TestManyHoldsAreDecided(t *testing.T) {
	seen, history := newWorld(1, 150, 3).run(10_000)
	began := time.Now()
	v := Judge(seen, history, strict)
	t.Logf("%d holds and %d changes judged in %s, %d fenced", len(seen.Holds), len(history.Changes), time.Since(began), len(v.Fenced))
	if len(v.Violations) > 0 {
		t.Error(v.Violations[0].Text)
	}
}
