package state

import (
	"errors"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
)

// The cache keeps what was last said, and asks for a bounded number at a pace.
func TestLeaseCache(t *testing.T) {
	now := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

	t.Run("StaleAnswerIsDropped", func(t *testing.T) {
		b := LeaseCache{gen: 7, Asking: true}
		gone := map[int64]inspect.Lease{1: {State: inspect.LeaseGone}}
		if news, err := b.Take(LeaseAnswer{Gen: 6, Leases: gone}); news || err != nil || b.known != nil || b.Asking {
			t.Errorf("news %t, err %v, known %v, asking %t", news, err, b.known, b.Asking)
		}
	})

	t.Run("OldAnswerIsNotShown", func(t *testing.T) {
		b := LeaseCache{gen: 7}
		alive := inspect.Lease{State: inspect.LeaseAlive, Granted: 10 * time.Second, Remaining: 9 * time.Second}
		_, _ = b.Take(LeaseAnswer{Gen: 7, At: now, Leases: map[int64]inspect.Lease{1: alive}})
		b.next = now.Add(time.Hour)
		for ago, want := range map[time.Duration]bool{0: true, leaseFresh: true, leaseFresh + 1: false} {
			if _, known := b.fresh(1, now.Add(ago)).left(now.Add(ago)); known != want {
				t.Errorf("after %s, known is %t", ago, known)
			}
			if due := b.due([]int64{1}, now.Add(ago)); due == want {
				t.Errorf("after %s, due is %t", ago, due)
			}
		}
	})

	t.Run("GoneLease", func(t *testing.T) {
		b := LeaseCache{gen: 7}
		_, _ = b.Take(LeaseAnswer{Gen: 7, Leases: map[int64]inspect.Lease{1: {State: inspect.LeaseGone}}})
		if left, ok := b.fresh(1, time.Time{}).left(time.Time{}); !ok || left >= 0 {
			t.Errorf("left %v, %t", left, ok)
		}
	})

	// Renewals go on all the time, and are no reason to diagnose again.
	t.Run("News", func(t *testing.T) {
		alive := func(left time.Duration) inspect.Lease {
			return inspect.Lease{State: inspect.LeaseAlive, Granted: time.Minute, Remaining: left}
		}
		b := LeaseCache{}
		for i, step := range []struct {
			lease inspect.Lease
			news  bool
		}{
			{alive(59 * time.Second), false}, {alive(45 * time.Second), false}, {alive(10 * time.Second), true},
			{alive(8 * time.Second), false}, {alive(59 * time.Second), true}, {inspect.Lease{State: inspect.LeaseGone}, true},
		} {
			if news, err := b.Take(LeaseAnswer{Leases: map[int64]inspect.Lease{1: step.lease}}); err != nil || news != step.news {
				t.Errorf("step %d: news %t, want %t; %v", i, news, step.news, err)
			}
		}
	})

	t.Run("SecondFailureIsTold", func(t *testing.T) {
		b, failed := LeaseCache{}, errors.New("refused")
		if _, err := b.Take(LeaseAnswer{Err: failed}); err != nil {
			t.Errorf("the first: %v", err)
		}
		if _, err := b.Take(LeaseAnswer{Err: failed}); !errors.Is(err, failed) {
			t.Errorf("the second: %v", err)
		}
	})

	t.Run("Paced", func(t *testing.T) {
		b := LeaseCache{asked: now, next: now.Add(leaseEvery), known: map[int64]leaseFact{1: {at: now}}}
		for _, c := range []struct {
			after   time.Duration
			visible []int64
			want    bool
		}{
			{time.Second, []int64{1}, false},
			{2 * time.Second, []int64{1}, true},
			{100 * time.Millisecond, []int64{2}, false},
			{time.Second, []int64{2}, true},
			{time.Hour, nil, false},
		} {
			if got := b.due(c.visible, now.Add(c.after)); got != c.want {
				t.Errorf("%v after %v: %t", c.visible, c.after, got)
			}
		}
		b.failed = 1
		if b.due([]int64{2}, now.Add(time.Second)) {
			t.Error("a failing look-up is repeated at once")
		}
	})

	t.Run("OthersInTheirTurn", func(t *testing.T) {
		var b LeaseCache
		for i := range 100 {
			b.others = append(b.others, int64(i+1))
		}
		asked := map[int64]bool{}
		for range 100/leaseRest + 1 {
			for _, id := range b.choose([]int64{7}) {
				asked[id] = true
			}
		}
		if len(asked) != 100 {
			t.Errorf("%d of 100 were asked for", len(asked))
		}
	})
}
