package deterministic

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/scenario"
)

// plan is everything that a run does. What it leaves open, the pace of messages, follows
// from the seed, so that a part can be taken out and the rest stays as it is.
type plan struct {
	Seed    uint64
	Impl    scenario.Impl // the locks; "" is package rwlock
	Members int
	Actors  []actor
	Faults  []fault
	Inspect bool // an inspector watches
}

// actor requests locks on one session, one after the other.
type actor struct {
	Client, Session int
	TTL             time.Duration
	Visits          []visit
}

// visit is one acquisition, from the request to the release.
type visit struct {
	Gap          time.Duration // before it
	Locks        []rwlock.LockRequest
	Try          bool
	Downgradable bool
	Patience     time.Duration // 0 is without end
	Change       bool          // upgrade or downgrade the hold, whichever can be
	Hold         time.Duration
	Close        bool          // close the session instead of unlocking
	Keep         time.Duration // keep the lock for so long; 0 is not
	Rounds       int           // how often, if it is kept
	Weight       int           // the permits to take of a semaphore, instead of the locks; 0 is none
	Permits      int           // of the semaphore
}

// fault is something that goes wrong.
type fault struct {
	At, For time.Duration
	Kind    faultKind
	Target  int // a client, a member or an actor
	Amount  int
}

type faultKind string

const (
	faultCut        faultKind = "connection cut"
	faultFreeze     faultKind = "client paused"
	faultStale      faultKind = "renewals held back"
	faultSlow       faultKind = "slow network"
	faultLossy      faultKind = "calls lost, late or copied"
	faultStreams    faultKind = "streams broken"
	faultLeaderless faultKind = "no leader"
	faultStop       faultKind = "member stopped"
	faultLag        faultKind = "member behind"
	faultCompact    faultKind = "compaction"
	faultRevoke     faultKind = "session revoked"
	faultDelete     faultKind = "key deleted"
	faultClose      faultKind = "session closed"
	faultCrash      faultKind = "client gone"
)

var faultKinds = []faultKind{
	faultCut, faultFreeze, faultStale, faultSlow, faultLossy, faultLossy, faultStreams, faultLeaderless,
	faultStop, faultLag, faultCompact, faultRevoke, faultDelete, faultClose, faultCrash,
}

// newPlan draws a plan from a seed.
func newPlan(seed uint64) plan {
	rng := rand.New(rand.NewPCG(seed, 0x5eed))
	p := plan{Seed: seed, Members: 1 + rng.IntN(3), Inspect: rng.IntN(4) == 0}
	names := []string{"/a", "/b", "/a/write", "/c"}[:1+rng.IntN(4)]
	clients := 1 + rng.IntN(3)
	for range 2 + rng.IntN(4) {
		a := actor{Client: rng.IntN(clients), Session: rng.IntN(2), TTL: time.Duration(3+rng.IntN(6)) * time.Second}
		for range 1 + rng.IntN(4) {
			a.Visits = append(a.Visits, newVisit(rng, names))
		}
		p.Actors = append(p.Actors, a)
	}
	for range rng.IntN(7) {
		p.Faults = append(p.Faults, fault{
			At:     time.Duration(rng.Int64N(int64(12 * time.Second))),
			For:    time.Duration(rng.Int64N(int64(8 * time.Second))),
			Kind:   faultKinds[rng.IntN(len(faultKinds))],
			Target: rng.IntN(12),
			Amount: 10 + rng.IntN(60),
		})
	}
	p.keepLocks()
	p.useSemaphores()
	slices.SortFunc(p.Faults, func(a, b fault) int { return int(a.At - b.At) })
	return p
}

func newVisit(rng *rand.Rand, names []string) visit {
	upTo := func(d time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(d))) }
	v := visit{Try: rng.IntN(6) == 0, Change: rng.IntN(4) == 0, Hold: upTo(1500 * time.Millisecond), Close: rng.IntN(15) == 0}
	if rng.IntN(3) > 0 {
		v.Gap = upTo(2 * time.Second)
	}
	if rng.IntN(4) == 0 {
		v.Patience = upTo(4 * time.Second)
	}
	if rng.IntN(8) == 0 {
		v.Hold = upTo(15 * time.Second)
	}
	n := 1
	if rng.IntN(4) == 0 {
		n = 1 + rng.IntN(len(names))
	}
	for _, i := range rng.Perm(len(names))[:n] {
		v.Locks = append(v.Locks, rwlock.LockRequest{Name: names[i], Mode: mode(rng.IntN(3) == 0)})
	}
	v.Downgradable = n == 1 && v.Locks[0].Mode == rwlock.Write && rng.IntN(2) == 0
	return v
}

func mode(read bool) rwlock.Mode {
	if read {
		return rwlock.Read
	}
	return rwlock.Write
}

// size is how many parts a plan has.
func (p plan) size() int {
	n := len(p.Faults)
	for _, a := range p.Actors {
		n += 1 + len(a.Visits)
	}
	return n
}

// String lists what the plan does.
func (p plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, %d members, inspected: %t\n", p.Seed, p.Members, p.Inspect)
	for i, a := range p.Actors {
		fmt.Fprintf(&b, "  %s on session %d of client %d, TTL %s\n", actorName(i), a.Session, a.Client, a.TTL)
		for _, v := range a.Visits {
			fmt.Fprintf(&b, "    %s\n", v)
		}
	}
	for _, f := range p.Faults {
		fmt.Fprintf(&b, "  %s\n", f)
	}
	return b.String()
}

// String describes the visit in one line.
func (v visit) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "after %s: ", v.Gap)
	for _, l := range v.Locks {
		fmt.Fprintf(&b, "%s %s, ", l.Mode, l.Name)
	}
	for _, flag := range []struct {
		word string
		set  bool
	}{{"try", v.Try}, {"change", v.Change}, {"downgradable", v.Downgradable}, {"close", v.Close}} {
		if flag.set {
			b.WriteString(flag.word + ", ")
		}
	}
	if v.Patience > 0 {
		fmt.Fprintf(&b, "patience %s, ", v.Patience)
	}
	if v.Weight > 0 {
		fmt.Fprintf(&b, "instead %d of %d permits, ", v.Weight, v.Permits)
	}
	if v.Keep > 0 {
		fmt.Fprintf(&b, "keep for %s, %d times, ", v.Keep, v.Rounds)
	}
	fmt.Fprintf(&b, "hold for %s", v.Hold)
	return b.String()
}

// String describes the fault in one line.
func (f fault) String() string {
	return fmt.Sprintf("at %s for %s: %s, target %d, amount %d", f.At, f.For, f.Kind, f.Target, f.Amount)
}

func actorName(i int) string { return "actor-" + string(rune('a'+i)) }
