package rwlock

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/backoff"
	"etcd-lock/internal/keyspace"
)

// Ahead is a request that another one waits for.
type Ahead struct {
	Key   string
	Mode  Mode
	Token int64 // its create revision
	Owner Owner // the zero Owner if the client has not stored one

	Weight  int // of mode Slot: how many permits it takes
	Permits int // of mode Slot: how many the semaphore has, as it says
}

// Owner is what a client has stored with its request about itself.
type Owner struct {
	Host    string
	PID     int
	Program string
	Label   string
	Time    time.Time // when the request was made, by the client's clock

	// Traceparent is of the request, if its client traces them; see WithTracer.
	Traceparent string
}

// Ahead reads the requests that the waiting request has to wait for, in the order of the
// queue: the position in the queue is their number. There are none when the lock is held. It
// may be called while RLock or RWLock waits, and from a hook with EventQueued. It returns
// ErrNotHeld when the lock is neither held nor requested from etcd.
func (m *RWMutex) Ahead(ctx context.Context) ([]Ahead, error) { return m.hold.ahead(ctx) }

// ahead reads the requests ahead of the hold's first one.
func (h *hold) ahead(ctx context.Context) ([]Ahead, error) {
	e, ok := h.queuedEntry()
	if !ok {
		return nil, h.notHeld()
	}
	r := &request{session: h.session, entries: []*entry{&e}}
	var ops []clientv3.Op
	for _, mode := range e.blockingModes() {
		ops = append(ops, clientv3.OpGet(keyspace.Dir(e.name, mode.inKeys()), clientv3.WithPrefix(), clientv3.WithMaxCreateRev(e.rev-1)))
	}
	resp, err := h.session.Client().Txn(ctx).Then(append(ops, e.keyOp())...).Commit()
	if err != nil {
		return nil, explain(ctx, h.session, r.String(), err)
	}
	if !e.isIn(resp.Responses[len(ops)]) {
		return nil, named(ErrLost, r.String())
	}
	return aheadIn(resp.Responses[:len(ops)], e.name), nil
}

// aheadIn returns the requests for the lock name in what was read of its queue, in the order
// of the queue.
func aheadIn(replies []*etcdserverpb.ResponseOp, name string) (all []Ahead) {
	for _, reply := range replies {
		for _, kv := range reply.GetResponseRange().Kvs {
			if a, ok := newAhead(name, kv); ok {
				all = append(all, a)
			}
		}
	}
	slices.SortFunc(all, func(a, b Ahead) int { return cmp.Compare(a.Token, b.Token) })
	return all
}

// newAhead reads a request for the lock name. It reports false for another key.
func newAhead(name string, kv *mvccpb.KeyValue) (Ahead, bool) {
	key, ok := keyspace.ParseRWLock(string(kv.Key))
	s, isSlot := readSlot(name, kv)
	if isSlot {
		key = keyspace.Key{Name: name, Mode: keyspace.Slot}
	} else if !ok || key.Name != name {
		return Ahead{}, false
	}
	o, _ := keyspace.DecodeOwner(kv.Value)
	return Ahead{
		Weight: s.weight, Permits: s.permits,
		Key: string(kv.Key), Mode: Mode(key.Mode), Token: kv.CreateRevision,
		Owner: Owner{Host: o.Host, PID: o.PID, Program: o.Program, Label: o.Label, Time: o.Time, Traceparent: o.Trace},
	}, true
}

// queuedEntry returns the first entry of the request that holds the lock or waits for it. It
// reports false when etcd has not put it, as far as is known.
func (h *hold) queuedEntry() (entry, bool) {
	r := h.requested()
	if r == nil {
		return entry{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[0]
	return entry{name: e.name, mode: e.mode, key: e.key, waits: e.waits, rev: e.rev, slot: e.slot}, e.rev != 0
}

// Valid reports whether the lock is held, as far as is known: it was granted, was not
// unlocked, no loss was noticed, and the session has not ended. It sends nothing to etcd. Until
// Lost or a hook watches the key, its deletion is not noticed.
func (m *RWMutex) Valid() bool { return m.hold.isValid() }

// Until returns when the lock is lost unless the session is renewed before. It is the zero
// time when the lock is not held, and when it is on a concurrency.Session, which does not
// know. It sends nothing to etcd.
func (m *RWMutex) Until() time.Time { return m.hold.until() }

// Valid reports whether all locks of the set are held, as RWMutex.Valid does.
func (s *Set) Valid() bool { return s.hold.isValid() }

// Until returns when the locks are lost unless the session is renewed before, as
// RWMutex.Until does.
func (s *Set) Until() time.Time { return s.hold.until() }

func (h *hold) isValid() bool {
	_, loss := h.current()
	if loss == nil || loss.isKnown() {
		return false
	}
	s, known := h.session.(*Session)
	return !known || time.Now().Before(s.Deadline())
}

func (h *hold) until() time.Time {
	s, known := h.session.(*Session)
	if req, _ := h.current(); req == nil || !known {
		return time.Time{}
	}
	return s.Deadline()
}

// Wanted returns a channel that closes when another request waits for the lock because of
// this hold: for a holder that can stop early, or that holds on only as long as nobody else
// needs the lock. The request may be withdrawn later. It is the same channel until Unlock,
// which does not close it, and nil when the lock is not held.
//
// The first call opens a watch of the lock's queue, for which the user needs the permission
// to read all keys from <name>/read/ to the end of <name>/write/. Goroutines that wait in a
// local queue do not count.
func (m *RWMutex) Wanted() <-chan struct{} {
	m.hold.mu.Lock()
	defer m.hold.mu.Unlock()
	if !m.hold.held {
		return nil
	}
	return m.hold.loss.wanted(m.hold.req.entries[:1])
}

// Wanted returns a channel that closes when another request waits for one of the locks, as
// RWMutex.Wanted and Semaphore.Wanted do.
func (s *Set) Wanted() <-chan struct{} {
	s.hold.mu.Lock()
	defer s.hold.mu.Unlock()
	if !s.hold.held {
		return nil
	}
	return s.hold.loss.wanted(slices.Clone(s.hold.req.entries))
}

// wanted returns the channel that closes when another request waits for one of the entries,
// which are held.
func (l *loss) wanted(entries []*entry) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.want != nil {
		return l.want
	}
	l.want = make(chan struct{})
	ctx, end := context.WithCancel(l.ctx)
	stop := context.AfterFunc(l.session.Ctx(), end)
	closeWant := sync.OnceFunc(func() { close(l.want) })
	var watches sync.WaitGroup
	for _, e := range entries {
		watches.Go(func() {
			if l.awaitOthers(ctx, e) {
				closeWant()
				end()
			}
		})
	}
	go func() {
		defer end()
		defer stop()
		watches.Wait()
	}()
	return l.want
}

// awaitOthers reports true when another request waits for e, and false when ctx has ended or
// e was lost.
func (l *loss) awaitOthers(ctx context.Context, e *entry) bool {
	r := &request{session: l.session, entries: []*entry{e}}
	for {
		_, err := retry(ctx, func() (struct{}, error) { return struct{}{}, r.watchForOthers(ctx, e) })
		switch {
		case err == nil:
			return true
		case errors.Is(err, ErrLost), !backoff.Pause(ctx, time.Second):
			return false
		}
	}
}

// watchForOthers returns nil when another request waits for e, and ErrLost when e's key does
// not exist any more.
func (r *request) watchForOthers(ctx context.Context, e *entry) error {
	w := newTrustedWatch(ctx, r.session.Client())
	defer w.end()
	others := waiters{request: r, entry: e}
	modes := e.blockedModes()
	w.open(keyspace.Dir(e.name, modes[0].inKeys()),
		clientv3.WithRange(clientv3.GetPrefixRangeEnd(keyspace.Dir(e.name, modes[len(modes)-1].inKeys()))))
	for {
		resp, err := w.next()
		if err != nil {
			r.doubted = true // the next stream may lead to other data
			if errors.Is(err, errInDoubt) {
				return errWatchEnded
			}
			return err
		}
		for _, ev := range resp.Events {
			switch {
			case others.areToldBy(ev):
				return nil
			case ev.Type == clientv3.EventTypeDelete && e.isLostBy(keyRev{key: string(ev.Kv.Key), rev: ev.Kv.ModRevision}):
				return ErrLost
			}
		}
		if resp.Created {
			found := false
			err := answered(w.ctx, func(ctx context.Context) (err error) {
				found, err = others.read(ctx, resp.Header.Revision)
				return err
			})
			if found || err != nil {
				return err
			}
		}
	}
}

// waiters finds out whether other requests wait for an entry.
type waiters struct {
	*request
	entry *entry
	pool  *lineup // the queue of a semaphore, once it was read
	rev   int64   // at which it was read
}

// areToldBy reports whether an event is that of a request that waits for the entry.
func (o *waiters) areToldBy(ev *clientv3.Event) bool {
	if o.entry.mode != Slot {
		return ev.IsCreate() && o.entry.blocks(string(ev.Kv.Key), ev.Kv.CreateRevision)
	}
	return o.pool != nil && ev.Kv.ModRevision > o.rev && o.queuesSlot(ev)
}

// read reports whether another request waits for the entry, at a revision of at least rev. It
// returns ErrLost when the entry's key does not exist.
func (o *waiters) read(ctx context.Context, rev int64) (bool, error) {
	if o.entry.mode == Slot {
		return o.readSlots(ctx, rev)
	}
	return o.hasOthers(ctx, o.entry, rev)
}

// hasOthers reports whether another request waits for e, which is for a read/write lock, at a
// revision of at least rev. It returns ErrLost when e's key does not exist.
func (r *request) hasOthers(ctx context.Context, e *entry, rev int64) (bool, error) {
	resp, err := r.read(ctx, rev, func(opts ...clientv3.OpOption) []clientv3.Op {
		reading := slices.Clone(opts)
		opts = append(opts, clientv3.WithPrefix(), clientv3.WithKeysOnly())
		var ops []clientv3.Op
		for _, m := range e.blockedModes() {
			ops = append(ops, clientv3.OpGet(keyspace.Dir(e.name, m.inKeys()), opts...))
		}
		return append(ops, clientv3.OpGet(e.key, append(reading, clientv3.WithKeysOnly())...))
	})
	if err != nil {
		return false, err
	}
	if !e.isIn(resp.Responses[len(resp.Responses)-1]) {
		return false, ErrLost
	}
	for _, reply := range resp.Responses {
		for _, kv := range reply.GetResponseRange().Kvs {
			if e.blocks(string(kv.Key), kv.CreateRevision) {
				return true, nil
			}
		}
	}
	return false, nil
}

// blockedModes returns the modes of the requests that can wait for e, in the order of their
// keys.
func (e *entry) blockedModes() []Mode {
	switch e.mode {
	case Slot:
		return []Mode{Slot}
	case Write:
		return []Mode{Read, Write}
	default:
		return []Mode{Write}
	}
}

// blocks reports whether a key, created at a revision, is a request that waits for e.
func (e *entry) blocks(key string, rev int64) bool {
	parsed, ok := keyspace.ParseRWLock(key)
	return ok && parsed.Name == e.name && rev > e.rev && slices.Contains(e.blockedModes(), Mode(parsed.Mode))
}
