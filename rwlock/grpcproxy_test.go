package rwlock

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
)

// etcd's grpc-proxy answers a renewal when it renews the lease itself, which is up to
// a third of the TTL later. Sessions live on nevertheless.
func TestSessionThroughProxy(t *testing.T) {
	t.Parallel()
	client := etcdtest.Client(t, etcdtest.StartGRPCProxy(t, []string{etcdtest.Shared(t)}))
	f := fixture{T: t, client: client}
	var sessions []*Session
	var begun []time.Time
	for _, of := range []struct{ ttl, delay time.Duration }{{2 * time.Second, 0}, {3 * time.Second, 0}, {5 * time.Second, 0}, {3 * time.Second, 2 * time.Second}, {2 * time.Second, 10 * time.Second}} {
		s, err := NewSession(f.soon(), client, of.ttl, WithLockDelay(of.delay))
		f.must(err)
		defer func() { _ = s.Close() }()
		sessions, begun = append(sessions, s), append(begun, s.Deadline())
	}
	for i, s := range sessions { // which are renewed at the same time
		t.Run(s.TTL().String()+"+"+s.delay.String(), func(t *testing.T) {
			etcdtest.Eventually(t, "it is renewed for thrice its TTL", func() bool {
				if s.Ctx().Err() != nil {
					t.Fatalf("the session has ended, with %s left", time.Until(s.Deadline()))
				}
				return s.Deadline().Sub(begun[i]) > 3*s.TTL()
			})
		})
	}
}

// fakeProxy renews leases as etcd's grpc-proxy does: one is asked for by streams, on which it
// looks each half second whether a renewal is due. That is so at once, and then a third of what
// was granted later, until no stream asks for it any more. It may notice late that one was closed.
type fakeProxy struct {
	clientv3.Lease
	late func(stream int) time.Duration

	mu     sync.Mutex
	opened int
	leases int64
	ttl    map[int64]int64
	asked  map[int64]*proxyLease
}

type proxyLease struct {
	due    time.Time
	wanted map[*proxyStream]int // answers
}

type proxyStream struct {
	fakeAnswers
	proxy *fakeProxy
}

func (f *fakeProxy) Grant(_ context.Context, ttl int64) (*clientv3.LeaseGrantResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leases++
	f.ttl[f.leases] = ttl
	return &clientv3.LeaseGrantResponse{ID: clientv3.LeaseID(f.leases), TTL: ttl}, nil
}

func (f *fakeProxy) open(ctx context.Context) (keepAliveStream, error) {
	s := &proxyStream{newFakeAnswers(ctx), f}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opened++
	late := f.late(f.opened)
	context.AfterFunc(ctx, func() {
		time.Sleep(late)
		f.mu.Lock()
		defer f.mu.Unlock()
		for id, l := range f.asked {
			if delete(l.wanted, s); len(l.wanted) == 0 {
				delete(f.asked, id)
			}
		}
	})
	return s, nil
}

func (s *proxyStream) Send(r *etcdserverpb.LeaseKeepAliveRequest) error {
	s.proxy.mu.Lock()
	defer s.proxy.mu.Unlock()
	l := s.proxy.asked[r.ID]
	if l == nil {
		l = &proxyLease{due: time.Now(), wanted: map[*proxyStream]int{}}
		s.proxy.asked[r.ID] = l
	}
	l.wanted[s]++
	return nil
}

// renewDue renews what is due.
func (f *fakeProxy) renewDue() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, l := range f.asked {
		if time.Now().Before(l.due) {
			continue
		}
		l.due = time.Now().Add(time.Duration(f.ttl[id]) * time.Second / 3)
		for s, wanted := range l.wanted {
			l.wanted[s] = 0
			time.AfterFunc(5*time.Millisecond, func() { // etcd renews it
				for range wanted {
					s.answers <- &etcdserverpb.LeaseKeepAliveResponse{ID: id, TTL: f.ttl[id]}
				}
			})
		}
	}
}

// Sessions with a lock delay do not keep each other's leases asked for at a proxy, which would
// be renewed too late then. Some proxies are slow to notice that they are not any more.
func TestLockDelaysThroughProxy(t *testing.T) {
	for name, late := range map[string]func(int) time.Duration{
		"at once": func(int) time.Duration { return 0 },
		"soon":    func(int) time.Duration { return 50 * time.Millisecond },
		"one late": func(stream int) time.Duration {
			if stream%500 > 0 {
				return 0
			}
			return 600 * time.Millisecond
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			proxy := &fakeProxy{late: late, ttl: map[int64]int64{}, asked: map[int64]*proxyLease{}}
			go func() {
				for backoff.Wait(ctx, 500*time.Millisecond) {
					proxy.renewDue()
				}
			}()
			client := clientv3.NewCtxClient(ctx)
			client.Lease = proxy
			stateOf(client).renewer.open = proxy.open
			var sessions []*Session
			for ttl, delay := range map[time.Duration]time.Duration{2 * time.Second: 10 * time.Second, 3 * time.Second: 2 * time.Second, 5 * time.Second: time.Minute} {
				s, err := NewSession(ctx, client, ttl, WithLockDelay(delay))
				if err != nil {
					t.Fatal(err)
				}
				sessions = append(sessions, s)
			}
			time.Sleep(10 * time.Minute)
			for _, s := range sessions {
				if s.Ctx().Err() != nil {
					t.Errorf("closed streams are noticed %s: the session of %s with a lock delay of %s has ended", name, s.TTL(), s.delay)
				}
			}
			cancel()
			for _, s := range sessions {
				<-s.done
			}
			time.Sleep(time.Second) // until the proxy has noticed
			synctest.Wait()
		})
	}
}

// With authentication enabled, etcd's grpc-proxy renews nothing: it does not answer for
// some seconds, and then with what is left of the TTL. The session ends in time, and says
// why.
func TestSessionThroughProxyWithAuth(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	etcdtest.EnableAuth(t, etcdtest.Client(t, endpoint), map[string][]etcdtest.Grant{"app": {etcdtest.ReadWrite("/")}})
	proxy := etcdtest.StartGRPCProxy(t, []string{endpoint})
	client := etcdtest.Connect(t, etcd.Config{Endpoints: []string{proxy}, User: "app", Password: etcdtest.Password, DialTimeout: 20 * time.Second})
	f := fixture{T: t, client: client}
	const ttl = 3 * time.Second
	s, err := NewSession(f.soon(), client, ttl)
	f.must(err)
	defer func() { _ = s.Close() }()
	granted := s.Deadline()
	<-s.Done()
	if s.Deadline() != granted || s.TTL() != ttl {
		t.Errorf("the deadline is %s later, the TTL %s", s.Deadline().Sub(granted), s.TTL())
	}
	for _, err := range []error{context.Cause(s.Ctx()), s.NewRWMutex("/a").RWLock(f.soon())} {
		if !errors.Is(err, ErrSessionExpired) || err.Error() == ErrSessionExpired.Error() {
			t.Errorf("the session ended with %v", err)
		}
	}
}

// A renewal that fails says why, until one succeeds; one that is answered with less than
// the TTL has failed.
func TestRenewalErr(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := clientv3.NewCtxClient(t.Context())
		client.Lease = slowGrant{}
		answers := make(chan renewal)
		s, err := newSession(t.Context(), client, 10*time.Second, func(_ *Session, ctx context.Context) renewal {
			select {
			case r := <-answers:
				r.sent = time.Now()
				return r
			case <-ctx.Done():
				return renewal{err: ctx.Err()}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []struct {
			answer renewal
			want   string
		}{
			{renewal{err: status.Error(codes.Unavailable, "etcdserver: no leader")}, "etcdserver: no leader"},
			{renewal{ttl: 10}, ""},
			{renewal{ttl: 9}, errNotRenewed.Error()},
			{renewal{ttl: 12}, ""},
			{renewal{ttl: 10}, ""}, // as at first, when etcd's least TTL was lower
			{renewal{ttl: 2}, errNotRenewed.Error()},
		} {
			answers <- r.answer
			synctest.Wait()
			if err := s.RenewalErr(); (err == nil) != (r.want == "") || err != nil && err.Error() != r.want {
				t.Errorf("after %+v: %v, want %q", r.answer, err, r.want)
			}
		}
		<-s.Done()
		if err := context.Cause(s.Ctx()); !errors.Is(err, ErrSessionExpired) || !errors.Is(err, errNotRenewed) && !strings.Contains(err.Error(), errNotRenewed.Error()) {
			t.Errorf("the session ended with %v", err)
		}
	})
}
