package rwlock_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/rwlock"
)

// laggard makes a client see a member that lags behind: one that was stopped or
// cut off from its leader, and has not seen what happened after a revision.
// Watches begin there and serializable reads are answered from there. Writes and
// linearizable reads know everything, as they do on such a member too.
type laggard struct {
	rev   atomic.Int64  // 0 while it does not lag
	asked chan struct{} // receives when a linearizable read was made, or what came late is delivered
}

func (l *laggard) client(t *testing.T) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{etcdtest.Shared(t)},
		Logger:    zap.NewNop(),
		DialOptions: []grpc.DialOption{
			grpc.WithChainUnaryInterceptor(l.unary), grpc.WithChainStreamInterceptor(l.stream),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// reads returns the reads that req is, or nothing if it may write.
func reads(req any) []*etcdserverpb.RangeRequest {
	switch r := req.(type) {
	case *etcdserverpb.RangeRequest:
		return []*etcdserverpb.RangeRequest{r}
	case *etcdserverpb.TxnRequest:
		var all []*etcdserverpb.RangeRequest
		for _, op := range slices.Concat(r.Success, r.Failure) {
			if op.GetRequestRange() == nil {
				return nil
			}
			all = append(all, op.GetRequestRange())
		}
		return all
	default:
		return nil
	}
}

func (l *laggard) unary(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	all, rev := reads(req), l.rev.Load()
	if rev == 0 || len(all) == 0 {
		return invoke(ctx, method, req, reply, conn, opts...)
	}
	if slices.ContainsFunc(all, func(r *etcdserverpb.RangeRequest) bool { return !r.Serializable }) {
		l.asked <- struct{}{}
		return invoke(ctx, method, req, reply, conn, opts...)
	}
	for _, r := range all {
		r.Revision = rev
	}
	err := invoke(ctx, method, req, reply, conn, opts...)
	if r, ok := reply.(interface {
		GetHeader() *etcdserverpb.ResponseHeader
	}); ok && err == nil {
		r.GetHeader().Revision = rev
	}
	return err
}

func (l *laggard) stream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, begin grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := begin(ctx, desc, conn, method, opts...)
	return laggingStream{s, l}, err
}

type laggingStream struct {
	grpc.ClientStream
	*laggard
}

func (s laggingStream) SendMsg(m any) error {
	if req, ok := m.(*etcdserverpb.WatchRequest); ok && req.GetCreateRequest() != nil && s.rev.Load() != 0 {
		req.GetCreateRequest().StartRevision = s.rev.Load() + 1
	}
	return s.ClientStream.SendMsg(m)
}

func (s laggingStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if resp, ok := m.(*etcdserverpb.WatchResponse); ok && err == nil && resp.Created && s.rev.Load() != 0 {
		resp.Header.Revision = s.rev.Load()
	} else if ok && err == nil && len(resp.Events) > 0 && s.rev.Load() != 0 {
		s.asked <- struct{}{}
	}
	return err
}

// lag makes it lag behind from the current revision on.
func (l *laggard) lag(ctx context.Context, t *testing.T, client *clientv3.Client) {
	t.Helper()
	resp, err := client.Get(ctx, "/", clientv3.WithCountOnly())
	if err != nil {
		t.Fatal(err)
	}
	l.rev.Store(resp.Header.Revision)
}

// A member that lags behind knows neither a waiter's blocker nor the waiter, or
// it knows an earlier request of the waiter's that is long gone: that it does
// not find the blocker does not mean that it is gone, too.
func TestALaggingMemberHidesNobody(t *testing.T) {
	type locker = func(*rwlock.RWMutex, context.Context) error
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for mode, lock := range map[string]locker{"Reader": (*rwlock.RWMutex).RLock, "Writer": (*rwlock.RWMutex).RWLock} {
		t.Run(mode, func(t *testing.T) {
			prompt, late := newLaggard(ctx, t)
			late.lag(ctx, t, prompt.Client())
			late.mustWait(ctx, t, prompt, lock)
		})
		t.Run(mode+"AfterAnEarlierHold", func(t *testing.T) {
			prompt, late := newLaggard(ctx, t)
			if err := lock(late.mutex, ctx); err != nil {
				t.Fatal(err)
			}
			late.lag(ctx, t, prompt.Client())
			if err := late.mutex.Unlock(); err != nil {
				t.Fatal(err)
			}
			late.mustWait(ctx, t, prompt, lock)
		})
	}
	t.Run("Holder", func(t *testing.T) {
		prompt, late := newLaggard(ctx, t)
		late.lag(ctx, t, prompt.Client())
		if err := late.mutex.RWLock(ctx); err != nil {
			t.Fatal(err)
		}
		select {
		case <-late.mutex.Lost():
			t.Error("lost, although it is held")
		case <-late.asked: // a member that knows
		}
		if err := late.mutex.Unlock(); err != nil {
			t.Error(err)
		}
	})
}

// lateMutex is a mutex of a laggard's.
type lateMutex struct {
	*laggard
	mutex *rwlock.RWMutex
}

func newLaggard(ctx context.Context, t *testing.T) (*rwlock.Session, *lateMutex) {
	t.Helper()
	session := func(client *clientv3.Client) *rwlock.Session {
		s, err := rwlock.NewSession(ctx, client, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	l := &laggard{asked: make(chan struct{}, 100)}
	return session(etcdtest.Client(t, etcdtest.Shared(t))),
		&lateMutex{laggard: l, mutex: session(l.client(t)).NewRWMutex("/" + t.Name())}
}

// mustWait has somebody else hold the lock, and the laggard wait for it.
func (l *lateMutex) mustWait(ctx context.Context, t *testing.T, prompt *rwlock.Session, lock func(*rwlock.RWMutex, context.Context) error) {
	t.Helper()
	holder := prompt.NewRWMutex("/" + t.Name())
	if err := holder.RWLock(ctx); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Unlock() }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- lock(l.mutex, ctx) }()
	select {
	case err := <-done:
		_ = l.mutex.Unlock()
		t.Fatalf("returned %v beside a writer", err)
	case <-l.asked: // a member that knows
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
