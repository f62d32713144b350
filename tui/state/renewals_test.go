package state

import (
	"math/rand/v2"
	"testing"
	"testing/quick"
	"time"

	"etcd-lock/internal/inspect"
)

// simulated is a lease in a cluster, looked up as the UI does.
type simulated struct {
	ttl     time.Duration
	renews  time.Duration // so often; 0: never
	leaders time.Duration // the leader changes so often; 0: never
	ends    time.Time
	renewed time.Time // next
	changes time.Time // next
	term    uint64
}

func newSimulated(ttl, renews, leaders time.Duration, at time.Time) *simulated {
	return &simulated{
		ttl: ttl, renews: renews, leaders: leaders, term: 2,
		ends: at.Add(ttl), renewed: at.Add(renews), changes: at.Add(leaders),
	}
}

// at is what etcd says of the lease at a time, which does not go back.
func (s *simulated) at(now time.Time) inspect.Lease {
	for {
		renewal, change := s.renews > 0 && !now.Before(s.renewed), s.leaders > 0 && !now.Before(s.changes)
		switch {
		case renewal && (!change || !s.changes.Before(s.renewed)):
			s.ends, s.renewed = s.renewed.Add(s.ttl), s.renewed.Add(s.renews)
		case change:
			s.ends, s.changes = s.changes.Add(s.ttl+time.Second), s.changes.Add(s.leaders) // etcd adds its election timeout
			s.term++
		default:
			return inspect.Lease{
				State: inspect.LeaseAlive, Granted: s.ttl, Remaining: s.ends.Sub(now).Truncate(time.Second), Term: s.term,
			}
		}
	}
}

// watched looks the lease up every two seconds for a while, and says what each
// look-up leads to.
func (s *simulated) watched(rng *rand.Rand, from time.Time, long time.Duration, each func(now time.Time, r Renewals, l inspect.Lease)) {
	var b LeaseCache
	for now := from; now.Before(from.Add(long)); now = now.Add(leaseEvery + rand.N(leaseEvery/8)) {
		asked := now
		now = now.Add(time.Duration(rng.IntN(50)) * time.Millisecond)
		l := s.at(now)
		now = now.Add(time.Duration(rng.IntN(50)) * time.Millisecond)
		_, _ = b.Take(LeaseAnswer{At: asked, Done: now, Leases: map[int64]inspect.Lease{1: l}})
		each(now, b.Renewals(1), b.Facts()[1])
	}
}

var simulation = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

// A client that is dead never looks as if it renewed its lease, also when a new
// leader starts all TTLs anew.
func TestDeadClientIsNeverSeenToRenew(t *testing.T) {
	for name, s := range map[string]*simulated{
		"TwoHours":      newSimulated(2*time.Hour, 0, 0, simulation),
		"LeaderChanges": newSimulated(time.Minute, 0, 30*time.Second, simulation),
		"LongAndLeader": newSimulated(2*time.Hour, 0, 10*time.Minute, simulation),
	} {
		t.Run(name, func(t *testing.T) {
			var late inspect.Lease
			var longest time.Duration // so far
			s.watched(rand.New(rand.NewPCG(1, 2)), simulation, s.ttl-time.Second+s.leaders*20, func(now time.Time, r Renewals, l inspect.Lease) {
				if !r.Rose.IsZero() {
					t.Fatalf("after %v, a renewal was seen", now.Sub(simulation))
				}
				if longest > l.NotRenewedFor() && l.MissedRenewals() {
					t.Fatalf("after %v, not renewed for %v, and before for %v", now.Sub(simulation), l.NotRenewedFor(), longest)
				}
				if l.MissedRenewals() {
					longest = l.NotRenewedFor()
				}
				if late = l; l.MissedRenewals() && now.Sub(simulation) < s.ttl/3 {
					t.Fatalf("after %v, it has missed renewals", now.Sub(simulation))
				}
			})
			if !late.MissedRenewals() || late.Restarted != (s.leaders > 0) {
				t.Errorf("in the end: %+v", late)
			}
			if least := s.ttl * 2 / 3; late.NotRenewedFor() < least {
				t.Errorf("not renewed for %v, want %v at least", late.NotRenewedFor(), least)
			}
		})
	}
}

// A client that renews is seen to, and is never said to have missed a renewal.
func TestHealthyClientIsSeenToRenew(t *testing.T) {
	for name, s := range map[string]*simulated{
		"ThreeSeconds":  newSimulated(3*time.Second, time.Second, 0, simulation),
		"TwoSeconds":    newSimulated(2*time.Second, time.Second*2/3, 0, simulation),
		"AMinute":       newSimulated(time.Minute, 20*time.Second, 0, simulation),
		"TwoHours":      newSimulated(2*time.Hour, 40*time.Minute, 0, simulation),
		"LeaderChanges": newSimulated(time.Minute, 20*time.Second, 30*time.Second, simulation),
	} {
		t.Run(name, func(t *testing.T) {
			var last Renewals
			s.watched(rand.New(rand.NewPCG(1, 2)), simulation, 2*s.ttl+time.Minute, func(now time.Time, r Renewals, l inspect.Lease) {
				if last = r; l.MissedRenewals() {
					t.Fatalf("after %v, it has missed renewals: %+v, %+v", now.Sub(simulation), l, r)
				}
			})
			if last.Rose.IsZero() {
				t.Error("no renewal was seen")
			}
		})
	}
}

// A rise at another term is no renewal, nor is the first answer of a term a
// beginning: it may be of the old leader. An unknown term proves nothing.
func TestRenewalIsSeenWithinATermOnly(t *testing.T) {
	for name, tt := range map[string]struct {
		terms []uint64
		want  bool
	}{
		"SameTerm":     {[]uint64{2, 2, 2}, true},
		"FirstAnswer":  {[]uint64{2, 2}, false},
		"NewTerm":      {[]uint64{2, 2, 3}, false},
		"FirstOfATerm": {[]uint64{2, 2, 3, 3}, false},
		"LaterInATerm": {[]uint64{2, 2, 3, 3, 3}, true},
		"UnknownTerm":  {[]uint64{0, 0, 0, 0}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var b LeaseCache
			for i, term := range tt.terms {
				l := inspect.Lease{State: inspect.LeaseAlive, Granted: time.Minute, Remaining: 50 * time.Second, Term: term}
				if i == len(tt.terms)-1 {
					l.Remaining = 59 * time.Second
				} else {
					l.Remaining -= time.Duration(i) * 2 * time.Second
				}
				at := simulation.Add(time.Duration(i) * 2 * time.Second)
				_, _ = b.Take(LeaseAnswer{At: at, Done: at, Leases: map[int64]inspect.Lease{1: l}})
			}
			if got := !b.Renewals(1).Rose.IsZero(); got != tt.want {
				t.Errorf("seen renewed: %t, want %t", got, tt.want)
			}
		})
	}
}

// What was not watched is not said to have been seen: after a gap, observation
// begins anew where a renewal may hide in it.
func TestGapsAreNotObserved(t *testing.T) {
	var b LeaseCache
	take := func(after time.Duration, remaining time.Duration, term uint64) {
		at := simulation.Add(after)
		l := inspect.Lease{State: inspect.LeaseAlive, Granted: time.Minute, Remaining: remaining, Term: term}
		_, _ = b.Take(LeaseAnswer{At: at, Done: at, Leases: map[int64]inspect.Lease{1: l}})
	}
	take(0, 59*time.Second, 2)
	take(10*time.Minute, 55*time.Second, 3)
	if f := b.Facts()[1]; f.MissedRenewals() || f.Unrenewed != 0 {
		t.Errorf("%+v", f)
	}
}

// Whatever a lease that nobody renews is granted, and however the look-ups fall, no
// renewal is seen, and nothing overflows.
func TestNoRenewalIsSeenOfAnyDeadLease(t *testing.T) {
	check := func(granted, left uint64, seed uint64) bool {
		rng := rand.New(rand.NewPCG(seed, 1))
		ttl := time.Duration(granted >> (1 + rng.IntN(60)))
		ends := simulation.Add(min(time.Duration(left>>(1+rng.IntN(60))), ttl))
		var r Renewals
		now := simulation
		for range 5 {
			now = now.Add(time.Duration(rng.Int64N(int64(time.Minute))))
			asked := now
			now = now.Add(time.Duration(rng.Int64N(int64(time.Second))))
			l := inspect.Lease{State: inspect.LeaseAlive, Granted: ttl, Remaining: ends.Sub(now).Truncate(time.Second), Term: 2}
			if l.Remaining < 0 {
				return true
			}
			now = now.Add(time.Duration(rng.Int64N(int64(time.Second))))
			r.take(l, asked, now, 2)
			f := r.facts(l, now)
			if !r.Rose.IsZero() || f.NotRenewedFor() < 0 || f.Unrenewed < 0 {
				t.Logf("%+v of %+v", r, f)
				return false
			}
		}
		return true
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 100_000}); err != nil {
		t.Error(err)
	}
}
