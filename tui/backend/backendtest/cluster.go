package backendtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
)

// Cluster is an etcd of the tests' own: a Source and a Locker over queues in
// memory.
type Cluster struct {
	now func() time.Time

	mu       sync.Mutex
	revision int64
	down     error
	queues   map[inspect.LockID][]inspect.Request
	watchers []*watcher
	wake     chan struct{} // closed and made anew by every change
	ttlCalls [][]int64
	ttl      time.Duration
	lease    map[int64]inspect.Lease  // that are not as ttl says
	Calls    atomic.Int64             // of Leases, Open, Request, Status, Load and Save
	leases   int64                    // granted
	lost     map[string]chan struct{} // of tickets that are held, by key
	past     []inspect.Event
}

// watcher keeps what its reader has not read yet.
type watcher struct {
	events []inspect.Event
	dirty  bool
}

func NewCluster(now func() time.Time) *Cluster {
	return &Cluster{
		now: now, revision: 100, ttl: 9 * time.Second,
		queues: map[inspect.LockID][]inspect.Request{}, wake: make(chan struct{}),
	}
}

// Put adds a request at the end of a queue.
func (c *Cluster) Put(r inspect.Request) inspect.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revision++
	r.Revision = c.revision
	if r.Key == "" {
		r.Key = keyspace.Encode(r.Lock.Name, r.Mode, fmt.Sprintf("id-%d", r.Revision))
	}
	c.change(r.Lock, append(slices.Clone(c.queues[r.Lock]), r))
	return r
}

// Remove deletes a key and reports whether it was there.
func (c *Cluster) Remove(id inspect.LockID, key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := len(c.queues[id])
	c.revision++
	c.change(id, slices.DeleteFunc(slices.Clone(c.queues[id]), func(r inspect.Request) bool { return r.Key == key }))
	return len(c.queues[id]) < before
}

func (c *Cluster) SetDown(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = err
	c.notify(nil)
}

// change puts a queue in place and tells what that meant.
func (c *Cluster) change(id inspect.LockID, queue []inspect.Request) {
	before := map[string]inspect.Request{}
	for _, r := range c.queues[id] {
		before[r.Key] = r
	}
	c.queues[id] = holders(queue)
	var events []inspect.Event
	add := func(kind inspect.EventKind, r inspect.Request) {
		events = append(events, inspect.Event{Kind: kind, Request: r, Revision: c.revision, Time: c.now()})
	}
	for _, r := range c.queues[id] {
		old, was := before[r.Key]
		delete(before, r.Key)
		switch {
		case r.Holding && !old.Holding:
			add(inspect.EventAcquired, r)
		case !was:
			add(inspect.EventWaiting, r)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(before)) {
		kind := inspect.EventLeft
		if before[k].Holding {
			kind = inspect.EventReleased
		}
		add(kind, before[k])
		if lost := c.lost[k]; lost != nil {
			close(lost)
			delete(c.lost, k)
		}
	}
	if len(queue) == 0 {
		delete(c.queues, id)
	}
	c.past = append(c.past, events...)
	c.notify(events)
}

func (c *Cluster) notify(events []inspect.Event) {
	for _, w := range c.watchers {
		w.events = append(w.events, events...)
		w.dirty = true
	}
	close(c.wake)
	c.wake = make(chan struct{})
}

func holders(queue []inspect.Request) []inspect.Request {
	writer := false
	for i := range queue {
		queue[i].Holding = !writer && (queue[i].Mode == keyspace.Read || i == 0)
		writer = writer || queue[i].Mode == keyspace.Write
	}
	return queue
}

func (c *Cluster) snapshot() inspect.Snapshot {
	s := inspect.Snapshot{Revision: c.revision}
	for id, q := range c.queues {
		s.Locks = append(s.Locks, inspect.Lock{ID: id, Queue: q})
	}
	slices.SortFunc(s.Locks, func(a, b inspect.Lock) int {
		return strings.Compare(a.ID.Name+"\x00"+string(a.ID.Layout), b.ID.Name+"\x00"+string(b.ID.Layout))
	})
	return s
}

// Watch implements Source.
func (c *Cluster) Watch(ctx context.Context, _ string) <-chan inspect.Update {
	out := make(chan inspect.Update)
	w := &watcher{dirty: true}
	c.mu.Lock()
	c.watchers = append(c.watchers, w)
	c.mu.Unlock()
	go func() {
		defer close(out)
		for {
			c.mu.Lock()
			u := inspect.Update{Snapshot: c.snapshot(), Events: w.events, Err: c.down}
			send, wake := w.dirty, c.wake
			w.events, w.dirty = nil, false
			c.mu.Unlock()
			to := out
			if !send {
				to = nil
			}
			select {
			case to <- u:
			case <-wake:
				if !send {
					continue
				}
				c.mu.Lock()
				w.events, w.dirty = append(u.Events, w.events...), true
				c.mu.Unlock()
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// Leases implements Source.
func (c *Cluster) Leases(_ context.Context, leases []int64) (map[int64]inspect.Lease, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Calls.Add(1)
	c.ttlCalls = append(c.ttlCalls, leases)
	if c.down != nil {
		return nil, c.down
	}
	found := map[int64]inspect.Lease{}
	for _, l := range leases {
		found[l] = inspect.Lease{State: inspect.LeaseAlive, Granted: c.ttl, Remaining: c.ttl}
		if other, ok := c.lease[l]; ok {
			found[l] = other
		}
	}
	return found, nil
}

// Status implements Health.
func (c *Cluster) Status(context.Context) (backend.Status, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Calls.Add(1)
	return backend.Status{Revision: c.revision, Leader: "etcd-0", Members: 3}, c.down
}

// Client implements Locker.
func (c *Cluster) Client(label string, ttl time.Duration) backend.Client {
	return &Client{c: c, label: label, ttl: ttl}
}

// firstLabel is that of the client that takes locks where none was chosen.
const firstLabel = "tui"

// Client is a client of a cluster. Its lease lives for as long as nobody
// says otherwise.
type Client struct {
	c     *Cluster
	label string
	ttl   time.Duration

	mu    sync.Mutex
	state backend.ClientState
	Fail  error // of Open and Close
}

func (f *Client) Open(ctx context.Context) error {
	f.c.Calls.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := errors.Join(ctx.Err(), f.Fail); err != nil || f.state.Life == backend.Alive || f.state.Life == backend.Paused {
		return err
	}
	lease := int64(0x694d8f9b0a1c2d3e)
	if f.state.Lease > 0 || f.label != firstLabel {
		lease = f.c.grant()
	}
	f.state = backend.ClientState{Lease: lease, Life: backend.Alive, TTL: f.ttl, Until: f.c.now().Add(f.ttl)}
	return nil
}

func (f *Client) Request(ctx context.Context, name string, mode keyspace.Mode) (backend.Ticket, error) {
	if err := f.Open(ctx); err != nil {
		return nil, err
	}
	return &ticket{c: f.c, client: f, id: inspect.LockID{Layout: keyspace.RWLock, Name: name}, mode: mode, lease: f.State().Lease, label: f.label}, ctx.Err()
}

func (f *Client) turn(life backend.Life) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state.Life = life
}

func (f *Client) Pause()  { f.turn(backend.Paused) }
func (f *Client) Resume() { f.turn(backend.Alive) }
func (f *Client) Crash()  { f.turn(backend.Crashed) }

func (f *Client) Close() error {
	f.turn(backend.Closed)
	f.c.Revoke(f.State().Lease)
	return f.Fail
}

func (f *Client) State() backend.ClientState {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

func (c *Cluster) grant() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leases++
	return 0x694d8f9b0a1d0000 + c.leases
}

// Revoke removes what hangs on a lease.
func (c *Cluster) Revoke(lease int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, q := range maps.Clone(c.queues) {
		rest := slices.DeleteFunc(slices.Clone(q), func(r inspect.Request) bool { return r.Lease == lease })
		if len(rest) < len(q) {
			c.revision++
			c.change(id, rest)
		}
	}
}

// ticket is a request in a cluster's queue.
type ticket struct {
	c      *Cluster
	client *Client
	id     inspect.LockID
	mode   keyspace.Mode
	lease  int64
	label  string

	mu  sync.Mutex
	key string
	rev int64
}

// Lost closes when the key goes.
func (t *ticket) Lost() <-chan struct{} {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	if t.c.lost == nil {
		t.c.lost = map[string]chan struct{}{}
	}
	key, lost := t.Key(), make(chan struct{})
	if !slices.ContainsFunc(t.c.queues[t.id], func(r inspect.Request) bool { return r.Key == key }) {
		close(lost)
		return lost
	}
	t.c.lost[key] = lost
	return lost
}

func (t *ticket) Token() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rev
}

func (t *ticket) Key() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.key
}

func (t *ticket) Wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := t.c.Put(inspect.Request{
		Lock: t.id, Mode: t.mode, Lease: t.lease, Since: t.c.now(), Owned: true,
		Owner: t.owner(),
	})
	t.mu.Lock()
	t.key, t.rev = r.Key, r.Revision
	t.mu.Unlock()
	for {
		t.c.mu.Lock()
		wake := t.c.wake
		i := slices.IndexFunc(t.c.queues[t.id], func(q inspect.Request) bool { return q.Key == r.Key })
		held := i >= 0 && t.c.queues[t.id][i].Holding
		t.c.mu.Unlock()
		switch {
		case i < 0:
			return errors.New("session expired")
		case held:
			return nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			if t.client.State().Life != backend.Crashed { // else it is past taking anything back
				t.c.Remove(t.id, r.Key)
			}
			return ctx.Err()
		}
	}
}

func (t *ticket) owner() keyspace.Owner {
	o := keyspace.Owner{Host: "laptop", PID: 4711, Program: "etcd-lock"}
	if t.label != firstLabel {
		o.Label = t.label
	}
	return o
}

func (t *ticket) Release() error {
	if !t.c.Remove(t.id, t.Key()) {
		return backend.ErrLost
	}
	return nil
}

// Scenarios is Scenarios whose run is a function.
type Scenarios struct {
	Scenarios   []backend.Scenario
	Script      func(ctx context.Context, name string, tell func(backend.ScenarioStep)) ([]string, error)
	Lanes       []backend.ScenarioLane
	Ran         *time.Duration // how long a run takes until now
	Completions []string
	ReadErr     error
	Made        *Made
}

// Made is the latest run.
type Made struct{ Latest *playing }

func (p Scenarios) List() []backend.Scenario { return p.Scenarios }

func (p Scenarios) Read(path string) (backend.Scenario, error) {
	return backend.Scenario{Name: path, About: "from a file"}, p.ReadErr
}

func (p Scenarios) Paths(string) []string { return p.Completions }

func (p Scenarios) Play(name string, speed float64) backend.Play {
	run := &playing{Scenarios: p, name: name, Speed: speed}
	if p.Made != nil {
		p.Made.Latest = run
	}
	return run
}

type playing struct {
	Scenarios
	name  string
	Speed float64
	Shows backend.PlayState
}

func (p *playing) Pause()              { p.Shows.Paused, p.Shows.Stepping = true, false }
func (p *playing) Resume()             { p.Shows.Paused, p.Shows.Stepping = false, false }
func (p *playing) Step()               { p.Shows.Paused, p.Shows.Stepping = false, true }
func (p *playing) SetSpeed(to float64) { p.Speed = to }

func (p *playing) Run(ctx context.Context, tell func(backend.ScenarioStep)) ([]string, error) {
	return p.Script(ctx, p.name, tell)
}

func (p *playing) State() backend.PlayState {
	state := p.Shows
	if p.Ran != nil {
		state.Elapsed = *p.Ran
	}
	for _, l := range p.Lanes {
		var spans []backend.ScenarioSpan
		for _, s := range l.Spans {
			s.To = min(s.To, state.Elapsed)
			spans = append(spans, s)
		}
		state.Lanes = append(state.Lanes, backend.ScenarioLane{Client: l.Client, Spans: spans, Marks: l.Marks})
	}
	return state
}

// Locker makes clients that only ever make requests.
type Locker func() (backend.Ticket, error)

func (f Locker) Client(string, time.Duration) backend.Client { return StuckClient{request: f} }

// StuckClient is a client whose Close blocks or fails.
type StuckClient struct {
	backend.Client
	request func() (backend.Ticket, error)
	Err     error
	Block   chan struct{}
}

func (c StuckClient) Request(context.Context, string, keyspace.Mode) (backend.Ticket, error) {
	return c.request()
}

func (c StuckClient) State() backend.ClientState { return backend.ClientState{} }

func (c StuckClient) Close() error {
	if c.Block != nil {
		<-c.Block
	}
	return c.Err
}

// stuckTicket is granted at once; releasing it may fail.
type stuckTicket struct {
	key string

	mu  sync.Mutex
	err error
}

func (s *stuckTicket) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *stuckTicket) Release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *stuckTicket) Key() string                { return s.key }
func (s *stuckTicket) Token() int64               { return 1 }
func (s *stuckTicket) Wait(context.Context) error { return nil }
func (s *stuckTicket) Lost() <-chan struct{}      { return nil }

// NewTicket is a ticket for a request that is in a queue already.
func NewTicket(key string, revision int64) backend.Ticket { return &ticket{key: key, rev: revision} }

// ClientIn is a client whose session is in that state.
func ClientIn(state backend.ClientState) backend.Client { return &Client{state: state} }

// NewStuckTicket is a ticket whose release fails.
func NewStuckTicket(key string, err error) *stuckTicket { return &stuckTicket{key: key, err: err} }

// Queue returns the queue of a lock.
func (c *Cluster) Queue(id inspect.LockID) []inspect.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queues[id]
}

// Current returns the current revision.
func (c *Cluster) Current() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.revision
}

// GoTo sets the current revision.
func (c *Cluster) GoTo(revision int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revision = revision
}

// SetLease sets what is said of a lease.
func (c *Cluster) SetLease(id int64, l inspect.Lease) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lease == nil {
		c.lease = map[int64]inspect.Lease{}
	}
	c.lease[id] = l
}

// LookUps returns the leases of each look-up.
func (c *Cluster) LookUps() [][]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ttlCalls
}
