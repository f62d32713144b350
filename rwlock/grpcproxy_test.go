package rwlock

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

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
