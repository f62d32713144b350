package inspect

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"

	"etcd-lock/internal/etcdtest"
)

func TestExplain(t *testing.T) {
	const lease = 7
	alive := func(granted, remaining time.Duration) Lease {
		return Lease{State: LeaseAlive, Granted: granted, Remaining: remaining}
	}
	healthy, late := alive(60*time.Second, 50*time.Second), alive(60*time.Second, 20*time.Second)
	gone := Lease{State: LeaseGone}
	tests := []struct {
		name   string
		before Lease
		after  time.Duration // how long after that look-up it went
		alone  bool
		now    Lease
		want   EventKind
	}{
		{"given back", healthy, time.Second, true, healthy, EventReleased},
		{"given back in the last moment", late, 30 * time.Second, true, alive(60*time.Second, 59*time.Second), EventReleased},
		{"given back or closed", healthy, time.Second, true, gone, EventReleased},
		{"closed", healthy, time.Second, false, gone, EventRevoked},
		{"closed when it was late", late, time.Second, false, gone, EventRevoked},
		{"ran out", late, 20 * time.Second, true, gone, EventExpired},
		{"ran out with others", late, 21 * time.Second, false, gone, EventExpired},
		{"the look-up is too old", healthy, 51 * time.Second, false, gone, EventEnded},
		{"the look-up is too old, and it lives", healthy, 51 * time.Second, false, healthy, EventReleased},
		{"never looked up", Lease{}, time.Second, true, gone, EventEnded},
		{"never looked up with others", Lease{}, time.Second, false, gone, EventEnded},
		{"never looked up, and made just before", Lease{}, -time.Millisecond, true, gone, EventReleased},
		{"no answer", late, 30 * time.Second, false, Lease{}, EventReleased},
		{"a short one ran out", alive(2*time.Second, 0), 0, true, gone, EventExpired},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newExitCauses()
			e.learn(epoch, map[int64]Lease{lease: tt.before})
			e.made[lease] = epoch.Add(-time.Second / 2)
			ev := Event{Kind: EventReleased, Request: Request{Lease: lease}, Time: epoch.Add(tt.after)}
			e.explain(exit{event: &ev, alone: tt.alone}, tt.now)
			if ev.Kind != tt.want || ev.Session != tt.now.State {
				t.Errorf("%s, session %d; want %s, %d", ev.Kind, ev.Session, tt.want, tt.now.State)
			}
		})
	}
}

// TestFollow: a session that has other requests is alive, and so is one
// that makes a request later.
func TestFollow(t *testing.T) {
	db := newStore()
	s := newState(nil, db.listing(), nil)
	e := newExitCauses()
	step := func(change func()) []Event {
		change()
		return s.apply(db.commit(), epoch)
	}
	put := func(key string, lease int64) func() { return func() { db.put(key, "", lease) } }
	del := func(keys ...string) func() {
		return func() {
			for _, key := range keys {
				db.del(key)
			}
		}
	}
	step(put("a/write/1", 1))
	e.recount(s.snapshot())
	events := slices.Concat(
		step(put("a/write/2", 2)), step(put("b/write/2", 2)), step(put("c/write/1", 1)), step(put("a/write/0", 0)),
		step(del("a/write/0")), // has no session
		step(del("a/write/1")), // and with it the second one gets in, which is no new request
		step(del("c/write/1")),
		step(put("d/write/3", 3)), step(del("d/write/3")), step(put("d/write/3", 3)), step(del("d/write/3")),
		step(del("a/write/2", "b/write/2")),
	)
	var got []string
	for _, o := range e.follow(events) {
		got = append(got, fmt.Sprint(o.event.Request.Key, " ", o.alone))
	}
	if want := []string{"c/write/1 true", "d/write/3 true", "a/write/2 false", "b/write/2 false"}; !slices.Equal(got, want) {
		t.Errorf("to look up: %q, want %q", got, want)
	}
	var alive []string
	for _, ev := range events {
		if ev.Session == LeaseAlive {
			alive = append(alive, ev.Request.Key)
		}
	}
	if want := []string{"a/write/1", "d/write/3"}; !slices.Equal(alive, want) {
		t.Errorf("alive without a look-up: %q, want %q", alive, want)
	}
}

func TestDue(t *testing.T) {
	db := newStore()
	for i := range int64(100) {
		db.put(fmt.Sprintf("l%02d/write/1", i), "", 100+i)
	}
	db.put("free/write/1", "", 0)
	db.commit()
	db.put("l50/write/2", "", 1)
	db.commit()
	s := newState(nil, db.listing(), nil).snapshot()
	e := newExitCauses()
	e.recount(s)
	first := e.due(s, epoch)
	if len(first) != MaxLeases || first[0] != 150 || first[1] != 1 {
		t.Fatalf("%d leases, first %v; want the contended one's holder first", len(first), first)
	}
	answers := map[int64]Lease{}
	for _, id := range first {
		answers[id] = Lease{State: LeaseAlive, Granted: time.Minute, Remaining: time.Minute}
	}
	e.learn(epoch, answers)
	if rest := e.due(s, epoch); len(rest) != 101-MaxLeases || slices.Contains(rest, 1) {
		t.Errorf("%d leases, want the others", len(rest))
	}
	if again := e.due(s, epoch.Add(30*time.Second)); len(again) != MaxLeases || again[0] != 150 || !cmp.Equal(answers[again[1]], Lease{}) {
		t.Errorf("%d leases, first %v; want the holder, then those never looked up", len(again), again)
	}
	e.recount(Snapshot{})
	if len(e.deadlines) > 0 {
		t.Errorf("%d leases are kept that have no requests", len(e.deadlines))
	}
}

// TestPause: a lease of a few seconds is looked up often enough to see that it runs out.
func TestPause(t *testing.T) {
	const usual = 2 * time.Second
	for _, tt := range []struct {
		granted, remaining time.Duration // of the last look-up
		after, want        time.Duration
	}{
		{0, 0, 0, usual}, // none
		{time.Minute, time.Minute, 0, usual},
		{time.Minute, 50 * time.Second, 24 * time.Second, time.Second},
		{3 * time.Second, 2 * time.Second, 0, time.Second},
		{3 * time.Second, time.Second, 0, time.Second / 2},
		{3 * time.Second, 0, 0, usual}, // late: nothing more is to be found out in time
		{time.Minute, 30 * time.Second, time.Hour, usual},
		{6 * time.Second, 4 * time.Second, time.Hour, usual / 4},
	} {
		e := newExitCauses()
		if tt.granted > 0 {
			e.learn(epoch, map[int64]Lease{7: {State: LeaseAlive, Granted: tt.granted, Remaining: tt.remaining}})
		}
		if got := e.pause(epoch.Add(tt.after), usual); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

// TestNewLeaseIsLookedUpInTime: a lease that is made between two rounds is looked up before
// it is old enough to have expired, so that its client's release is known to be one, but
// not when it is as new as most locks are when they are released.
func TestNewLeaseIsLookedUpInTime(t *testing.T) {
	const usual, late = 2 * time.Second, 100 * time.Millisecond
	db := newStore()
	s := newState(nil, db.listing(), nil)
	e := newExitCauses()
	if got := e.pause(epoch, usual); got != usual {
		t.Errorf("pause %v, want %v", got, usual)
	}
	db.put("a/write/1", "", 7)
	e.follow(s.apply(db.commit(), epoch))
	if got := e.due(s.snapshot(), epoch.Add(late)); len(got) > 0 {
		t.Errorf("%d is looked up at once", got)
	}
	at := epoch.Add(late).Add(e.pause(epoch.Add(late), usual))
	if got := e.due(s.snapshot(), at); !slices.Equal(got, []int64{7}) || at.Sub(epoch) >= shortestTTL {
		t.Errorf("after %v: %d", at.Sub(epoch), got)
	}
	if got := e.pause(at, usual); got != usual {
		t.Errorf("pause %v after it was looked up, want %v", got, usual)
	}
	e.learn(at, map[int64]Lease{7: {State: LeaseAlive, Granted: 5 * time.Second, Remaining: 4 * time.Second}})
	ev := Event{Kind: EventReleased, Request: Request{Lease: 7}, Time: epoch.Add(3 * time.Second)}
	e.explain(exit{event: &ev, alone: true}, Lease{State: LeaseGone})
	if ev.Kind != EventReleased {
		t.Errorf("it is %s, want %s", ev.Kind, EventReleased)
	}
}

func TestLookupsAreBounded(t *testing.T) {
	e := newExitCauses()
	asked := func(at time.Duration) int {
		var open []exit
		for i := range int64(2 * MaxLeases) {
			open = append(open, exit{event: &Event{Request: Request{Lease: 1 + i}}})
		}
		return len(e.lookup(open, epoch.Add(at)))
	}
	total := 0
	for range 10 {
		n := asked(0)
		if total += n; n > MaxLeases {
			t.Errorf("%d at once", n)
		}
	}
	if total != maxExitLookups || asked(time.Second) != MaxLeases {
		t.Errorf("%d look-ups in a second, want %d", total, maxExitLookups)
	}
}

// TestWatchCauses tells a client's release from the ends of its session.
func TestWatchCauses(t *testing.T) {
	t.Parallel()
	testExits(t, (*Source).WatchCauses, []string{
		"expired /c/write/1 true 2", "released /a/write/1 true 1", "released /d/write/1 true 0",
		"revoked /b/write/1 true 2", "revoked /b/write/2 false 2",
	})
}

// TestWatchKinds: the kinds are the same, but the session of an unlocked lock is not
// looked up.
func TestWatchKinds(t *testing.T) {
	t.Parallel()
	testExits(t, (*Source).WatchKinds, []string{
		"expired /c/write/1 true 2", "released /a/write/1 true 0", "released /d/write/1 true 0",
		"revoked /b/write/1 true 2", "revoked /b/write/2 false 2",
	})
}

// testExits deletes requests in every way there is.
func testExits(t *testing.T, watch func(*Source, context.Context, ...string) <-chan Update, want []string) {
	t.Helper()
	client := etcdtest.Client(t, etcdtest.Start(t))
	s := newSource(client)
	s.tuning.patience = time.Minute // a busy machine must not leave an exit unexplained
	request := func(key string, lease clientv3.LeaseID) {
		if _, err := client.Put(t.Context(), key, "", clientv3.WithLease(lease)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	v := &viewer{t: t, updates: watch(s, ctx, "/")}
	t.Cleanup(func() {
		cancel()
		for range v.updates {
		}
	})
	v.untilRevision(1)
	gone := func() []Event {
		return slices.DeleteFunc(slices.Clone(v.events), func(e Event) bool { return !e.Kind.Gone() })
	}
	kept, revoked := grant(t, client, 60), grant(t, client, 60)
	request("/a/write/1", kept)
	request("/b/write/1", revoked)
	request("/b/write/2", revoked)
	request("/c/write/1", grant(t, client, 5)) // never renewed; late for its last three seconds
	put(t, client, "/d/write/1")
	v.until("the session that ran out", func(Update) bool { return len(gone()) == 1 })
	del(t, client, "/a/write/1")
	del(t, client, "/d/write/1")
	if _, err := client.Revoke(t.Context(), revoked); err != nil {
		t.Fatal(err)
	}
	v.until("all", func(Update) bool { return len(gone()) == 5 })
	var got []string
	for _, e := range gone() {
		got = append(got, fmt.Sprint(e.Kind, " ", e.Request.Key, " ", e.Request.Holding, " ", strconv.Itoa(int(e.Session))))
	}
	if !slices.Equal(got, want) {
		t.Errorf("events = %q, want %q", got, want)
	}
}

// TestWatchCausesKeepsUp: more deletions than may be looked up are reported all the
// same.
func TestWatchCausesKeepsUp(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	s := newSource(client)
	s.tuning.patience = time.Minute // so that only their number limits the look-ups
	const n = MaxLeases + 10
	keys := make([]string, 0, n)
	for i := range n {
		keys = append(keys, fmt.Sprintf("/%04d/write/1", i))
		if _, err := client.Put(t.Context(), keys[i], "", clientv3.WithLease(grant(t, client, 60))); err != nil {
			t.Fatal(err)
		}
	}
	before := goleak.IgnoreCurrent() // the connection stays
	ctx, cancel := context.WithCancel(t.Context())
	v := &viewer{t: t, updates: s.WatchCauses(ctx, "/")}
	v.untilRevision(1)
	if _, err := client.Delete(t.Context(), "/", clientv3.WithPrefix()); err != nil {
		t.Fatal(err)
	}
	v.until("all", func(Update) bool { return len(v.events) == n })
	known := 0
	for _, e := range v.events {
		if e.Session == LeaseAlive {
			known++
		}
		if e.Kind != EventReleased {
			t.Errorf("%s %s", e.Kind, e.Request.Key)
		}
	}
	if known != MaxLeases {
		t.Errorf("%d exits looked up in one update, want %d", known, MaxLeases)
	}
	cancel()
	for range v.updates {
	}
	goleak.VerifyNone(t, before)
}
