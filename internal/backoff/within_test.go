package backoff_test

import (
	"testing"
	"testing/synctest"
	"time"

	"etcd-lock/internal/backoff"
)

func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, took := range map[string]time.Duration{"Soon": time.Second, "Late": time.Hour} {
			began := time.Now()
			backoff.Within(time.Minute, func() { time.Sleep(took) })
			if got := time.Since(began); got != min(took, time.Minute) {
				t.Errorf("%s: returned after %s", name, got)
			}
			time.Sleep(time.Hour) // until what is late has ended
		}
	})
}
