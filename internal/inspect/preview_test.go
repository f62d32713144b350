package inspect_test

import (
	"slices"
	"testing"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/locktest"
)

func TestWithout(t *testing.T) {
	s := locktest.Snapshot(t, "/a A.r1 B.w2 C.r3 D.r4 E.w5\n/b A.w6 B.w7 -.r8\n/c D.m9 C.m10")
	tests := []struct {
		name          string
		keys          []string
		gone, granted string
	}{
		{"nothing", nil, "", ""},
		{"not there", []string{"/a/read/9", ""}, "", ""},
		{"holder", []string{"/a/read/1"}, "/a/read/1", "/a/write/2"},
		{"waiter that others wait behind", []string{"/a/write/2"}, "/a/write/2", "/a/read/3 /a/read/4"},
		{"waiter", []string{"/a/write/5"}, "/a/write/5", ""},
		{"several of several locks", []string{"/c/d", "/b/write/7", "/b/write/6", "/a/read/1"}, "/a/read/1 /b/write/6 /b/write/7 /c/d", "/a/write/2 /b/read/8 /c/c"},
		{"twice", []string{"/c/d", "/c/d"}, "/c/d", "/c/c"},
		{"all of a lock", []string{"/c/d", "/c/c"}, "/c/d /c/c", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := s.Without(tt.keys...)
			if locktest.Keys(p.Gone) != tt.gone || locktest.Keys(p.Granted) != tt.granted {
				t.Errorf("gone %q, granted %q; want %q, %q", locktest.Keys(p.Gone), locktest.Keys(p.Granted), tt.gone, tt.granted)
			}
		})
	}
}

func TestOfLease(t *testing.T) {
	s := locktest.Snapshot(t, "/a A.r1 B.w2\n/b -.w3 A.w4")
	for lease, want := range map[int64]string{0xa: "/a/read/1 /b/write/4", 0xb: "/a/write/2", 0xc: "", 0: ""} {
		if got := locktest.Keys(s.OfLease(lease)); got != want {
			t.Errorf("OfLease(%x) = %q, want %q", lease, got, want)
		}
	}
}

func TestLeasesByUrgency(t *testing.T) {
	s := locktest.Snapshot(t, "/0 9A.w1 -.w2\n/a 9B.r3 9C.r4\n/b 1A.w5 2A.r6 -.r7 1A.w8\n/c 2A.r9 9A.r10 3A.w11")
	want := []int64{0x9a, 0x1a, 0x2a, 0x9b, 0x9c, 0x3a}
	if got := s.LeasesByUrgency(); !slices.Equal(got, want) {
		t.Errorf("leases %x, want %x", got, want)
	}
}

// TestWithoutLaw: what is granted is what the queues of the rest say.
func TestWithoutLaw(t *testing.T) { locktest.EachRandom(t, checkWithout) }

func checkWithout(t *testing.T, s inspect.Snapshot) {
	t.Helper()
	var gone []string
	for _, l := range s.Locks {
		for _, r := range l.Queue {
			if r.Revision%3 == 0 || r.Lease == 1 {
				gone = append(gone, r.Key)
			}
		}
	}
	p := s.Without(gone...)
	if got, want := locktest.Keys(p.Granted), locktest.Keys(locktest.NewlyHolding(s, locktest.Removed(s, p.Gone))); got != want || locktest.Keys(p.Gone) != locktest.Keys(locktest.Requests(s, func(r inspect.Request) bool { return slices.Contains(gone, r.Key) })) {
		t.Fatalf("without %q: granted %q, want %q", gone, got, want)
	}
}
