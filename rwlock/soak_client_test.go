package rwlock_test

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/trace"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/verify"
)

// epoch is what all times of the test count from.
var epoch = time.Now()

func now() time.Duration           { return at(time.Now()) }
func at(t time.Time) time.Duration { return t.Sub(epoch) }

// between draws a duration.
func between(rng *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(rng.Int64N(int64(high-low)))
}

// wait waits for d and reports whether ctx still lives.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// process stands for the process of a client, from its start to its death.
type process struct {
	*clientv3.Client
	killed chan struct{} // closes when it dies
	died   atomic.Int64  // when, in nanoseconds, or 0
}

// death is when the process died, or the end of time.
func (p *process) death() time.Duration {
	if died := p.died.Load(); died != 0 {
		return time.Duration(died)
	}
	return math.MaxInt64
}

// What a client is doing, for those who want to kill it at it.
const (
	idle int32 = iota
	waiting
	holding
)

// client is one of the soak's clients, through all its lives. What it does
// comes from its own random source: only how it fares depends on the time.
type client struct {
	id        int
	rng       *rand.Rand
	names     []string
	endpoints []string
	network   []*etcdtest.Proxy // to each member
	tally     *tally
	trace     *trace.Log // of all clients
	user      string     // or ""
	next      func() job // decides what it does next
	phase     atomic.Int32
	clinging  atomic.Pointer[chan struct{}] // set while it does not let go of what it holds

	mu      sync.Mutex
	process *process      // nil while there is none
	allowed chan struct{} // closed while there may be one

	session *rwlock.Session
	ttl     time.Duration
	grants  []*verify.Hold
}

// newClient makes a client that reaches the endpoints, each by a network of its own.
func newClient(t *testing.T, s *soak, id int, endpoints, names []string) *client {
	t.Helper()
	c := &client{
		id:      id,
		rng:     rand.New(rand.NewPCG(s.seed, uint64(100+id))),
		names:   names,
		tally:   s.tally,
		trace:   s.trace,
		user:    s.user,
		ttl:     time.Duration(1+id%2) * time.Second,
		allowed: make(chan struct{}),
	}
	c.next = c.draw
	close(c.allowed)
	for _, e := range endpoints {
		p := etcdtest.NewProxy(t, e)
		c.network = append(c.network, p)
		c.endpoints = append(c.endpoints, p.Addr)
	}
	t.Cleanup(c.stop)
	return c
}

func (c *client) cut() {
	for _, p := range c.network {
		p.Cut()
	}
}

func (c *client) heal() {
	for _, p := range c.network {
		p.Heal()
	}
}

// kill ends the client's process as SIGKILL would: nothing that it might still
// do gets out, and its lease is left to run out.
func (c *client) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.allowed = make(chan struct{})
	c.cut()
	if p := c.process; p != nil {
		p.died.Store(int64(now()))
		close(p.killed)
		_ = p.Close()
		c.process = nil
	}
}

// revive lets a new process take the place of the one that was killed.
func (c *client) revive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heal()
	close(c.allowed)
}

// stop ends the process without a trace in the history.
func (c *client) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process != nil {
		_ = c.process.Close()
		c.process = nil
	}
}

// living returns the client's process, a new one if there is none, as soon as
// it may live; nil when ctx ends before.
func (c *client) living(ctx context.Context) *process {
	for {
		c.mu.Lock()
		allowed := c.allowed
		select {
		case <-allowed:
			p := c.started()
			c.mu.Unlock()
			if p != nil || !wait(ctx, 20*time.Millisecond) {
				return p
			}
		default:
			c.mu.Unlock()
		}
		select {
		case <-allowed:
		case <-ctx.Done():
			return nil
		}
	}
}

// started returns the process or starts one; nil if it cannot log in. The caller holds c.mu.
func (c *client) started() *process {
	if c.process != nil {
		return c.process
	}
	cfg := clientv3.Config{Endpoints: c.endpoints, Logger: zap.NewNop(), DialOptions: []grpc.DialOption{etcd.ForgetLogins()}}
	if c.user != "" {
		cfg.Username, cfg.Password, cfg.DialTimeout = c.user, etcdtest.Password, 500*time.Millisecond
	}
	conn, err := clientv3.New(cfg)
	switch {
	case err != nil && c.user != "":
		c.tally.count("logins: failed")
		return nil
	case err != nil: // New does not wait for a connection: this is no fault that was injected
		panic(err)
	}
	if c.id%2 == 1 { // as those do in long queues
		rwlock.NeverMirror(conn, c.names...)
	}
	c.process = &process{Client: conn, killed: make(chan struct{})}
	return c.process
}

// open returns the process with a session that lives, which may be a new one;
// nil when ctx ends before.
func (c *client) open(ctx context.Context) (*process, *rwlock.Session) {
	for {
		p := c.living(ctx)
		if p == nil || ctx.Err() != nil {
			return nil, nil
		}
		if c.session != nil && c.session.Ctx().Err() == nil {
			return p, c.session
		}
		short, cancel := context.WithTimeout(ctx, c.ttl)
		s, err := rwlock.NewSession(short, p.Client, c.ttl)
		cancel()
		if err == nil {
			c.tally.count("sessions: opened")
			c.tally.note("client %d opens session %x", c.id, s.Lease())
			c.session = s
			continue
		}
		c.tally.count("sessions: not opened")
		if !wait(ctx, 20*time.Millisecond) {
			return nil, nil
		}
	}
}

// run works until busy ends. Then it takes each lock once more, which must come
// to pass before limit.
func (c *client) run(busy, limit context.Context) {
	for {
		job := c.next()
		p, s := c.open(busy)
		if p == nil {
			break
		}
		c.work(busy, p, s, job)
	}
	c.finish(limit)
}

// finish takes each lock once more.
func (c *client) finish(limit context.Context) {
	for _, name := range c.names {
		if !c.lastly(limit, name) {
			c.tally.violation("client %d is stuck: it could not have %s in the end", c.id, name)
		}
	}
}

// close closes the session, once all is healed.
func (c *client) close(ctx context.Context) {
	if _, s := c.open(ctx); s != nil {
		if err := s.Close(); err != nil {
			c.tally.violation("client %d could not close its session in the end: %v", c.id, err)
		}
	}
}

// lastly takes a lock for writing and releases it. What was left of the faults
// may end a session or a process on the way.
func (c *client) lastly(limit context.Context, name string) bool {
	last := job{kind: "RWLock at the end", wants: []rwlock.LockRequest{{Name: name, Mode: rwlock.Write}}, patience: time.Hour}
	for {
		p, s := c.open(limit)
		if p == nil {
			return false
		}
		if c.work(limit, p, s, last) {
			return true
		}
	}
}
