package promrwlock_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"etcd-lock/rwlock"
	"etcd-lock/rwlock/promrwlock"
	"etcd-lock/rwlock/rwlocktest"
)

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := rwlocktest.New().Client(t)
		s, err := rwlock.NewSession(t.Context(), client, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		metrics := promrwlock.New()
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(metrics)
		option := metrics.Count("/jobs/*")
		must(s.NewRWMutex("/none", (*promrwlock.Metrics)(nil).Count("/none")).RWLock(t.Context()))
		a, b := s.NewRWMutex("/jobs/a", option), s.NewRWMutex("/jobs/a", option)
		must(a.RWLock(t.Context()))
		if err := b.TryRWLock(t.Context()); !errors.Is(err, rwlock.ErrLocked) {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.RLock(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		waiter := make(chan error)
		go func() { waiter <- b.RWLock(context.Background()) }()
		time.Sleep(time.Minute)
		want(t, registry, `rwlock_waiting{lock="/jobs/*",mode="write"} 1`, `rwlock_held{lock="/jobs/*",mode="write"} 1`)
		must(a.Unlock())
		must(<-waiter)
		time.Sleep(3 * time.Second) // until the hold watches its key
		_, err = client.Delete(t.Context(), b.Key())
		must(err)
		synctest.Wait()
		want(t, registry, `rwlock_lost_total{lock="/jobs/*",mode="write"} 1`, `rwlock_held{lock="/jobs/*",mode="write"} 0`)
		if err := b.Unlock(); !errors.Is(err, rwlock.ErrLost) {
			t.Fatal(err)
		}
		set := s.NewSet([]rwlock.LockRequest{{Name: "/x", Mode: rwlock.Read}, {Name: "/y", Mode: rwlock.Read}}, metrics.Count("sets"))
		must(set.Do(t.Context(), func(context.Context) error { return nil }))
		pool := s.NewSemaphore("/pool", 3, metrics.Count("/pool"))
		must(pool.Acquire(t.Context(), 2))
		both := s.NewSet([]rwlock.LockRequest{{Name: "/pool", Mode: rwlock.Slot, Weight: 1, Permits: 3}, {Name: "/x", Mode: rwlock.Read}}, metrics.Count("/pool"))
		must(both.Lock(t.Context()))
		want(t, registry, `rwlock_held{lock="/pool",mode="slot"} 2`, `rwlock_permits_held{lock="/pool",mode="slot"} 3`)
		must(both.Unlock())
		want(t, registry, `rwlock_held{lock="/pool",mode="slot"} 1`, `rwlock_permits_held{lock="/pool",mode="slot"} 2`)
		must(pool.Release())
		want(t, registry, `rwlock_permits_held{lock="/pool",mode="slot"} 0`)
		must(s.Close())
		if err := set.Lock(t.Context()); !errors.Is(err, rwlock.ErrSessionClosed) {
			t.Fatal(err)
		}
		want(t, registry,
			`rwlock_requests_total{lock="/jobs/*",mode="write",result="granted"} 2`,
			`rwlock_requests_total{lock="/jobs/*",mode="write",result="refused"} 1`,
			`rwlock_requests_total{lock="/jobs/*",mode="read",result="cancelled"} 1`,
			`rwlock_requests_total{lock="sets",mode="read",result="granted"} 1`,
			`rwlock_requests_total{lock="sets",mode="read",result="failed"} 1`,
			`rwlock_lost_total{lock="/jobs/*",mode="write"} 1`,
			`rwlock_held{lock="/jobs/*",mode="write"} 0`, `rwlock_held{lock="sets",mode="read"} 0`,
			`rwlock_waiting{lock="/jobs/*",mode="write"} 0`, `rwlock_waiting{lock="/jobs/*",mode="read"} 0`,
			`rwlock_wait_seconds_count{lock="/jobs/*",mode="write"} 2`,
			`rwlock_wait_seconds_sum{lock="/jobs/*",mode="write"} 60`,
			`rwlock_hold_seconds_count{lock="/jobs/*",mode="write"} 2`,
			`rwlock_hold_seconds_sum{lock="/jobs/*",mode="write"} 64`,
		)
	})
}

// want fails unless the metrics have all of the lines.
func want(t *testing.T, g prometheus.Gatherer, lines ...string) {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range lines {
		if !strings.Contains("\n"+text.String(), "\n"+line+"\n") {
			t.Errorf("no line %q in\n%s", line, text.String())
		}
	}
}
