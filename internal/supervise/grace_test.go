package supervise

import (
	"math"
	"testing"
	"testing/quick"
	"time"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// TestLeaseStatus has a lease of 60 s that expires at noon.
func TestLeaseStatus(t *testing.T) {
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	for _, tt := range []struct {
		name string
		lost time.Time
		now  time.Time
		want action
		next time.Time
	}{
		{"renewed just now", time.Time{}, at(-60), keepRunning, at(-20)},
		{"two thirds gone", time.Time{}, at(-20), terminate, at(-3)},
		{"the rest gone, less a margin", time.Time{}, at(-3), kill, time.Time{}},
		{"long gone, after a suspension", time.Time{}, at(3600), kill, time.Time{}},
		{"deleted just now", at(-50), at(-50), terminate, at(-30)},
		{"deleted a third of the TTL ago", at(-50), at(-30), kill, time.Time{}},
		{"deleted near the end", at(-10), at(-10), terminate, at(-3)},
		{"deleted near the end, later", at(-10), at(-3), kill, time.Time{}},
		{"deleted at the end", at(0), at(0), kill, time.Time{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := leaseStatus{deadline: noon, ttl: time.Minute, lostAt: tt.lost}
			if got, next := s.action(tt.now); got != tt.want || !next.Equal(tt.next) {
				t.Errorf("action = %d until %v, want %d until %v", got, next, tt.want, tt.next)
			}
		})
	}
}

// Whatever the TTL and how much is left of it, the command is asked to end before
// it is killed, and both happen before the lease ends.
func TestLeaseStatusOfAnyLease(t *testing.T) {
	check := func(granted, left, lost uint64) bool {
		s := leaseStatus{ttl: time.Duration(granted >> 1 >> (granted % 63))}
		remaining := time.Duration(left >> 1 >> (left % 63))
		s.deadline = noon.Add(remaining)
		if lost%2 == 0 {
			s.lostAt = noon.Add(-time.Duration(lost >> 1 >> (lost % 63)))
		}
		did, next := s.action(noon)
		switch did {
		case keepRunning:
			later, kills := s.action(next)
			return s.lostAt.IsZero() && remaining > s.ttl/3 && next.After(noon) && later != keepRunning && !kills.After(s.deadline)
		case terminate:
			last, none := s.action(next)
			return next.After(noon) && !next.After(s.deadline) && last == kill && none.IsZero()
		default:
			return next.IsZero() && (remaining <= s.ttl/20 || !s.lostAt.IsZero())
		}
	}
	for _, n := range []uint64{0, 1, math.MaxUint64, math.MaxInt64, 1 << 63} {
		if !check(n, n, n) || !check(n, 0, 1) || !check(0, n, 1) {
			t.Errorf("%d", n)
		}
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 100_000}); err != nil {
		t.Error(err)
	}
}

// A slow cluster grants longer TTLs than were asked for, and a lock outlives its
// client by that.
func TestRaisedTTL(t *testing.T) {
	for granted, want := range map[time.Duration]string{
		time.Second: "", 2 * time.Second: "",
		15 * time.Second: "etcd raised the TTL from 2s to 15s: if this program dies, its locks last that long",
	} {
		if got := raisedTTL(2*time.Second, granted, 0); got != want {
			t.Errorf("granted %v: %q, want %q", granted, got, want)
		}
	}
	if got, want := raisedTTL(2*time.Second, 5*time.Second, 10*time.Second), "etcd raised the TTL from 2s to 5s: if this program dies, its locks last 15s"; got != want {
		t.Errorf("with a delay: %q, want %q", got, want)
	}
}
