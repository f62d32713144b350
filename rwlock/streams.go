package rwlock

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// maxStreams is how many streams of renewals a client has at a time, at most. One is
// enough while etcd answers. With those of a leader that has stopped, and of a member
// that waits for it, two are left for the third member and for the next try.
const maxStreams = 4

// renewal is the answer to a renewal.
type renewal struct {
	sent time.Time
	ttl  int64 // in seconds; 0 when the lease does not exist
	err  error
}

// ask is a renewal that a session waits for.
type ask struct {
	lease    clientv3.LeaseID
	patience time.Duration // a stream that answers nothing for so long is suspicious
	answer   chan renewal  // gets one
	later    func(renewal) // gets those of the streams that answer after another one has

	// The rest is guarded by the renewer.
	answered bool      // or given up
	sent     time.Time // last
	pending  int       // number of streams on which it is pending, until it is answered
	stalls   int       // number of streams that stopped answering at it
}

// keepAliveStream is a stream of renewals to a member of etcd.
type keepAliveStream interface {
	Send(*etcdserverpb.LeaseKeepAliveRequest) error
	Recv() (*etcdserverpb.LeaseKeepAliveResponse, error)
}

// renewer renews the leases of all sessions of a client.
//
// All renewals are sent on one stream, the current one, and the answers are matched by
// lease. etcd answers the renewals of a stream one after the other, so each waits for
// those before it: behind the one of a lease that is overdue and not yet revoked, and
// behind one that a member has handed on to a leader that has stopped. So a stream that
// answers nothing for a while is replaced by another one, which is that of another member
// if the client has several, and all renewals that are not answered are sent there again.
// The one that was to be answered next is sent last: the others do not wait behind it
// twice. The replaced stream stays open, as one of at most maxStreams: its answers count
// if they come. When it has given all of them, it may be the current one again.
type renewer struct {
	ctx   context.Context // of the client
	began time.Time
	open  func(context.Context) (keepAliveStream, error)

	mu       sync.Mutex
	sessions int
	waiting  map[*ask]struct{}
	current  *leaseStream   // nil when there is none
	streams  []*leaseStream // that are open; the one that was the current one last is the last
}

func newRenewer(client *clientv3.Client) *renewer {
	return &renewer{
		ctx:     client.Ctx(),
		began:   time.Now(),
		waiting: map[*ask]struct{}{},
		open: func(ctx context.Context) (keepAliveStream, error) {
			// Not the client's KeepAlive, which cannot be told to try another member, and
			// not its KeepAliveOnce, which opens a stream for each renewal, logs in for it if
			// there is a password, and retries without a pause while there is no connection.
			return etcdserverpb.NewLeaseClient(client.ActiveConnection()).LeaseKeepAlive(ctx)
		},
	}
}

// apart returns a renewer of the same client that shares no streams with it.
func (r *renewer) apart() *renewer {
	return &renewer{ctx: r.ctx, began: r.began, open: r.open, waiting: map[*ask]struct{}{}}
}

// join counts a session in. While there is one, streams are kept open.
func (r *renewer) join() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions++
}

// leave counts a session out.
func (r *renewer) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sessions--; r.sessions == 0 {
		for len(r.streams) > 0 {
			r.remove(r.streams[0])
		}
	}
}

// renew renews a lease. It returns when etcd has answered, and at the end of ctx. What other
// streams answer after that is given to later: if the renewal was sent again there, the lease
// lasts until later than the first answer says. etcd's grpc-proxy answers all streams at once.
func (r *renewer) renew(ctx context.Context, lease clientv3.LeaseID, patience time.Duration, later func(renewal)) renewal {
	a := &ask{lease: lease, patience: patience, answer: make(chan renewal, 1), later: later}
	check := time.NewTimer(r.start(a))
	defer check.Stop()
	for {
		select {
		case answer := <-a.answer:
			return answer
		case <-check.C:
			check.Reset(r.press(a))
		case <-ctx.Done():
			r.giveUp(a)
			return renewal{err: ctx.Err()}
		}
	}
}

// start sends a renewal for the first time. It returns when to press for the answer.
func (r *renewer) start(a *ask) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting[a] = struct{}{}
	if r.current == nil || r.current.isStalled(a.patience) {
		r.replace()
	} else {
		r.current.push(a)
	}
	return r.current.wait(a)
}

// press replaces the current stream if it keeps the answer to a back. It returns when to
// press again.
func (r *renewer) press(a *ask) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !a.answered && (r.current == nil || r.current.isStalled(a.patience) || a.isLate()) {
		r.replace()
	}
	return r.current.wait(a)
}

// giveUp ends the wait for an answer.
func (r *renewer) giveUp(a *ask) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.answered = true
	delete(r.waiting, a)
}

// isLate reports whether an answer is missing on a stream that does answer others: etcd's
// grpc-proxy, which answers a renewal up to a third of the TTL later, has lost it.
func (a *ask) isLate() bool { return time.Since(a.sent) >= a.patience*renewalsPerTTL/2 }

// replace makes another stream the current one, and sends all renewals there that are not
// answered. It is one that has answered everything if there is one, and a new one
// otherwise.
func (r *renewer) replace() {
	if old := r.current; old != nil && len(old.pending) > 0 {
		old.pending[0].stalls++
	}
	next := r.idle()
	if next == nil {
		if len(r.streams) == maxStreams {
			r.remove(r.streams[0])
		}
		next = r.openStream()
	}
	r.streams = append(slices.DeleteFunc(r.streams, func(s *leaseStream) bool { return s == next }), next)
	r.current = next
	asks := make([]*ask, 0, len(r.waiting))
	for a := range r.waiting {
		asks = append(asks, a)
	}
	slices.SortFunc(asks, func(a, b *ask) int { return cmp.Compare(a.stalls, b.stalls) })
	for _, a := range asks {
		next.push(a)
	}
}

// idle returns a stream that has answered everything, or nil. The current one is not.
func (r *renewer) idle() *leaseStream {
	for _, s := range slices.Backward(r.streams) {
		if s != r.current && len(s.pending) == 0 {
			return s
		}
	}
	return nil
}

// openStream opens a stream in the background, since that takes as long as etcd likes. A
// member that has no leader refuses it: it would keep back each renewal until that times
// out.
func (r *renewer) openStream() *leaseStream {
	ctx, end := context.WithCancel(clientv3.WithRequireLeader(r.ctx))
	s := &leaseStream{close: end, wake: make(chan struct{}, 1)}
	go func() {
		defer end()
		stream, err := r.open(ctx)
		if err == nil {
			go r.send(ctx, s, stream)
			err = r.receive(s, stream)
		}
		r.fail(s, err)
	}()
	return s
}

// send sends what is pushed on s. A failure is received too.
func (r *renewer) send(ctx context.Context, s *leaseStream, stream keepAliveStream) {
	for {
		select {
		case <-s.wake:
		case <-ctx.Done():
			return
		}
		for _, lease := range r.takeUnsent(s) {
			if stream.Send(&etcdserverpb.LeaseKeepAliveRequest{ID: int64(lease)}) != nil {
				return
			}
		}
	}
}

// takeUnsent returns the leases to send renewals for. Those that have been answered on
// another stream, or whose session has ended, are dropped.
func (r *renewer) takeUnsent(s *leaseStream) []clientv3.LeaseID {
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := len(s.pending) - s.unsent
	unsent := slices.DeleteFunc(s.pending[sent:], func(p pendingAsk) bool { return p.answered })
	s.pending, s.unsent = s.pending[:sent+len(unsent)], 0
	leases := make([]clientv3.LeaseID, len(unsent))
	for i, p := range unsent {
		leases[i] = p.lease
	}
	return leases
}

// receive hands on the answers of s until it fails.
func (r *renewer) receive(s *leaseStream, stream keepAliveStream) error {
	for {
		resp, err := stream.Recv()
		if err != nil {
			return err
		}
		r.received(s, clientv3.LeaseID(resp.ID), resp.TTL)
	}
}

// received hands on an answer of s: to the first of the renewals of the lease.
func (r *renewer) received(s *leaseStream, lease clientv3.LeaseID, ttl int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.quiet = time.Now()
	i := slices.IndexFunc(s.pending[:len(s.pending)-s.unsent], func(p pendingAsk) bool { return p.lease == lease })
	if i < 0 {
		return
	}
	p := s.pending[i]
	if i == 0 {
		s.pending = s.pending[1:]
	} else {
		s.pending = slices.Delete(s.pending, i, i+1)
	}
	r.answer(p.ask, renewal{sent: p.sent, ttl: ttl})
}

// answer ends the wait for an answer with it, if it is the first.
func (r *renewer) answer(a *ask, answer renewal) {
	switch {
	case !a.answered:
		a.answered = true
		delete(r.waiting, a)
		a.answer <- answer
	case answer.err == nil:
		a.later(answer)
	}
}

// fail removes a stream that has failed. The error is the answer to the renewals that are
// pending on no other one.
func (r *renewer) fail(s *leaseStream, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.remove(s) {
		if p.pending == 0 {
			r.answer(p.ask, renewal{err: err})
		}
	}
}

// remove closes a stream and returns what is pending on it.
func (r *renewer) remove(s *leaseStream) []pendingAsk {
	if !slices.Contains(r.streams, s) {
		return nil
	}
	s.close()
	r.streams = slices.DeleteFunc(r.streams, func(t *leaseStream) bool { return t == s })
	if r.current == s {
		r.current = nil
	}
	pending := s.pending
	s.pending, s.unsent = nil, 0
	for _, p := range pending {
		p.pending--
	}
	return pending
}
