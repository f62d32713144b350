package backoff_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"etcd-lock/internal/backoff"
)

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 100 {
			began := time.Now()
			if !backoff.Pause(t.Context(), 8*time.Second) {
				t.Fatal("the context ended")
			}
			if d := time.Since(began); d < 6*time.Second || d > 10*time.Second {
				t.Errorf("paused for %s, want 6s to 10s", d)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if backoff.Pause(ctx, time.Hour) {
			t.Error("the pause outlasted its context")
		}
	})
}

func TestExponential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		series := backoff.Exponential{First: 8 * time.Second, Max: 20 * time.Second}
		for _, want := range []time.Duration{8 * time.Second, 16 * time.Second, 20 * time.Second, 20 * time.Second} {
			began := time.Now()
			series.Pause(t.Context())
			if d := time.Since(began); d < want*3/4 || d > want*5/4 {
				t.Errorf("paused for %s, want %s and a quarter more or less", d, want)
			}
		}
	})
}
