package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
)

// How often one who waits looks who is in the way. It is for people, so it
// costs etcd less the longer it lasts.
const (
	firstLook    = 500 * time.Millisecond
	longestPause = 30 * time.Second
	lookTimeout  = 2 * time.Second
)

// acquisition is the taking of locks for a command.
type acquisition struct {
	*execOptions
	remote  *connect.Conn
	session *rwlock.Session
	said    map[string]string // of each name, who was said to be in the way
}

// lock returns when the locks are held, having said who was in the way.
func (a *acquisition) lock(ctx context.Context, set *rwlock.Set) error {
	began := time.Now()
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		a.watch(watching)
	}()
	err := a.take(ctx, set)
	stop()
	<-watched
	switch {
	case err == nil && len(a.said) > 0:
		a.say("got %s after %s", a.locks(), seconds(time.Since(began)))
	case errors.Is(err, rwlock.ErrLocked):
		return a.conflict(ctx, "not acquired")
	case a.wait > 0 && errors.Is(err, context.DeadlineExceeded):
		return a.conflict(ctx, fmt.Sprintf("not acquired within %s", a.wait))
	case err != nil: // and be it a loss: nothing was held
		return exitError{code: exitFailed, err: err}
	}
	return nil
}

// take is the asking alone.
func (a *acquisition) take(ctx context.Context, set *rwlock.Set) error {
	if a.try {
		return a.remote.Do(ctx, set.TryLock)
	}
	if a.wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.wait)
		defer cancel()
	}
	return set.Lock(ctx)
}

// conflict is the error of locks that others have.
func (a *acquisition) conflict(ctx context.Context, what string) error {
	if a.quiet {
		return exitError{code: a.conflictCode}
	}
	for _, name := range a.names {
		if n, ok, err := a.look(ctx, name); err == nil && ok {
			return exitError{code: a.conflictCode, err: fmt.Errorf("%s: %s", what, n.text(a.now()))}
		}
	}
	return exitError{code: a.conflictCode, err: fmt.Errorf("%s: %s", what, a.locks())}
}

// watch says who is in the way until ctx ends, whenever that changes.
func (a *acquisition) watch(ctx context.Context) {
	if a.quiet || a.try {
		return
	}
	for delay := firstLook; pause(ctx, delay); delay = min(2*delay, longestPause) {
		for _, name := range a.names {
			n, ok, err := a.look(ctx, name)
			who, text := n.who, n.text(a.now())
			if err != nil {
				who, text = err.Error(), fmt.Sprintf("%s: who holds it is not known: %v", name, err)
			}
			if (ok || err != nil) && a.said[name] != who && ctx.Err() == nil {
				a.said[name] = who
				a.say("waiting for %s", text)
			}
		}
	}
}

// pause waits for about d and reports whether ctx still lives. The jitter keeps
// many that wait for one lock from asking together.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d*3/4 + rand.N(d/2))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// look reads who is in our way at name; ok reports whether anybody is.
func (a *acquisition) look(ctx context.Context, name string) (n obstacle, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	s, err := a.remote.Source.Snapshot(ctx, name+"/")
	if err != nil && ctx.Err() != nil {
		return obstacle{}, false, errors.New("etcd does not answer")
	}
	if err != nil {
		return obstacle{}, false, err
	}
	l, _ := s.Find(inspect.LockID{Layout: keyspace.RWLock, Name: name})
	n, ok = newObstacle(l, int64(a.session.Lease()), a.mode)
	return n, ok, nil
}

// obstacle says who is in somebody's way.
type obstacle struct {
	head inspect.Request // of the queue, which holds the lock
	more int             // who stand before us beside it
	who  string          // tells one obstacle from another, whatever the time
}

// newObstacle is about the request with that lease, or about one that would be
// made now if there is none. It reports false when nothing is in the way.
//
// Besides those that block the request there are those that block these: a reader
// waits for a writer, and with it for the readers before that.
func newObstacle(l inspect.Lock, lease int64, mode keyspace.Mode) (obstacle, bool) {
	me := slices.IndexFunc(l.Queue, func(r inspect.Request) bool { return r.Lease == lease })
	if me < 0 {
		me = len(l.Queue)
		l.Queue = append(slices.Clone(l.Queue), inspect.Request{Mode: mode, Revision: math.MaxInt64})
	}
	blockers := l.Blockers(me)
	if len(blockers) == 0 {
		return obstacle{}, false
	}
	last := blockers[len(blockers)-1].Key
	n := obstacle{
		head: l.Queue[0],
		more: slices.IndexFunc(l.Queue, func(r inspect.Request) bool { return r.Key == last }),
	}
	n.who = n.head.Key + " " + strconv.Itoa(n.more)
	return n, true
}

// text is the obstacle for people.
func (n obstacle) text(now time.Time) string {
	r := n.head
	text := fmt.Sprintf("%s: held by %s (%s", r.Lock.Name, inspect.Session{ID: r.Session(), Requests: []inspect.Request{r}}.Who(), r.Mode)
	if !r.Since.IsZero() {
		text += fmt.Sprintf(", asked %s ago", seconds(since(now, r.Since)))
	}
	text += ")"
	if n.more > 0 {
		text += fmt.Sprintf(", %d more before us", n.more)
	}
	return text
}
