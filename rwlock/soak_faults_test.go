package rwlock_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"

	"etcd-lock/internal/etcdtest"
)

// fault is one thing that goes wrong. Faults follow from the seed alone: what,
// to whom, when and for how long.
type fault struct {
	kind   string
	target int           // a member or a client; who leads is found out when it happens
	after  time.Duration // since the one before was over
	lasts  time.Duration
}

// kind is a sort of fault and how long it lasts.
type kind struct {
	name          string
	least, utmost time.Duration
}

const (
	leaderKilled   = "leader killed"
	upgraded       = "member upgraded"
	leaderPaused   = "leader paused"
	memberPaused   = "member paused"
	quorumPaused   = "two members paused"
	leaderIsolated = "leader cut off from its peers"
	memberIsolated = "member cut off from its peers"
	cutShort       = "client cut off shorter than its TTL"
	cutLong        = "client cut off at holding, longer than its TTL"
	cutPartly      = "client cut off from one member"
	holderKilled   = "client killed at holding"
	waiterKilled   = "client killed at waiting"
	repliesLost    = "replies lost on the way from a member"
	compaction     = "compaction"
	defragmenation = "defragmentation"
	slowLinks      = "links of a member slow"
	lossyLinks     = "links of a member lossy"
	unheard        = "leader not heard by its peers"
	deaf           = "member that hears nothing of its peers"
	replaced       = "member replaced"
	promoted       = "member replaced by a learner that is promoted"
	noSpace        = "alarm NOSPACE"
	corrupt        = "alarm CORRUPT"
	proxyRestarted = "grpc-proxy restarted"
	loginsRevoked  = "logins revoked"
	memberJumps    = "clock of a member jumps"
	clientsJump    = "clock of the clients jumps"
)

var (
	memberFaults = []kind{
		{leaderKilled, ms(100), ms(1000)},
		{leaderPaused, ms(200), ms(2000)},
		{memberPaused, ms(200), ms(2000)},
		{quorumPaused, ms(200), ms(1200)},
		{leaderIsolated, ms(200), ms(2000)},
		{memberIsolated, ms(200), ms(2000)},
	}
	longFaults = []kind{ // of members, in long runs
		{slowLinks, ms(500), ms(3000)},
		{lossyLinks, ms(500), ms(3000)},
		{unheard, ms(200), ms(2000)},
		{deaf, ms(200), ms(2000)},
		{replaced, ms(10), ms(500)},
		{promoted, ms(10), ms(500)},
		{noSpace, ms(100), ms(1500)},
		{corrupt, ms(100), ms(1500)},
	}
	clockFaults = []kind{ // if the clocks can jump
		{memberJumps, ms(100), ms(2000)},
		{clientsJump, ms(100), ms(2000)},
		{memberJumps, ms(100), ms(2000)},
	}
	proxyFaults = []kind{
		{proxyRestarted, ms(10), ms(800)},
	}
	loginFaults = []kind{
		{loginsRevoked, 0, 1},
	}
	clientFaults = []kind{
		{cutShort, ms(100), ms(600)},
		{cutLong, ms(2100), ms(3500)},
		{cutPartly, ms(300), ms(2500)},
		{holderKilled, ms(10), ms(500)},
		{waiterKilled, ms(10), ms(500)},
	}
	replyFaults = []kind{
		{repliesLost, ms(300), ms(2000)},
	}
	upkeep = []kind{
		{compaction, 0, 1},
		{defragmenation, 0, 1},
		{compaction, 0, 1},
	}
)

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// schedule draws faults for at least the time given, each kind as often as the
// others, with pauses of up to gap.
func schedule(rng *rand.Rand, kinds []kind, targets []int, gap, enough time.Duration) []fault {
	var faults []fault
	for total := time.Duration(0); total < enough; {
		for _, i := range rng.Perm(len(kinds)) {
			k := kinds[i]
			f := fault{
				kind:   k.name,
				target: targets[rng.IntN(len(targets))],
				after:  between(rng, gap/4, gap),
				lasts:  between(rng, k.least, k.utmost),
			}
			faults, total = append(faults, f), total+f.after+f.lasts
		}
	}
	return faults
}

// inject lets faults happen one after another until ctx ends, which also ends
// the one that lasts then.
func inject(ctx context.Context, t *tally, faults []fault, begin func(context.Context, fault) (undo func())) {
	for _, f := range faults {
		if !wait(ctx, f.after) {
			return
		}
		if f.kind == compaction || f.kind == defragmenation {
			t.count("upkeep: " + f.kind)
		} else {
			t.count("faults: " + f.kind)
		}
		undo := begin(ctx, f)
		t.note("begins: %s, target %d", f.kind, f.target)
		goesOn := wait(ctx, f.lasts)
		undo()
		t.note("ends: %s, target %d", f.kind, f.target)
		if !goesOn {
			return
		}
	}
}

// rolling returns the faults of members, and among them, in equal parts of the time, their
// upgrades, if there are to be some.
func rolling(faults []fault, members []int) []fault {
	if *soakUpgrade == "" {
		return faults
	}
	for i, m := range slices.Backward(members) {
		at := len(faults) * (i + 1) / (len(members) + 1)
		faults = slices.Insert(faults, at, fault{kind: upgraded, target: m, after: ms(500)})
	}
	return faults
}

// hitClients does one fault to a client.
func (s *soak) hitClients(ctx context.Context, f fault) func() {
	c := s.clients[f.target]
	switch f.kind {
	case cutShort:
		c.cut()
		return c.heal
	case cutLong:
		c.await(ctx, holding)
		c.cut()
		enough := make(chan struct{})
		c.clinging.Store(&enough)
		return func() {
			c.clinging.Store(nil)
			close(enough)
			c.heal()
		}
	case cutPartly:
		p := c.network[int(f.lasts)%len(c.network)]
		p.Cut()
		return p.Heal
	case holderKilled:
		c.await(ctx, holding)
		c.kill()
		return c.revive
	default:
		c.await(ctx, waiting)
		c.kill()
		return c.revive
	}
}

// hitReplies loses a part of a member's replies: the member has done what it was
// asked, and the client hears of an error of any code.
func (s *soak) hitReplies(_ context.Context, f fault) func() {
	const lost = 4 // one of so many
	rng := rand.New(rand.NewPCG(s.seed, uint64(f.lasts)))
	s.middle[f.target].Lose(func(int, string) etcdtest.Loss {
		if rng.IntN(lost) > 0 {
			return etcdtest.Loss{}
		}
		s.tally.count("replies: lost")
		if rng.IntN(lost) == 0 {
			return etcdtest.Loss{Reset: true}
		}
		return etcdtest.Loss{Code: codes.Canceled + codes.Code(rng.IntN(int(codes.Unauthenticated)))}
	})
	return func() { s.middle[f.target].Lose(nil) }
}

// hitProxy restarts the grpc-proxy.
func (s *soak) hitProxy(context.Context, fault) func() {
	s.proxy.Stop()
	return s.proxy.Start
}

// hitLogins has all logins of the clients' user end: its password is changed, to the same one.
// Beside that, they end by themselves when they are not used for a second.
func (s *soak) hitLogins(context.Context, fault) func() {
	s.untilDone("logins", func(ctx context.Context) error {
		_, err := s.admin.UserChangePassword(ctx, s.user, etcdtest.Password)
		return err
	})
	return func() {}
}

// await waits until the client does that, or for a while whatever it does.
func (c *client) await(ctx context.Context, phase int32) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	for c.phase.Load() != phase && wait(ctx, time.Millisecond) {
	}
}

// maintain compacts, as far as is recorded, or defragments a member.
func (s *soak) maintain(ctx context.Context, f fault) func() {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var err error
	if f.kind == compaction {
		_, err = s.admin.Compact(ctx, s.recorder.Revision(), clientv3.WithCompactPhysical())
	} else {
		_, err = s.admin.Defragment(ctx, s.cluster.Members[f.target].Endpoint)
	}
	if err != nil {
		s.tally.count("failed upkeep: " + f.kind)
	}
	return func() {}
}
