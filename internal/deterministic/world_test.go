package deterministic

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/simetcd"
	"etcd-lock/internal/trace"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/verify"
)

const (
	// patience is how long after the last fault everything may take to be as it should.
	patience = 45 * time.Second
	// enough is how long all actors may take.
	enough = 10 * time.Minute
)

// world is one run of a plan.
type world struct {
	plan
	*simetcd.Cluster
	began    time.Time
	calm     time.Time // from then on there are no faults
	machines []*machine
	ctx      context.Context
	giveUp   context.CancelFunc

	tells bool // a story is wanted, which takes as long as everything else

	trace trace.Log // of the events of hooks

	mu       sync.Mutex // is never held while anything waits
	story    []event
	failures []failure
	holds    []*verify.Hold
	waits    []verify.Wait
	changes  []verify.Change
	sessions map[int64]*tenancy
	admin    map[string]bool // keys that an administrator deletes, and sessions that he revokes, by lease
	ended    map[ended]end
	doing    map[int]doing        // what an actor is at
	kept     map[int64]*keptPlace // by token
	relocks  int                  // grants of locks that were kept
	permits  int                  // grants of permits of the semaphore
}

// event is a line of a story.
type event struct {
	at   time.Duration
	text string
}

// lines returns the story. What happens at one instant has no order.
func (w *world) lines() []string {
	slices.SortFunc(w.story, func(a, b event) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.text, b.text)) })
	var lines []string
	for _, e := range w.story {
		lines = append(lines, fmt.Sprintf("%14s  %s", e.at, e.text))
	}
	return lines
}

// failure is a promise that was broken.
type failure struct{ Kind, Text string }

// ended identifies a key by its revision.
type ended struct {
	key string
	rev int64
}

// end is when a key was deleted.
type end struct {
	at      time.Time
	byAdmin bool
}

// tenancy is a session: when its client had it, and when it ended by its own clock and by
// etcd's. The times are zero where that has not happened.
type tenancy struct {
	name                   string
	opened, ended, expired time.Time
}

// machine is a client, with its sessions.
type machine struct {
	turn     chan struct{} // holds a value while nobody opens a session
	client   *clientv3.Client
	link     *simetcd.Link
	sessions map[int]*rwlock.Session
}

// outcome is what came of a run.
type outcome struct {
	Failures []failure
	Story    []string
	Stats    simetcd.Stats
	Grants   int
	Relocks  int
	Permits  int
	Took     time.Duration // of virtual time
}

// run runs a plan in a bubble, and tells its story if wanted.
func run(t *testing.T, p plan, story bool) outcome {
	t.Helper()
	var o outcome
	resetGlobals(p.Seed)
	var w *world
	synctest.Test(t, func(*testing.T) {
		w = newWorld(p)
		w.tells = story
		o = w.run()
	})
	o.Failures = append(o.Failures, w.verdict()...)
	return o
}

func newWorld(p plan) *world {
	w := &world{
		plan: p, Cluster: simetcd.New(simetcd.Options{Seed: p.Seed, Members: p.Members}), began: time.Now(),
		sessions: map[int64]*tenancy{}, admin: map[string]bool{}, ended: map[ended]end{}, doing: map[int]doing{},
		kept: map[int64]*keptPlace{},
	}
	w.ctx, w.giveUp = context.WithCancel(context.Background())
	w.calm = w.began
	for _, f := range p.Faults {
		if until := w.began.Add(f.At + f.For); until.After(w.calm) {
			w.calm = until
		}
	}
	for _, a := range p.Actors {
		for a.Client >= len(w.machines) {
			w.machines = append(w.machines, &machine{turn: make(chan struct{}, 1), sessions: map[int]*rwlock.Session{}})
		}
	}
	w.Observe(w.written, w.expire)
	return w
}

func (w *world) run() outcome {
	goroutines := runtime.NumGoroutine()
	var inspector *inspector
	if w.Inspect {
		inspector = w.inspect()
	}
	var actors sync.WaitGroup
	for i := range w.Actors {
		actors.Go(func() { w.act(i) })
	}
	for _, f := range w.Faults {
		go w.inject(f)
	}
	w.await(&actors)
	if inspector != nil {
		inspector.end()
	}
	w.leave()
	w.judge(goroutines)
	o := outcome{Failures: w.failures, Story: w.lines(), Stats: w.Stats(), Took: time.Since(w.began)}
	o.Relocks, o.Permits = w.relocks, w.permits
	for _, h := range w.holds {
		o.Grants += len(h.Stages)
	}
	return o
}

// await waits until all actors are done, and makes them give up if they are stuck.
func (w *world) await(actors *sync.WaitGroup) {
	done := make(chan struct{})
	go func() {
		actors.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(enough):
		w.mu.Lock()
		for i := range w.Actors {
			if w.doing[i].format != "" {
				w.fail("stuck", "%s is still at it: %s", actorName(i), w.doing[i])
			}
		}
		w.mu.Unlock()
		w.giveUp()
		<-done
	}
	w.giveUp()
}

// leave closes all sessions and clients, and waits until nothing of them can be left.
func (w *world) leave() {
	time.Sleep(max(time.Until(w.calm), 0) + time.Second)
	for _, m := range w.machines {
		for _, nth := range slices.Sorted(maps.Keys(m.sessions)) {
			_ = m.sessions[nth].Close()
		}
	}
	time.Sleep(patience)
	for _, m := range w.machines {
		if m.client != nil {
			_ = m.client.Close()
		}
	}
	time.Sleep(time.Minute)
}

// say adds a line to the story. The caller holds the lock.
func (w *world) say(format string, args ...any) {
	if !w.tells {
		return
	}
	w.story = append(w.story, event{time.Since(w.began), fmt.Sprintf(format, args...)})
}

// tell is say for callers without the lock.
func (w *world) tell(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.say(format, args...)
}

// fail notes a failure. The caller holds the lock.
func (w *world) fail(kind, format string, args ...any) {
	f := failure{kind, fmt.Sprintf(format, args...)}
	w.failures = append(w.failures, f)
	w.say("FAILED %s: %s", f.Kind, f.Text)
}

// session returns the session of an actor, and opens it if there is none.
func (w *world) session(i int) (*rwlock.Session, error) {
	a := w.Actors[i]
	m := w.machines[a.Client]
	m.turn <- struct{}{} // a mutex would keep the bubble's time from passing
	defer func() { <-m.turn }()
	if s := m.sessions[a.Session]; s != nil && s.Ctx().Err() == nil {
		return s, nil
	}
	if m.client == nil || m.client.Ctx().Err() != nil {
		client, link, err := w.Client()
		if err != nil {
			return nil, err
		}
		w.mu.Lock()
		m.client, m.link = client, link
		w.mu.Unlock()
	}
	ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
	defer cancel()
	s, err := rwlock.NewSession(ctx, m.client, a.TTL)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	m.sessions[a.Session] = s
	tenancy := w.tenancy(int64(s.Lease()))
	tenancy.opened = time.Now()
	tenancy.name = fmt.Sprintf("session %d.%d", a.Client, a.Session)
	w.say("%s opens", tenancy.name)
	context.AfterFunc(s.Ctx(), func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		tenancy.ended = time.Now()
		w.say("%s has ended: %v", tenancy.name, context.Cause(s.Ctx()))
	})
	return s, nil
}

// tenancy returns what is known of a session. The caller holds the lock.
func (w *world) tenancy(lease int64) *tenancy {
	if w.sessions[lease] == nil {
		w.sessions[lease] = &tenancy{name: fmt.Sprintf("lease %d", len(w.sessions))}
	}
	return w.sessions[lease]
}

// written notes a revision.
func (w *world) written(rev int64, events []*mvccpb.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := time.Since(w.began)
	for _, e := range events {
		key := string(e.Kv.Key)
		c := verify.Change{Revision: rev, Key: key, Put: e.Type == mvccpb.Event_PUT, Create: e.Kv.CreateRevision, Lease: e.Kv.Lease, At: at}
		if c.Put {
			w.say("revision %d: put %s by %s", rev, shape(key), w.tenancy(c.Lease).name)
		} else {
			last := w.lastPut(key)
			lease := fmt.Sprint(last.Lease)
			w.ended[ended{key, last.Create}] = end{time.Now(), w.admin[key] || w.admin[lease]}
			delete(w.admin, key)
			w.say("revision %d: deleted %s of revision %d by %s", rev, shape(key), last.Create, w.tenancy(last.Lease).name)
		}
		w.changes = append(w.changes, c)
	}
}

func (w *world) lastPut(key string) verify.Change {
	for _, c := range slices.Backward(w.changes) {
		if c.Key == key && c.Put {
			return c
		}
	}
	return verify.Change{}
}

// shape is a key without its random part.
func shape(key string) string { return key[:strings.LastIndexByte(key, '/')+1] }

// expire notes that a lease has expired.
func (w *world) expire(lease int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.tenancy(lease)
	t.expired = time.Now()
	w.say("etcd ends %s, which has expired", t.name)
}
