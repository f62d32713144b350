package deterministic

import (
	"testing"
	"testing/synctest"
	"time"

	"etcd-lock/internal/simetcd"
	"etcd-lock/rwlock"
)

// TestAReleaseKeepsTheStream releases locks at once, while the watches for their loss are
// being opened. These end with the release, which says nothing against the stream that
// they were to be on, and that others use. It was replaced often.
func TestAReleaseKeepsTheStream(t *testing.T) {
	resetGlobals(1)
	synctest.Test(t, func(t *testing.T) {
		cluster := simetcd.New(simetcd.Options{Seed: 1})
		client, _, err := cluster.Client()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = client.Close() }()
		s, err := rwlock.NewSession(t.Context(), client, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		hold := func(name string) *rwlock.RWMutex {
			m := s.NewRWMutex(name)
			if err := m.RWLock(t.Context()); err != nil {
				t.Fatal(err)
			}
			_ = m.Lost()
			return m
		}
		_ = hold("/kept") // the stream stays open
		time.Sleep(time.Second)
		for range 20 {
			if err := hold("/a").Unlock(); err != nil {
				t.Fatal(err)
			}
		}
		if n := cluster.Stats().Streams; n != 1 {
			t.Errorf("%d streams of watches were opened, want 1", n)
		}
	})
}
