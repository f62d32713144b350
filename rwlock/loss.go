package rwlock

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/backoff"
)

// loss detects that the locks of a request are lost. It opens watches only when
// it is first asked, so that a hold whose loss nobody waits for costs nothing.
type loss struct {
	session session
	keeper  *keeper // of the request, which watches its key already; or nil
	since   time.Time
	ctx     context.Context // ends when the locks are released
	stop    context.CancelFunc
	lost    chan struct{} // closes on loss

	mu       sync.Mutex
	err      error                         // reason of the loss
	entries  map[*entry]context.CancelFunc // with the function that ends the entry's watch, nil before there is one
	watching bool
	want     chan struct{} // closes when another request waits; nil before it is asked for
}

func newLoss(req *request) *loss {
	ctx, stop := context.WithCancel(context.Background())
	l := &loss{
		session: req.session,
		keeper:  req.keeper,
		since:   time.Now(),
		ctx:     ctx,
		stop:    stop,
		lost:    make(chan struct{}),
		entries: map[*entry]context.CancelFunc{},
	}
	for _, e := range req.entries {
		l.add(e)
	}
	return l
}

// add makes the deletion of e's key a loss.
func (l *loss) add(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries[e] = nil
	if l.watching {
		l.watch(e)
	}
}

// drop makes the deletion of e's key no loss any more.
func (l *loss) drop(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cancel := l.entries[e]; cancel != nil {
		cancel()
	}
	delete(l.entries, e)
}

// channel returns a channel that closes on loss, and starts to watch for it.
func (l *loss) channel() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watching {
		return l.lost
	}
	l.watching = true
	ended := context.AfterFunc(l.session.Ctx(), func() { l.report(l.ctx, sessionEnd(l.session)) })
	context.AfterFunc(l.ctx, func() { ended() })
	for e := range l.entries {
		l.watch(e)
	}
	return l.lost
}

// notify calls f on loss, unless the locks are released before.
func (l *loss) notify(f func(error)) {
	lost := l.channel()
	go func() {
		select {
		case <-lost:
		case <-l.ctx.Done():
		}
		select {
		case <-lost: // also when the locks were released at the same time
			f(l.err)
		default:
		}
	}()
}

// watch watches e's key in the background. The caller holds l.mu.
func (l *loss) watch(e *entry) {
	ctx, cancel := context.WithCancel(l.ctx)
	l.entries[e] = cancel
	watching, end := context.WithCancel(ctx)
	stop := context.AfterFunc(l.session.Ctx(), end) // the end of the session is reported without a watch
	r := &request{session: l.session, entries: []*entry{e}}
	go func() {
		defer end()
		defer stop()
		err := l.keeper.await(watching)
		if !errors.Is(err, ErrLost) && watching.Err() == nil {
			err = r.awaitDeletion(watching, e)
		}
		if errors.Is(err, ErrLost) {
			l.report(ctx, named(err, r.String()))
		}
	}()
}

// report makes err the reason of the loss, unless ctx has ended, because the lock
// was released, or there was a loss before.
func (l *loss) report(ctx context.Context, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() == nil && l.err == nil {
		l.err = err
		close(l.lost)
	}
}

// reason returns why the locks were lost, or nil if no loss was noticed.
func (l *loss) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// isKnown reports whether the locks are known to be lost.
func (l *loss) isKnown() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err != nil || l.session.Ctx().Err() != nil || l.keeper.sawKeyDeleted()
}

// awaitDeletion returns ErrLost when e's key does not exist any more, or the error of ctx. An
// error of etcd's is no loss.
func (r *request) awaitDeletion(ctx context.Context, e *entry) error {
	for {
		_, err := retry(ctx, func() (struct{}, error) { return struct{}{}, r.watchKey(ctx, e) })
		if errors.Is(err, ErrLost) || err != nil && !backoff.Pause(ctx, time.Second) {
			return err
		}
	}
}

// watchKey watches e's key. It returns ErrLost when the key does not exist any
// more, and nil when the watch is in doubt and has to be opened again.
func (r *request) watchKey(ctx context.Context, e *entry) error {
	w := newTrustedWatch(ctx, r.session.Client())
	defer w.end()
	w.open(e.key, clientv3.WithFilterPut())
	for {
		resp, err := w.next()
		r.doubted = r.doubted || err != nil // the next stream may lead to other data
		switch {
		case errors.Is(err, errInDoubt):
			return nil
		case errors.Is(err, rpctypes.ErrPermissionDenied):
			w.streams.broke(w.stream)
			return err
		case err != nil:
			return err
		}
		for _, ev := range resp.Events {
			if e.isLostBy(keyRev{key: e.key, rev: ev.Kv.ModRevision}) {
				return ErrLost
			}
		}
		verify := func(ctx context.Context) error { return r.verify(ctx, resp.Header.Revision) }
		if err := answered(w.ctx, verify); err != nil {
			return err
		}
	}
}
