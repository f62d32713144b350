package inspect

import (
	"context"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
)

// seconds64 is any number of seconds that etcd may answer, of every magnitude.
func seconds64(rng *rand.Rand) int64 {
	n := int64(rng.Uint64() >> rng.IntN(64))
	if rng.IntN(4) == 0 {
		n = -n
	}
	return n
}

// A lease of decades that is renewed in time has not missed a renewal: 3 times
// what remains overflows from 3.1e9 s on.
func TestMissedRenewalsOfAnyLease(t *testing.T) {
	check := func(granted, remaining int64) {
		got := answered(granted, remaining).MissedRenewals()
		three := new(big.Int).Mul(big.NewInt(3), new(big.Int).Add(big.NewInt(remaining), big.NewInt(2)))
		two := new(big.Int).Mul(big.NewInt(2), big.NewInt(granted))
		want := remaining >= 0 && three.Cmp(two) < 0
		const most = math.MaxInt64 / int64(time.Second) // seconds of the longest duration: beyond, no lease is told from another
		if granted <= most && remaining <= most && got != want {
			t.Errorf("granted %d s, remaining %d s: missed renewals %t, want %t", granted, remaining, got, want)
		}
		if granted <= remaining && granted >= 0 && got {
			t.Errorf("granted %d s, remaining %d s: missed renewals", granted, remaining)
		}
	}
	for _, granted := range []int64{3_100_000_000, 3_500_000_000, 4_000_000_000, 4_600_000_000, 9_000_000_000, math.MaxInt64} {
		check(granted, granted-1)
		check(granted, granted)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		granted := seconds64(rng)
		check(granted, seconds64(rng))
		check(granted, granted-granted/max(1, rng.Int64N(6)))
	}
}

// etcd's client looks each half second whether a third of the TTL has passed, and etcd
// rounds down what is left: no look-up of a lease that it renews says that it is late.
func TestRenewedByEtcdsClient(t *testing.T) {
	for ttl := time.Second; ttl <= time.Minute; ttl += time.Second {
		oldest := ttl/3 + 500*time.Millisecond
		for age := time.Duration(0); age <= min(oldest, ttl); age += 10 * time.Millisecond {
			l := Lease{State: LeaseAlive, Granted: ttl, Remaining: (ttl - age).Truncate(time.Second)}
			if l.MissedRenewals() {
				t.Errorf("TTL %v, renewed %v ago: missed renewals", ttl, age)
			}
		}
		if l := (Lease{State: LeaseAlive, Granted: ttl}); ttl > 3*time.Second && !l.MissedRenewals() {
			t.Errorf("TTL %v, nothing left: no renewal missed", ttl)
		}
	}
}

// answering answers for leases as an etcd in trouble does.
type answering struct {
	clientv3.Lease
	granted, remaining int64
}

func (a answering) TimeToLive(_ context.Context, id clientv3.LeaseID, _ ...clientv3.LeaseOption) (*clientv3.LeaseTimeToLiveResponse, error) {
	return &clientv3.LeaseTimeToLiveResponse{ID: id, GrantedTTL: a.granted, TTL: a.remaining, Keys: [][]byte{[]byte("/a/write/1")}}, nil
}

// A lease that has expired is there until etcd revokes it, and a request may be
// on a lease that was not restored with it.
func TestLeasesInTrouble(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	lease := grant(t, client, 100)
	if _, err := client.Put(t.Context(), "/a/write/1", "", clientv3.WithLease(lease)); err != nil {
		t.Fatal(err)
	}
	there, err := newSource(client).Snapshot(t.Context(), "/a/")
	if err != nil {
		t.Fatal(err)
	}
	genuine := client.Lease
	ask := func(granted, remaining int64, in Snapshot) Lease {
		t.Helper()
		client.Lease = answering{genuine, granted, remaining}
		defer func() { client.Lease = genuine }()
		got, err := newSource(client).Leases(t.Context(), []int64{int64(lease)}, in)
		if err != nil {
			t.Fatal(err)
		}
		return got[int64(lease)]
	}
	if got, want := ask(5, -32, there), (Lease{State: LeaseOverdue, Granted: 5 * time.Second, Remaining: -32 * time.Second}); !cmp.Equal(got, want) {
		t.Errorf("expired and not revoked: %v, want %v", got, want)
	}
	if got := ask(0, -1, there); !cmp.Equal(got, Lease{State: LeaseMissing}) {
		t.Errorf("a request on no lease: %v", got)
	}
	if got := ask(0, -1, Snapshot{}); !cmp.Equal(got, Lease{State: LeaseGone}) {
		t.Errorf("a lease without a request: %v", got)
	}
	inTheWay := Snapshot{Locks: []Lock{{Others: []Request{there.Locks[0].Queue[0].aside()}}}}
	if got := ask(0, -1, inTheWay); !cmp.Equal(got, Lease{State: LeaseMissing}) {
		t.Errorf("a key in the way on no lease: %v", got)
	}
	if _, err := client.Put(t.Context(), "/a/write/1", "", clientv3.WithLease(grant(t, client, 100))); err != nil {
		t.Fatal(err)
	}
	if got := ask(0, -1, there); !cmp.Equal(got, Lease{State: LeaseGone}) {
		t.Errorf("a lease whose request has another one since: %v", got)
	}
	if _, err := client.Delete(t.Context(), "/a/write/1"); err != nil {
		t.Fatal(err)
	}
	if got := ask(0, -1, there); !cmp.Equal(got, Lease{State: LeaseGone}) {
		t.Errorf("a lease whose request went with it: %v", got)
	}
}
