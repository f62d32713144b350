package rwlock

import (
	"context"
	"errors"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// loss finds out that what is held is gone. It watches only once somebody
// asks, so that a hold nobody asks about costs nothing.
type loss struct {
	session session
	since   time.Time
	ctx     context.Context // ends with the hold, when that is given up
	stop    context.CancelFunc
	lost    chan struct{} // closes on loss

	mu      sync.Mutex
	err     error                         // why it was lost
	claims  map[*claim]context.CancelFunc // each with what ends its watch, nil before that began
	watches bool
}

func newLoss(req *request) *loss {
	ctx, stop := context.WithCancel(context.Background())
	l := &loss{
		session: req.session,
		since:   time.Now(),
		ctx:     ctx,
		stop:    stop,
		lost:    make(chan struct{}),
		claims:  map[*claim]context.CancelFunc{},
	}
	for _, c := range req.claims {
		l.add(c)
	}
	return l
}

// add makes c one of the claims whose loss is a loss.
func (l *loss) add(c *claim) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claims[c] = nil
	if l.watches {
		l.watch(c)
	}
}

// drop lets c go without a loss.
func (l *loss) drop(c *claim) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cancel := l.claims[c]; cancel != nil {
		cancel()
	}
	delete(l.claims, c)
}

// channel closes on loss.
func (l *loss) channel() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watches {
		return l.lost
	}
	l.watches = true
	ended := context.AfterFunc(l.session.Ctx(), func() { l.close(l.ctx, ErrSessionExpired) })
	context.AfterFunc(l.ctx, func() { ended() })
	for c := range l.claims {
		l.watch(c)
	}
	return l.lost
}

// then calls f on loss, unless the hold ends before.
func (l *loss) then(f func(error)) {
	lost := l.channel()
	go func() {
		select {
		case <-lost:
		case <-l.ctx.Done():
		}
		select {
		case <-lost: // also when the hold was given up at the same time
			f(l.err)
		default:
		}
	}()
}

// watch watches c in the background. The caller holds l.mu.
func (l *loss) watch(c *claim) {
	ctx, cancel := context.WithCancel(l.ctx)
	l.claims[c] = cancel
	watching, end := context.WithCancel(ctx)
	stop := context.AfterFunc(l.session.Ctx(), end) // which the loss is told of by itself
	r := &request{session: l.session, claims: []*claim{c}}
	go func() {
		defer end()
		defer stop()
		for {
			_, err := retry(watching, func() (struct{}, error) { return struct{}{}, r.watchKey(watching, c) })
			if errors.Is(err, ErrLost) {
				l.close(ctx, err)
				return
			}
			if !pause(watching, time.Second) { // that etcd does not say is no loss
				return
			}
		}
	}()
}

// close makes err the loss, unless that of which it speaks was given up: then
// ctx has ended.
func (l *loss) close(ctx context.Context, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() == nil && l.err == nil {
		l.err = err
		close(l.lost)
	}
}

// keyWasGone reports whether a watch has seen that a key was deleted while the
// lock was held.
func (l *loss) keyWasGone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Is(l.err, ErrLost)
}

// watchKey returns ErrLost when c's key is gone.
func (r *request) watchKey(ctx context.Context, c *claim) error {
	ctx, cancel := r.watchContext(ctx)
	defer cancel()
	events := r.session.Client().Watch(ctx, c.key, clientv3.WithFilterPut(), clientv3.WithCreatedNotify())
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case resp := <-events:
			if err := watchError(resp); err != nil {
				r.broken = true
				return err
			}
			for _, ev := range resp.Events {
				if c.lostWith(place{key: c.key, rev: ev.Kv.ModRevision}) {
					return ErrLost
				}
			}
			if err := r.verify(ctx, resp.Header.Revision); err != nil {
				return err
			}
		}
	}
}
