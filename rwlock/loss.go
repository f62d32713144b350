package rwlock

import (
	"context"
	"errors"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/backoff"
)

// loss detects that the locks of a request are lost. It opens watches only when
// it is first asked, so that a hold whose loss nobody waits for costs nothing.
type loss struct {
	session session
	since   time.Time
	ctx     context.Context // ends when the locks are released
	stop    context.CancelFunc
	lost    chan struct{} // closes on loss

	mu       sync.Mutex
	err      error                         // reason of the loss
	entries  map[*entry]context.CancelFunc // with the function that ends the entry's watch, nil before there is one
	watching bool
}

func newLoss(req *request) *loss {
	ctx, stop := context.WithCancel(context.Background())
	l := &loss{
		session: req.session,
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
		for {
			_, err := retry(watching, func() (struct{}, error) { return struct{}{}, r.watchKey(watching, e) })
			if errors.Is(err, ErrLost) {
				l.report(ctx, named(err, r.String()))
				return
			}
			if err != nil && !backoff.Pause(watching, time.Second) { // an error of etcd's is no loss
				return
			}
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

// sawKeyDeleted reports whether a key was seen to be deleted while the lock was
// held.
func (l *loss) sawKeyDeleted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Is(l.err, ErrLost)
}

// isKnown reports whether the locks are known to be lost.
func (l *loss) isKnown() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err != nil || l.session.Ctx().Err() != nil
}

// watchKey watches e's key. It returns ErrLost when the key does not exist any
// more, and nil when the watch is in doubt and has to be opened again.
func (r *request) watchKey(ctx context.Context, e *entry) error {
	ctx, stream, end := r.watchContext(ctx)
	defer end()
	events := r.watcher().Watch(ctx, e.key, clientv3.WithFilterPut(), clientv3.WithCreatedNotify())
	doubt := r.doubt(ctx, stream)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-doubt:
			r.doubted = true
			return ctx.Err()
		case resp := <-events:
			if err := ctx.Err(); err != nil { // which ends the watch too: etcd has not
				return err
			}
			if err := watchError(resp); err != nil {
				r.doubted = true
				r.watchStreams().broke(stream)
				return err
			}
			for _, ev := range resp.Events {
				if e.isLostBy(keyRev{key: e.key, rev: ev.Kv.ModRevision}) {
					return ErrLost
				}
			}
			if err := r.verify(ctx, resp.Header.Revision); err != nil {
				return err
			}
		}
	}
}
