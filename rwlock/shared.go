package rwlock

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/metadata"

	"etcd-lock/internal/once"
)

// clientState is what the sessions and locks of a client share: the streams to etcd, and
// the watches of those who wait.
type clientState struct {
	renewer *renewer
	watches watchStreams
	waits   *localWaits
	queues  localQueues
	keeps   keeps

	released releasedKeys

	plain clientv3.Watcher // the client's own
	once  clientv3.Watcher // the same, except that it resumes no watch; nil where plain is not etcd's

	known atomic.Int64 // the largest revision at which a write of its requests was carried out
}

// knows notes that a write was carried out at a revision.
func (s *clientState) knows(rev int64) {
	for known := s.known.Load(); known < rev && !s.known.CompareAndSwap(known, rev); known = s.known.Load() {
	}
}

func newClientState(client *clientv3.Client) *clientState {
	return &clientState{
		renewer: newRenewer(client),
		waits:   newLocalWaits(client),
		plain:   client.Watcher,
		once:    once.Watcher(client),
	}
}

// watcher returns what the client's watches are opened with: a Watcher that the caller has
// put in place of its own is used as it is.
func (s *clientState) watcher(client *clientv3.Client) clientv3.Watcher {
	if s.once == nil || client.Watcher != s.plain {
		return client.Watcher
	}
	return s.once
}

// clientStates holds the state of each client that is not closed.
var clientStates sync.Map

func stateOf(client *clientv3.Client) *clientState {
	if state, ok := clientStates.Load(client); ok {
		return state.(*clientState)
	}
	state, known := clientStates.LoadOrStore(client, newClientState(client))
	if !known {
		context.AfterFunc(client.Ctx(), func() {
			clientStates.Delete(client)
			sweepKeys(client)
		})
	}
	return state.(*clientState)
}

// maxWatchStreams is how many streams the watches of a client's locks are spread over,
// at most.
const maxWatchStreams = 4

// watchStreams chooses the stream of each watch. A client opens a watch on a stream that
// it has for watches already, and etcd checks the permission of each new one by the login
// that the stream was opened with: after a watch was ended, the next one is better opened
// on a fresh stream. So from then on all are, until one that is on the fresh stream is
// ended: one break of the connection ends many watches, and they come back on one stream.
type watchStreams struct {
	mu      sync.Mutex
	current *watchStream
	used    []*watchStream // that have watches, the oldest first
}

// watchStream is a stream of watches.
type watchStream struct {
	id      string // empty for the one that the client's other watches are on too
	watches int
	ctx     context.Context // ends when its watches have to be opened again on another stream
	retire  context.CancelFunc
}

// join returns the stream for a new watch. The caller must call leave when the watch has
// ended.
func (w *watchStreams) join() *watchStream {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current == nil {
		w.current = newWatchStream("")
	}
	s := w.current
	if s.watches++; s.watches == 1 {
		w.used = append(w.used, s)
	}
	return s
}

func newWatchStream(id string) *watchStream {
	s := &watchStream{id: id}
	s.ctx, s.retire = context.WithCancel(context.Background())
	return s
}

// leave says that a watch on s has ended.
func (w *watchStreams) leave(s *watchStream) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.watches--; s.watches == 0 {
		w.used = slices.DeleteFunc(w.used, func(u *watchStream) bool { return u == s })
	}
}

// broke says that etcd has ended a watch on s, or that none can be opened.
func (w *watchStreams) broke(s *watchStream) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s != w.current {
		return
	}
	w.current = newWatchStream(uuid.NewString())
	if len(w.used) >= maxWatchStreams {
		w.used[0].retire()
	}
}

// context returns the context for a watch on s.
func (s *watchStream) context(ctx context.Context) context.Context {
	if s.id == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "rwlock-stream", s.id)
}
