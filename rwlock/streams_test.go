package rwlock

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// fakeMembers are members of etcd that renew leases as etcd does: the renewals of a stream
// one after the other.
type fakeMembers struct {
	clientv3.Lease
	members int
	renew   func(ctx context.Context, member int, lease clientv3.LeaseID) (ttl int64, err error)

	mu     sync.Mutex
	leases clientv3.LeaseID
	opened int
	open   []context.Context // of the streams that may be open
	most   int               // streams that were open at a time
}

// client returns a client of the members. Its streams go to one after the other.
func (f *fakeMembers) client(ctx context.Context) *clientv3.Client {
	client := clientv3.NewCtxClient(ctx)
	client.Lease = f
	stateOf(client).renewer.open = f.openStream
	return client
}

func (f *fakeMembers) Grant(_ context.Context, ttl int64) (*clientv3.LeaseGrantResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leases++
	return &clientv3.LeaseGrantResponse{ID: f.leases, TTL: ttl}, nil
}

func (f *fakeMembers) openStream(ctx context.Context) (keepAliveStream, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &fakeStream{fakeAnswers: newFakeAnswers(ctx), member: f.opened % f.members, requests: make(chan int64, 1000)}
	f.opened++
	f.open = append(f.stillOpen(), ctx)
	f.most = max(f.most, len(f.open))
	s.ctx, s.fail = context.WithCancelCause(ctx)
	go s.serve(f.renew)
	return s, nil
}

func (f *fakeMembers) stillOpen() []context.Context {
	return slices.DeleteFunc(f.open, func(ctx context.Context) bool { return ctx.Err() != nil })
}

// fakeAnswers is the end of a stream that answers come from.
type fakeAnswers struct {
	ctx     context.Context
	answers chan *etcdserverpb.LeaseKeepAliveResponse
}

func newFakeAnswers(ctx context.Context) fakeAnswers {
	return fakeAnswers{ctx, make(chan *etcdserverpb.LeaseKeepAliveResponse, 1000)}
}

func (s *fakeAnswers) Recv() (*etcdserverpb.LeaseKeepAliveResponse, error) {
	select {
	case answer := <-s.answers:
		return answer, nil
	case <-s.ctx.Done():
		return nil, context.Cause(s.ctx)
	}
}

// fakeStream is a stream to one of fakeMembers.
type fakeStream struct {
	fakeAnswers
	fail     context.CancelCauseFunc
	member   int
	requests chan int64
}

func (s *fakeStream) serve(renew func(context.Context, int, clientv3.LeaseID) (int64, error)) {
	for {
		select {
		case lease := <-s.requests:
			ttl, err := renew(s.ctx, s.member, clientv3.LeaseID(lease))
			if err != nil {
				s.fail(err)
				return
			}
			s.answers <- &etcdserverpb.LeaseKeepAliveResponse{ID: lease, TTL: ttl}
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *fakeStream) Send(r *etcdserverpb.LeaseKeepAliveRequest) error {
	s.requests <- r.ID
	return nil
}

// play opens n sessions of 5 s, one every 100 ms, and returns those that have ended 20 s
// later. At most maxStreams streams may have been open at a time.
func (f *fakeMembers) play(t *testing.T, n int) (ended []clientv3.LeaseID) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	client := f.client(ctx)
	var sessions []*Session
	for range n {
		s, err := NewSession(ctx, client, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, s)
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(20 * time.Second)
	for _, s := range sessions {
		if s.Ctx().Err() != nil {
			ended = append(ended, s.lease)
		}
	}
	cancel()
	for _, s := range sessions {
		<-s.done
	}
	synctest.Wait()
	if left := len(f.stillOpen()); f.most > maxStreams || left != 0 {
		t.Errorf("%d streams at a time, and %d are left; want at most %d and none", f.most, left, maxStreams)
	}
	return ended
}

// Renewals that are not answered are sent again in time for sessions of 5s to outlive an
// election, whenever in their lives it begins and whichever member the stream is to. A
// follower keeps a renewal back that it has handed on to the leader that has stopped.
func TestRenewalsOutliveAnElection(t *testing.T) {
	t.Parallel()
	for member := range 3 {
		for at := time.Duration(0); at < 3*time.Second; at += 100 * time.Millisecond {
			synctest.Test(t, func(t *testing.T) {
				stopped := time.Now().Add(at)
				elected := stopped.Add(2 * time.Second)
				f := &fakeMembers{members: 3, opened: member}
				f.renew = func(ctx context.Context, member int, _ clientv3.LeaseID) (int64, error) {
					switch {
					case time.Now().Before(stopped):
						return 5, nil
					case member == 0:
						return 0, hang(ctx)
					case time.Now().After(elected):
						return 5, nil
					}
					ctx, cancel := context.WithTimeout(ctx, 7*time.Second)
					defer cancel()
					_ = hang(ctx)
					return 0, status.Error(codes.Unavailable, "etcdserver: request timed out")
				}
				if ended := f.play(t, 20); len(ended) > 0 {
					t.Errorf("sessions %d have ended, the leader stopped after %s", ended, at)
				}
			})
		}
	}
}

// etcd keeps back the renewal of a lease that is overdue, and with it the stream. Only the
// session of that lease ends.
func TestAnOverdueLeaseHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeMembers{members: 1}
		f.renew = func(ctx context.Context, _ int, lease clientv3.LeaseID) (int64, error) {
			if lease == 3 {
				return 0, hang(ctx)
			}
			return 5, nil
		}
		if ended := f.play(t, 20); len(ended) != 1 || ended[0] != 3 {
			t.Errorf("sessions %d have ended, want 3 only", ended)
		}
	})
}

// etcd ends a stream with the error of one of its renewals. Only the session of that lease
// ends.
func TestARefusedRenewalEndsNoOtherSession(t *testing.T) {
	for _, code := range []codes.Code{codes.PermissionDenied, codes.Unavailable} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeMembers{members: 1}
			f.renew = func(_ context.Context, _ int, lease clientv3.LeaseID) (int64, error) {
				if lease == 3 {
					return 0, status.Error(code, "refused")
				}
				return 5, nil
			}
			if ended := f.play(t, 20); len(ended) != 1 || ended[0] != 3 {
				t.Errorf("%s: sessions %d have ended, want 3 only", code, ended)
			}
		})
	}
}

// Where each renewal is answered late, as by etcd's grpc-proxy, no stream is opened for
// each of them.
func TestLateAnswersShareStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeMembers{members: 1}
		f.renew = func(ctx context.Context, _ int, _ clientv3.LeaseID) (int64, error) {
			ctx, cancel := context.WithTimeout(ctx, 1500*time.Millisecond)
			defer cancel()
			_ = hang(ctx)
			return 5, nil
		}
		if ended := f.play(t, 1); len(ended) > 0 || f.opened > maxStreams {
			t.Errorf("sessions %d have ended, %d streams were opened", ended, f.opened)
		}
	})
}

// etcd's grpc-proxy renews a lease by itself, and answers all renewals of all streams then.
// The one that was sent last counts, so that exec does not end its command, which it does in
// the last third of the TTL.
func TestTheLastOfRenewalsCounts(t *testing.T) {
	for ttl, period := range map[time.Duration]time.Duration{ // rounded up to half seconds
		2 * time.Second: time.Second,
		3 * time.Second: 1500 * time.Millisecond,
		5 * time.Second: 2 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeMembers{members: 1}
			f.renew = func(ctx context.Context, _ int, _ clientv3.LeaseID) (int64, error) {
				ctx, cancel := context.WithDeadline(ctx, time.Now().Truncate(period).Add(period))
				defer cancel()
				_ = hang(ctx)
				return int64(ttl / time.Second), nil
			}
			client := f.client(t.Context())
			s, err := NewSession(t.Context(), client, ttl)
			if err != nil {
				t.Fatal(err)
			}
			least := ttl
			for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(10 * time.Millisecond) {
				least = min(least, time.Until(s.Deadline()))
			}
			if least <= ttl/3 {
				t.Errorf("a session of %s, renewed every %s, had %s left", ttl, period, least)
			}
			s.end(ErrSessionClosed)
			<-s.done
		})
	}
}

// The sessions of a client are renewed together: many renewals that are sent at once cost
// it far less than each on its own.
func TestSessionsAreRenewedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		renewals, batches := 0, map[time.Time]bool{}
		f := &fakeMembers{members: 1}
		f.renew = func(context.Context, int, clientv3.LeaseID) (int64, error) {
			renewals++
			batches[time.Now()] = true
			return 5, nil
		}
		if ended := f.play(t, 100); len(ended) > 0 || renewals < 5*len(batches) {
			t.Errorf("sessions %d have ended; %d renewals were sent at %d times", ended, renewals, len(batches))
		}
	})
}

// byHand is a renewer whose streams the test answers. They come on the channel.
func byHand(t *testing.T) (*renewer, <-chan *fakeStream) {
	t.Helper()
	r, opened := stateOf(clientv3.NewCtxClient(t.Context())).renewer, make(chan *fakeStream, 100)
	r.open = func(ctx context.Context) (keepAliveStream, error) {
		s := &fakeStream{fakeAnswers: newFakeAnswers(ctx), requests: make(chan int64, 1000)}
		s.ctx, s.fail = context.WithCancelCause(ctx)
		opened <- s
		return s, nil
	}
	return r, opened
}

// sent returns the leases that renewals were sent for since the last call.
func (s *fakeStream) sent() (leases []clientv3.LeaseID) {
	synctest.Wait()
	for len(s.requests) > 0 {
		leases = append(leases, clientv3.LeaseID(<-s.requests))
	}
	return leases
}

func (s *fakeStream) reply(lease clientv3.LeaseID, ttl int64) {
	synctest.Wait() // for what is being sent
	s.answers <- &etcdserverpb.LeaseKeepAliveResponse{ID: int64(lease), TTL: ttl}
	synctest.Wait()
}

// renewing is a renewal that is under way.
type renewing struct {
	answer, later <-chan renewal
	giveUp        func()
}

// patient is how long a stream may answer nothing to a renewal that begin has begun.
const patient = time.Second

func (r *renewer) begin(lease clientv3.LeaseID) renewing {
	ctx, cancel := context.WithCancel(r.ctx)
	answer, later := make(chan renewal, 1), make(chan renewal, 10)
	go func() { answer <- r.renew(ctx, lease, patient, func(late renewal) { later <- late }) }()
	synctest.Wait()
	return renewing{answer, later, func() { cancel(); synctest.Wait() }}
}

// gets wants an answer that has come.
func gets(t *testing.T, c <-chan renewal, want renewal) {
	t.Helper()
	select {
	case got := <-c:
		if got != want {
			t.Errorf("answered %+v, want %+v", got, want)
		}
	default:
		t.Errorf("not answered, want %+v", want)
	}
}

func TestRenewer(t *testing.T) {
	refused := errors.New("refused")
	for _, tt := range []struct {
		name string
		play func(t *testing.T, r *renewer, opened <-chan *fakeStream)
	}{
		{"an answer is that of its lease, and counts from when that was asked", func(t *testing.T, r *renewer, opened <-chan *fakeStream) {
			t.Helper()
			at := time.Now()
			first := r.begin(1)
			time.Sleep(patient / 4)
			second := r.begin(2)
			s := <-opened
			time.Sleep(patient / 4)
			s.reply(2, 20)
			s.reply(1, 10)
			gets(t, first.answer, renewal{sent: at, ttl: 10})
			gets(t, second.answer, renewal{sent: at.Add(patient / 4), ttl: 20})
		}},
		{"an answer counts from when it was asked on its stream", func(t *testing.T, r *renewer, opened <-chan *fakeStream) {
			t.Helper()
			at := time.Now()
			a := r.begin(1)
			time.Sleep(patient * 3 / 2)
			(<-opened).reply(1, 10)
			gets(t, a.answer, renewal{sent: at, ttl: 10})
			(<-opened).reply(1, 10)
			gets(t, a.later, renewal{sent: at.Add(patient), ttl: 10})
		}},
		{"what streams have stopped at is sent last on the next", func(t *testing.T, r *renewer, opened <-chan *fakeStream) {
			t.Helper()
			for lease := range clientv3.LeaseID(10) {
				r.begin(lease)
			}
			var stopped []clientv3.LeaseID
			for range maxStreams {
				leases := (<-opened).sent()
				if last := leases[10-len(stopped):]; len(leases) != 10 || !sameLeases(last, stopped) {
					t.Errorf("leases %d were sent, want %d last", leases, stopped)
				}
				stopped = append(stopped, leases[0])
				time.Sleep(patient)
			}
		}},
		{"an answer that a stream leaves out is asked for on another one", func(t *testing.T, r *renewer, opened <-chan *fakeStream) {
			t.Helper()
			a := r.begin(1)
			s := <-opened
			for range renewalsPerTTL {
				r.begin(2)
				s.reply(2, 20)
				time.Sleep(patient / 2)
			}
			s = <-opened
			at := time.Now()
			s.reply(1, 10)
			gets(t, a.answer, renewal{sent: at, ttl: 10})
		}},
		{"a stream that answers is not replaced, although something is always pending", func(t *testing.T, r *renewer, opened <-chan *fakeStream) {
			t.Helper()
			r.begin(0)
			s := <-opened
			for lease := range clientv3.LeaseID(10) {
				time.Sleep(patient / 2)
				r.begin(lease + 1)
				s.reply(lease, 10)
			}
			if n := len(opened); n != 0 {
				t.Errorf("%d more streams were opened", n)
			}
		}},
		{"what was given up is not sent any more", func(t *testing.T, r *renewer, opened <-chan *fakeStream) {
			t.Helper()
			open, slow := r.open, make(chan struct{})
			r.open = func(ctx context.Context) (keepAliveStream, error) {
				<-slow
				return open(ctx)
			}
			r.begin(1).giveUp()
			r.begin(2)
			close(slow)
			if leases := (<-opened).sent(); !slices.Equal(leases, []clientv3.LeaseID{2}) || len(r.waiting) != 1 {
				t.Errorf("leases %d were sent, and %d wait; want 2 only", leases, len(r.waiting))
			}
		}},
		{"the answer to what was given up is not lost", func(t *testing.T, r *renewer, opened <-chan *fakeStream) {
			t.Helper()
			at := time.Now()
			a := r.begin(1)
			a.giveUp()
			(<-opened).reply(1, 10)
			gets(t, a.later, renewal{sent: at, ttl: 10})
		}},
		{"the error of a stream is the answer only where no other one may answer", func(t *testing.T, r *renewer, opened <-chan *fakeStream) {
			t.Helper()
			a := r.begin(1)
			at := time.Now().Add(patient)
			time.Sleep(patient * 3 / 2)
			(<-opened).fail(refused)
			s := <-opened
			s.reply(1, 10)
			gets(t, a.answer, renewal{sent: at, ttl: 10})
			a = r.begin(1)
			s.fail(refused)
			synctest.Wait()
			gets(t, a.answer, renewal{err: refused})
		}},
		{"streams end with the last session, and with a member that has no leader", func(t *testing.T, r *renewer, opened <-chan *fakeStream) {
			t.Helper()
			r.join()
			r.join()
			r.begin(1)
			s := <-opened
			if md, _ := metadata.FromOutgoingContext(s.ctx); !slices.Equal(md.Get(rpctypes.MetadataRequireLeaderKey), []string{rpctypes.MetadataHasLeader}) {
				t.Errorf("opened with %v", md)
			}
			r.leave()
			if s.ctx.Err() != nil {
				t.Error("it has ended with one of two sessions")
			}
			r.leave()
			if s.ctx.Err() == nil {
				t.Error("it is open without a session")
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, opened := byHand(t)
				tt.play(t, r, opened)
			})
		})
	}
}

// sameLeases reports whether two lists have the same leases.
func sameLeases(a, b []clientv3.LeaseID) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
