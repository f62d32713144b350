package inspect

import (
	"errors"
	"slices"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// watching is a publisher without its goroutines, at a time that the test sets.
type watching struct {
	*publisher
	db    *store
	clock time.Time
}

func newWatching(db *store) *watching {
	w := &watching{db: db, clock: epoch}
	w.publisher = newPublisher(nil, layout.Builtin(), nil, func() time.Time { return w.clock }, &unread{})
	w.relist()
	return w
}

func (w *watching) relist() {
	w.db.commit()
	l := w.db.listing()
	w.handle(change{listing: &l})
}

func (w *watching) pass(d time.Duration) { w.clock = w.clock.Add(d) }

func (w *watching) commit() { w.handle(change{events: w.db.commit()}) }

// says returns how long a request has held or waited.
func (w *watching) says(key string) string {
	r, _ := w.state.find(key)
	return r.Standing() + " " + r.Start().Short(w.clock)
}

func (w *watching) want(t *testing.T, key, want string) {
	t.Helper()
	if got := w.says(key); got != want {
		t.Errorf("%s: %s, want %s", key, got, want)
	}
}

// A hold counts from its grant where the watch saw that, a wait from its request;
// what is older than the watch has bounds.
func TestStart(t *testing.T) {
	const first, second = "a/write/1", "a/write/2"
	asked := keyspace.Owner{Host: "h", Time: epoch.Add(-12 * time.Minute)}.Encode()
	queued := func(value string) *store {
		db := newStore()
		db.put(first, value, 0)
		db.commit()
		db.put(second, value, 0)
		return db
	}
	t.Run("OlderThanTheWatch", func(t *testing.T) {
		w := newWatching(queued(""))
		w.pass(54 * time.Second)
		w.want(t, first, "holding ≥54s")
		w.want(t, second, "waiting ≥54s")
	})
	t.Run("OwnersKnowWhenTheyAsked", func(t *testing.T) {
		w := newWatching(queued(asked))
		w.pass(54 * time.Second)
		w.want(t, first, "holding ≤12m54s")
		w.want(t, second, "waiting 12m54s")
	})
	t.Run("GrantedAfterAWait", func(t *testing.T) {
		w := newWatching(queued(asked))
		w.pass(time.Minute)
		w.db.del(first)
		w.commit()
		w.pass(3 * time.Second)
		w.want(t, second, "holding 3s")
		w.db.put(second, "written again", 0)
		w.pass(time.Second)
		w.commit()
		w.want(t, second, "holding 4s")
		w.relist()
		w.pass(time.Second)
		w.want(t, second, "holding 5s")
	})
	t.Run("GrantedAtOnce", func(t *testing.T) {
		db := newStore()
		w := newWatching(db)
		db.put(first, "", 0)
		w.commit()
		db.put(second, "", 0)
		w.pass(2 * time.Second)
		w.commit()
		w.pass(time.Second)
		w.want(t, first, "holding 3s")
		w.want(t, second, "waiting 1s")
	})
	t.Run("GrantedWhileEtcdWasLost", func(t *testing.T) {
		w := newWatching(queued(""))
		w.pass(time.Minute)
		w.handle(change{failed: errors.New("down")})
		w.db.del(first)
		w.db.put("a/write/3", "", 0)
		w.pass(time.Minute)
		w.commit()
		w.pass(time.Second)
		w.want(t, second, "holding ≥1s")
		w.want(t, "a/write/3", "waiting ≥1s")
	})
	t.Run("GrantedBetweenListings", func(t *testing.T) {
		w := newWatching(queued(asked))
		w.pass(time.Minute)
		w.db.del(first)
		w.relist()
		w.pass(time.Second)
		w.want(t, second, "holding ≤13m1s")
	})
	t.Run("OwnersClockIsAhead", func(t *testing.T) {
		w := newWatching(queued(keyspace.Owner{Host: "h", Time: epoch.Add(time.Hour)}.Encode()))
		w.pass(5 * time.Second)
		w.want(t, first, "holding ≥5s")
		w.want(t, second, "waiting ≥5s")
	})
}

// The longest wait is that of the first waiter: when only a later one noted a
// time, that is a lower bound. Of holds it is unknown which one is longest.
func TestLongest(t *testing.T) {
	request := func(holding bool, made, seen time.Duration) Request {
		r := Request{Holding: holding}
		if made != 0 {
			r.Since = epoch.Add(-made)
		}
		if seen != 0 {
			r.Seen = epoch.Add(-seen)
		}
		return r
	}
	for name, tt := range map[string]struct {
		queue       []Request
		hold, waits string
	}{
		"Empty":       {nil, "-", "-"},
		"Known":       {[]Request{request(true, 9*time.Second, 0), request(false, 7*time.Second, 0), request(false, 5*time.Second, 0)}, "≤9s", "7s"},
		"FirstIsNot":  {[]Request{request(true, 0, 0), request(true, 9*time.Second, 0), request(false, 0, 0), request(false, 5*time.Second, 0)}, "-", "≥5s"},
		"Watched":     {[]Request{request(true, 0, 3*time.Second), request(false, 0, 3*time.Second)}, "≥3s", "≥3s"},
		"SomeWatched": {[]Request{request(true, 9*time.Second, 4*time.Second), request(true, 0, 3*time.Second)}, "≥4s", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			l := Lock{Queue: tt.queue}
			if got := l.LongestHold().Short(epoch); got != tt.hold {
				t.Errorf("hold %s, want %s", got, tt.hold)
			}
			if got := l.LongestWait().Short(epoch); got != tt.waits {
				t.Errorf("wait %s, want %s", got, tt.waits)
			}
		})
	}
}

// etcd says in which raft term it answers for a lease.
func TestLeaseTerm(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	id := int64(grant(t, client, 100))
	leases, err := newSource(client).Leases(t.Context(), []int64{id}, Snapshot{})
	if err != nil || leases[id].State != LeaseAlive || leases[id].Term == 0 {
		t.Fatalf("%+v, %v", leases, err)
	}
	if got, err := client.Status(t.Context(), client.Endpoints()[0]); err != nil || got.RaftTerm != leases[id].Term {
		t.Errorf("term %d, want that of the member: %+v, %v", leases[id].Term, got, err)
	}
}

// A new leader starts all TTLs anew, in another term: that is how it is told from a
// renewal.
func TestLeaderChangeStartsTTLsAnew(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.StartCluster(t, 3)
	var endpoints []string
	for _, p := range cluster.Members {
		endpoints = append(endpoints, p.Endpoint)
	}
	client := etcdtest.Client(t, endpoints...)
	id := int64(grant(t, client, 600))
	lookUp := func() (l Lease, ends time.Time) {
		at := time.Now()
		leases, err := newSource(client).Leases(t.Context(), []int64{id}, Snapshot{})
		if err != nil {
			return Lease{}, at
		}
		return leases[id], at.Add(leases[id].Remaining)
	}
	var before Lease
	var ended time.Time
	etcdtest.Eventually(t, "the lease has grown old", func() bool {
		before, ended = lookUp()
		return before.State == LeaseAlive && before.Remaining <= 596*time.Second
	})
	leader := cluster.Leader(t.Context())
	status, err := client.Status(t.Context(), leader.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	members, err := client.MemberList(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next := slices.DeleteFunc(members.Members, func(m *etcdserverpb.Member) bool { return m.ID == status.Leader })[0]
	if _, err := etcdtest.Client(t, leader.Endpoint).MoveLeader(t.Context(), next.ID); err != nil {
		t.Fatal(err)
	}
	etcdtest.Eventually(t, "a new leader", func() bool {
		after, ends := lookUp()
		if after.State == LeaseAlive && after.Term == before.Term && ends.Sub(ended) > 2*time.Second {
			t.Fatalf("the TTL rose within term %d: %+v, before %+v", after.Term, after, before)
		}
		return after.State == LeaseAlive && after.Term > before.Term && ends.Sub(ended) > 2*time.Second
	})
}
