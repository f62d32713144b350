package rwlock

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
	"testing/quick"
	"testing/synctest"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// A session of centuries pauses between renewals as any other.
func TestRenewalPause(t *testing.T) {
	check := func(a, b int64) bool {
		ttl, left := time.Duration(a&math.MaxInt64), time.Duration(b&math.MaxInt64)
		got := renewalPause(ttl, left)
		least := min(ttl, left)
		return got >= 0 && got+got/4 <= least/3 && (least < time.Second || got >= least/8)
	}
	if !check(math.MaxInt64, math.MaxInt64) || !check(int64(146*8766*time.Hour), int64(147*8766*time.Hour)) {
		t.Error("a session of centuries is renewed without a pause")
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 100_000}); err != nil {
		t.Error(err)
	}
}

// hang waits for the end of ctx, as a call does that etcd does not answer.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// lostFor is a leader of three members that is stopped: nothing is answered that was
// sent before the others have elected another one, and of what is sent later, every
// second one is sent to the stopped member.
type lostFor struct {
	clientv3.Lease
	elected time.Time
	sent    atomic.Int64
}

func (l *lostFor) answers(ctx context.Context) error {
	if time.Now().Before(l.elected) || l.sent.Add(1)%2 == 0 {
		return hang(ctx)
	}
	return nil
}

func (l *lostFor) Grant(ctx context.Context, ttl int64) (*clientv3.LeaseGrantResponse, error) {
	if err := l.answers(ctx); err != nil {
		return nil, err
	}
	return &clientv3.LeaseGrantResponse{ID: 1, TTL: ttl}, nil
}

// A grant that is not answered is sent again, and the session counts from the one that
// was answered.
func TestGrantsOutliveAnElection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		client := clientv3.NewCtxClient(ctx)
		client.Lease = &lostFor{elected: time.Now().Add(2 * time.Second)}
		began := time.Now()
		s, err := newSession(t.Context(), client, 10*time.Second, func(*Session, context.Context) renewal { return renewal{sent: time.Now(), ttl: 10} })
		if err != nil {
			t.Fatal(err)
		}
		if sent := s.Deadline().Add(-s.TTL()).Sub(began); sent != 3*time.Second {
			t.Errorf("it was granted by what was sent after %s", sent)
		}
		cancel()
		<-s.done
	})
}

// A session goes on if a renewal that was sent later is answered just when the one that it
// waits for is given up.
func TestAnsweredAtTheLastMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := clientv3.NewCtxClient(t.Context())
		client.Lease = slowGrant{}
		const ttl = 10 * time.Second
		renewals := 0
		s, err := newSession(t.Context(), client, ttl, func(s *Session, ctx context.Context) renewal {
			renewals++
			sent := time.Now().Add(ttl / 2)
			<-ctx.Done()
			if renewals == 1 {
				s.noteLater(renewal{sent: sent, ttl: 10})
			}
			return renewal{err: ctx.Err()}
		})
		if err != nil {
			t.Fatal(err)
		}
		<-s.Done()
		if renewals != 2 || time.Now().Before(s.Deadline()) {
			t.Errorf("ended after %d renewals, %s before its deadline", renewals, time.Until(s.Deadline()))
		}
	})
}

// An answer that comes late counts only if the lease was renewed, and while the session lives.
func TestLateAnswerThatDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := clientv3.NewCtxClient(t.Context())
		client.Lease = slowGrant{}
		s, err := newSession(t.Context(), client, 10*time.Second, func(_ *Session, ctx context.Context) renewal {
			return renewal{err: hang(ctx)}
		})
		if err != nil {
			t.Fatal(err)
		}
		deadline := s.Deadline()
		s.noteLater(renewal{sent: time.Now(), ttl: 9}) // what is left of the TTL
		if s.TTL() != 10*time.Second || !s.Deadline().Equal(deadline) {
			t.Errorf("a TTL of %s, and %s more, by what was no renewal", s.TTL(), s.Deadline().Sub(deadline))
		}
		<-s.Done()
		s.noteLater(renewal{sent: time.Now(), ttl: 10})
		if !s.Deadline().Equal(deadline) {
			t.Errorf("it has ended %s before its deadline", time.Until(s.Deadline()))
		}
	})
}
