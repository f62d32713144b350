package slogrwlock_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/rwlock/rwlocktest"
	"etcd-lock/rwlock/slogrwlock"
)

func TestWithLogger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := rwlocktest.New().Client(t)
		s, err := rwlock.NewSession(t.Context(), client, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		option := slogrwlock.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
			Level: slog.LevelDebug,
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				switch a.Key {
				case slog.TimeKey, "host", "pid", "program":
					return slog.Attr{}
				default:
					return a
				}
			},
		})))
		holder, m := s.NewRWMutex("/a", rwlock.WithLabel("reports")), s.NewRWMutex("/a", option)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(holder.RLock(t.Context()))
		if err := m.TryRWLock(t.Context()); !errors.Is(err, rwlock.ErrLocked) {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { must(holder.Unlock()) })
		must(m.RWLock(t.Context()))
		time.Sleep(time.Minute)
		_, err = client.Delete(t.Context(), m.Key())
		must(err)
		synctest.Wait()
		if err := m.Unlock(); !errors.Is(err, rwlock.ErrLost) {
			t.Fatal(err)
		}
		set := s.NewSet([]rwlock.LockRequest{{Name: "/a", Mode: rwlock.Read}, {Name: "/b", Mode: rwlock.Write}}, option)
		must(set.Do(t.Context(), func(context.Context) error { return nil }))
		must(s.NewSemaphore("/p", 3, option).Do(t.Context(), 2, func(context.Context) error { return nil }))
		both := s.NewSet([]rwlock.LockRequest{{Name: "/p", Mode: rwlock.Slot, Weight: 1, Permits: 3}, {Name: "/b", Mode: rwlock.Write}}, option)
		must(both.TryDo(t.Context(), func(context.Context) error { return nil }))
		must(s.Close())
		if err := set.Lock(t.Context()); !errors.Is(err, rwlock.ErrSessionClosed) {
			t.Fatal(err)
		}
		const want = `
level=DEBUG msg="lock waiting" lock=/a mode=write
level=DEBUG msg="lock failed" lock=/a mode=write waited=0s error="rwlock: lock is held by another (write lock \"/a\")"
level=DEBUG msg="lock waiting" lock=/a mode=write
level=DEBUG msg="lock queued" lock=/a mode=write position=1 ahead.label=reports
level=DEBUG msg="lock granted" lock=/a mode=write token=3 waited=1s
level=WARN msg="lock lost" lock=/a mode=write token=3 held=1m0s error="rwlock: lock was lost (write lock \"/a\")"
level=WARN msg="lock released" lock=/a mode=write token=3 held=1m0s error="rwlock: lock was lost (write lock \"/a\")"
level=DEBUG msg="lock waiting" locks="read /a, write /b"
level=DEBUG msg="lock granted" locks="read /a, write /b" token=6 waited=0s
level=DEBUG msg="lock released" locks="read /a, write /b" token=6 held=0s
level=DEBUG msg="lock waiting" lock=/p mode=slot weight=2 permits=3
level=DEBUG msg="lock granted" lock=/p mode=slot weight=2 permits=3 token=8 waited=0s
level=DEBUG msg="lock released" lock=/p mode=slot weight=2 permits=3 token=8 held=0s
level=DEBUG msg="lock waiting" locks="slot /p 1/3, write /b"
level=DEBUG msg="lock granted" locks="slot /p 1/3, write /b" token=10 waited=0s
level=DEBUG msg="lock released" locks="slot /p 1/3, write /b" token=10 held=0s
level=DEBUG msg="lock waiting" locks="read /a, write /b"
level=WARN msg="lock failed" locks="read /a, write /b" waited=0s error="rwlock: session was closed (read lock \"/a\" and write lock \"/b\")"
`
		if got := "\n" + log.String(); strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("log is:%s\nwant:%s", got, want)
		}
	})
}

func TestWithoutLogger(t *testing.T) {
	t.Parallel()
	s, err := rwlock.NewSession(t.Context(), rwlocktest.New().Client(t), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.NewRWMutex("/a", slogrwlock.WithLogger(nil)).RWLock(t.Context()); err != nil {
		t.Error(err)
	}
}
