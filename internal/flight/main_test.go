package flight

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// childEnv makes the test program a recorder that records made-up locks in that folder,
// until it is killed.
const childEnv = "ETCD_LOCK_TEST_RECORD"

func TestMain(m *testing.M) {
	syncFile = func(*os.File) error { return nil }
	if dir := os.Getenv(childEnv); dir != "" {
		first, _ := strconv.ParseInt(os.Getenv(childEnv+"_FROM"), 10, 64)
		recordForever(dir, first, os.Stdout)
	}
	m.Run()
}

// recordForever records the locks of one revision after the other, and prints each
// revision that is durable.
func recordForever(dir string, revision int64, out io.Writer) {
	r, err := NewRecorder(dir, Options{Limits: Limits{Keep: time.Hour, MaxSize: 1 << 30}, Report: func(err error) { panic(err) }})
	if err != nil {
		panic(err)
	}
	for {
		for range 1 + rand.IntN(20) {
			revision++
			r.Update(inspect.Update{Snapshot: locksAt(revision)})
		}
		r.Tick()
		_, _ = fmt.Fprintln(out, revision)
		if rand.IntN(30) == 0 {
			r.rotate(CauseSize, nil)
		}
		if err := r.folder.thinSome(); err != nil {
			panic(err)
		}
	}
}

var epoch = time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)

// locksAt makes up the locks at a revision: the same ones whenever it is called.
func locksAt(revision int64) inspect.Snapshot {
	g := generator{rand.New(rand.NewPCG(uint64(revision), 7))}
	s := inspect.Snapshot{Revision: revision, Other: g.IntN(4), Locks: []inspect.Lock{}}
	for _, name := range []string{"/a", "/b\n", "/c\xff", "/d/e"} {
		for _, rule := range []string{"rwlock", "mutex", "patroni", "rancher-system-agent"} {
			if id := (inspect.LockID{Layout: layout.Builtin().Rule(rule), Name: name}); id.Layout != nil && g.IntN(3) > 0 {
				s.Locks = append(s.Locks, g.lock(id))
			}
		}
	}
	slices.SortFunc(s.Locks, func(a, b inspect.Lock) int { return a.ID.Compare(b.ID) })
	return s
}

type generator struct{ *rand.Rand }

func (g generator) lock(id inspect.LockID) inspect.Lock {
	l := inspect.Lock{ID: id}
	for i := range 1 + g.IntN(4) {
		l.Queue = append(l.Queue, g.request(id, i))
	}
	slices.SortFunc(l.Queue, inspect.ByPlace)
	for i := range g.IntN(3) {
		var other inspect.LockID
		if g.IntN(2) == 0 {
			other = id
		}
		l.Others = append(l.Others, g.request(other, 100+i))
	}
	l.MoreOthers = g.IntN(2)
	for range g.IntN(2) {
		l.Candidates = append(l.Candidates, g.text())
	}
	return l
}

func (g generator) request(id inspect.LockID, i int) inspect.Request {
	r := inspect.Request{
		Key: fmt.Sprint(id.Name, "/", g.text(), i), Lock: id, Mode: keyspace.Mode(1 + g.IntN(2)), Lease: g.Int64() - g.Int64(),
		Revision: g.Int64N(1000), Modified: g.Int64N(1000), Since: g.time(), Seen: g.time(), Saw: g.IntN(2) == 0,
		Holding: g.IntN(2) == 0, Encrypted: g.IntN(9) == 0, LeaseUnknown: g.IntN(9) == 0,
	}
	if r.Owned = g.IntN(2) == 0; r.Owned {
		r.Owner = keyspace.Owner{Host: g.text(), PID: g.IntN(3), Program: g.text(), Label: g.text(), Under: g.text(), Keep: g.IntN(2) == 0, Upgrade: g.IntN(2) == 0, Weight: g.IntN(3), Permits: g.IntN(3), Time: g.time()}.Ref()
	}
	r.Cut = id == (inspect.LockID{}) && g.IntN(2) == 0
	if g.IntN(4) == 0 {
		r.Term = &layout.Term{Holder: g.text(), Acquired: g.time(), Renewed: g.time(), Duration: time.Duration(g.Int64())}
	}
	if g.IntN(4) == 0 {
		r.Slots = &layout.Slots{Total: g.IntN(3), Holders: []string{g.text(), g.text()}}
	}
	return r
}

func (g generator) text() string {
	return []string{"", "x", "a<b>&\u2028", "\xff\xfe", "\x00\x1b[31m", `"quoted"\`, "é"}[g.IntN(7)]
}

func (g generator) time() time.Time {
	switch g.IntN(8) {
	case 0:
		return time.Time{}
	case 1:
		return time.Unix(1<<50, 0) // a year beyond 9999
	default:
		return epoch.Add(time.Duration(g.Int64N(int64(time.Hour)))).In(time.FixedZone("", 3723))
	}
}

// plain returns a snapshot without what a recording leaves out: locations of times, and
// what only a snapshot that was read has.
func plain(s inspect.Snapshot) inspect.Snapshot {
	p := inspect.Snapshot{Revision: s.Revision, Other: s.Other, Prefixes: slices.Clone(s.Prefixes), Locks: []inspect.Lock{}}
	for _, l := range s.Locks {
		l.Queue, l.Others = plainRequests(l.Queue), plainRequests(l.Others)
		p.Locks = append(p.Locks, l)
	}
	return p
}

func plainRequests(requests []inspect.Request) []inspect.Request {
	var all []inspect.Request
	for _, r := range requests {
		r.Since, r.Seen, r.Owner.Time = newTime(r.Since).Time, newTime(r.Seen).Time, newTime(r.Owner.Time).Time
		if r.Term != nil {
			term := *r.Term
			term.Acquired, term.Renewed = newTime(term.Acquired).Time, newTime(term.Renewed).Time
			r.Term = &term
		}
		all = append(all, r)
	}
	return all
}

// testClock is a clock that a test sets.
type testClock struct {
	wall   time.Time
	uptime time.Duration
}

func (c *testClock) read() (time.Time, time.Duration) { return c.wall, c.uptime }

func (c *testClock) pass(d time.Duration) { c.wall, c.uptime = c.wall.Add(d), c.uptime+d }
