package verify

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"etcd-lock/rwlock"
)

// forever is the end of a session that is renewed all along.
func forever() time.Duration { return math.MaxInt64 }

func TestLive(t *testing.T) {
	const ms = time.Millisecond
	dies := func(at time.Duration) func() time.Duration { return func() time.Duration { return at } }
	type claims []*Claim
	write := func(token int64, until func() time.Duration) *Claim {
		return &Claim{Client: "w", Lock: "/a", Mode: rwlock.Write, Token: token, Until: until}
	}
	read := func(token int64) *Claim {
		return &Claim{Client: "r", Lock: "/a", Mode: rwlock.Read, Token: token, Until: forever}
	}
	slot := func(token int64, weight, permits int, until func() time.Duration) *Claim {
		return &Claim{Client: "s", Lock: "/a", Mode: rwlock.Slot, Weight: weight, Permits: permits, Token: token, Until: until}
	}
	other := write(1, forever)
	other.Lock = "/b"
	tests := []struct {
		name   string
		claims claims // each begins a millisecond after the one before, and none ends
		want   []Kind
		fenced int
	}{
		{name: "readers", claims: claims{read(2), read(1)}},
		{name: "a writer beside a reader", claims: claims{read(1), write(2, forever)}, want: []Kind{Overlap}},
		{name: "permits that suffice", claims: claims{slot(2, 1, 3, forever), slot(1, 1, 3, forever), slot(3, 1, 3, forever)}},
		{name: "two take too many permits", claims: claims{slot(1, 2, 3, forever), slot(2, 2, 3, forever)}, want: []Kind{Overlap}},
		{name: "three take too many permits", claims: claims{slot(1, 1, 2, forever), slot(2, 1, 2, forever), slot(3, 1, 2, forever)}, want: []Kind{Overlap}},
		{name: "more permits than one was told", claims: claims{slot(1, 1, 3, forever), slot(2, 1, 3, forever), slot(3, 1, 2, forever)}, want: []Kind{Overlap}},
		{name: "permits of a session that was over", claims: claims{slot(1, 1, 2, dies(2*ms)), slot(2, 1, 2, forever), slot(3, 1, 2, forever)}},
		{name: "permits out of turn", claims: claims{slot(5, 2, 2, forever), slot(4, 1, 2, forever)}, want: []Kind{Overlap, Unfair}},
		{name: "another lock", claims: claims{write(2, forever), other}},
		{name: "a late writer that a token fences once", claims: claims{write(1, dies(2*ms)), read(2), read(3)}, fenced: 1},
		{name: "a late writer that none fences", claims: claims{write(0, dies(2*ms)), write(0, forever)}, want: []Kind{Unfenced}},
		{name: "a writer whose session was over", claims: claims{write(1, forever), write(2, dies(ms))}},
		{name: "out of turn", claims: claims{write(5, forever), read(4)}, want: []Kind{Overlap, Unfair}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := NewLive()
			var got []Kind
			fenced := 0
			for i, c := range tt.claims {
				v := l.Begin(c, time.Duration(i+1)*ms)
				fenced += len(v.Fenced)
				for _, x := range v.Violations {
					got = append(got, x.Kind)
				}
			}
			if !slices.Equal(got, tt.want) || fenced != tt.fenced {
				t.Errorf("got %v and %d fenced, want %v and %d", got, fenced, tt.want, tt.fenced)
			}
		})
	}
	t.Run("out of turn after the end", func(t *testing.T) {
		l := NewLive()
		first := write(5, forever)
		l.Begin(first, ms)
		l.End(first)
		if v := l.Begin(read(4), 2*ms); len(v.Violations) != 1 || v.Violations[0].Kind != Unfair {
			t.Errorf("got %+v", v)
		}
	})
}

// TestLiveAgreesWithJudge holds both to random holds, most of which overlap.
func TestLiveAgreesWithJudge(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 2))
		live, found := NewLive(), map[string]bool{}
		var seen Seen
		active := map[*Claim]int{}
		for now := time.Millisecond; now < 30*time.Millisecond; now += time.Millisecond {
			for c, i := range active {
				if rng.IntN(2) == 0 {
					live.End(c)
					delete(active, c)
					seen.Holds[i].End, seen.Holds[i].Known = now, now
				}
			}
			c := &Claim{
				Client: fmt.Sprintf("c-%d", now/time.Millisecond), Lock: fmt.Sprintf("/%d", rng.IntN(3)),
				Mode: rwlock.Mode(1 + rng.IntN(2)), Until: forever,
			}
			at := now + time.Microsecond
			for _, v := range live.Begin(c, at).Violations {
				found[v.Clients[0]+" "+v.Clients[1]] = true
			}
			active[c] = len(seen.Holds)
			seen.Holds = append(seen.Holds, Hold{Client: c.Client, Lock: c.Lock, End: forever(), Known: forever(),
				Stages: []Stage{{Mode: c.Mode, Asked: now, Granted: at}}})
		}
		want := map[string]bool{}
		for _, v := range Judge(seen, History{}, Options{}).Violations {
			want[v.Clients[0]+" "+v.Clients[1]] = true
		}
		if fmt.Sprint(found) != fmt.Sprint(want) {
			t.Fatalf("seed %d: live found %v, judged %v", seed, found, want)
		}
	}
}
