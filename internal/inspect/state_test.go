package inspect

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// store is what etcd would do: it holds keys, and makes the events of a
// revision.
type store struct {
	revision int64
	keys     map[string]*mvccpb.KeyValue
	events   []*clientv3.Event // of the revision in the making
}

func newStore() *store { return &store{revision: 1, keys: map[string]*mvccpb.KeyValue{}} }

func (s *store) put(key, value string, lease int64) {
	kv := &mvccpb.KeyValue{Key: []byte(key), Value: []byte(value), Lease: lease, CreateRevision: s.revision + 1, ModRevision: s.revision + 1, Version: 1}
	if old, ok := s.keys[key]; ok {
		kv.CreateRevision, kv.Version = old.CreateRevision, old.Version+1
	}
	s.keys[key] = kv
	s.events = append(s.events, &clientv3.Event{Type: clientv3.EventTypePut, Kv: kv})
}

func (s *store) del(key string) {
	if _, ok := s.keys[key]; !ok {
		return
	}
	delete(s.keys, key)
	kv := &mvccpb.KeyValue{Key: []byte(key), ModRevision: s.revision + 1}
	s.events = append(s.events, &clientv3.Event{Type: clientv3.EventTypeDelete, Kv: kv})
}

// commit ends the revision and returns its events.
func (s *store) commit() []*clientv3.Event {
	events := s.events
	if s.events = nil; len(events) > 0 {
		s.revision++
	}
	return events
}

func (s *store) listing() listing { return s.listingWith(nil) }

func (s *store) listingWith(prefixes keyspace.Prefixes) listing {
	l := newListing(prefixes, layout.Builtin())
	l.revision = s.revision
	for _, key := range slices.Sorted(maps.Keys(s.keys)) {
		kvs := []*mvccpb.KeyValue{s.keys[key]}
		l.addKeys(namesOf(kvs), kvs, 1)
		l.addValues(kvs)
	}
	l.makeLocks()
	return l
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// TestFoldLaw: folding events is the same as reading everything anew.
func TestFoldLaw(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			h := history{rng: rand.New(rand.NewPCG(seed, 1)), store: newStore()}
			s := newState(nil, h.store.listing(), nil)
			standings := map[string]EventKind{}
			for range 150 {
				before := s.snapshot()
				kept := untimed(before)
				for range 1 + h.rng.IntN(4) { // more than one change the same copy
					old := s.copyLocks()
					events := s.apply(h.step(), epoch)
					checkEvents(t, events, old, s.copyLocks(), Snapshot{keys: h.store.listing().keys})
					for _, e := range events {
						track(t, standings, e)
					}
				}
				if !reflect.DeepEqual(untimed(before), kept) {
					t.Fatal("a snapshot changed after it was taken")
				}
				want := newState(nil, h.store.listing(), nil).snapshot()
				if got := untimed(s.snapshot()); !reflect.DeepEqual(got, untimed(want)) {
					t.Fatalf("revision %d (-read anew +folded):\n%s", h.store.revision, cmp.Diff(want.Locks, got.Locks))
				}
			}
			checkStandings(t, standings, s.snapshot())
		})
	}
}

// copyLocks copies the locks: the state may change queues in place.
func (s *state) copyLocks() map[LockID]Lock {
	locks := map[LockID]Lock{}
	for id, l := range s.locks {
		if l.exists() {
			locks[id] = Lock{ID: id, Queue: slices.Clone(l.Queue), Others: l.Others, MoreOthers: l.MoreOthers, Candidates: l.Candidates}
		}
	}
	return locks
}

// checkEvents holds that events are the difference between two states of locks,
// in order.
func checkEvents(t *testing.T, events []Event, before, after map[LockID]Lock, now Snapshot) {
	t.Helper()
	ids := map[LockID]bool{}
	for id := range before {
		ids[id] = true
	}
	for id := range after {
		ids[id] = true
	}
	var want []string
	for _, id := range slices.SortedFunc(maps.Keys(ids), LockID.Compare) {
		want = append(want, lines(compareLocks(before[id], after[id], now))...)
	}
	if got := lines(events); !slices.Equal(got, want) {
		t.Fatalf("events = %q, want %q", got, want)
	}
}

// history makes up changes: leases come and go, keys are written and written
// again, several at once.
type history struct {
	rng   *rand.Rand
	store *store
}

func (h *history) step() []*clientv3.Event {
	if h.rng.IntN(10) == 0 {
		h.revoke(h.lease())
		return h.store.commit()
	}
	touched := map[string]bool{} // etcd refuses to touch a key twice in one revision
	for range 1 + h.rng.IntN(4) {
		key, lease := h.key(), h.lease()
		switch {
		case touched[key]:
		case h.rng.IntN(3) == 0:
			h.store.del(key)
		default:
			h.store.put(key, h.value(key), lease)
		}
		touched[key] = true
	}
	return h.store.commit()
}

func (h *history) revoke(lease int64) {
	for key, kv := range h.store.keys {
		if kv.Lease == lease {
			h.store.del(key)
		}
	}
}

func (h *history) lease() int64 { return int64(h.rng.IntN(4)) }

func (h *history) value(key string) string {
	if v := valuesBeside(key); v != nil && h.rng.IntN(5) > 0 {
		return v[h.rng.IntN(len(v))]
	}
	owner := keyspace.Owner{Host: "h", PID: h.rng.IntN(3), Time: epoch.Add(-time.Minute)}
	return []string{"", "data", owner.Encode()}[h.rng.IntN(3)]
}

func (h *history) key() string {
	if h.rng.IntN(3) == 0 {
		return keysOfOthers[h.rng.IntN(len(keysOfOthers))]
	}
	name := []string{"a", "a/b", "a/read", "c\n"}[h.rng.IntN(4)]
	dir := []string{"/read/", "/write/", "/", "/else/"}[h.rng.IntN(4)]
	return name + dir + strconv.Itoa(1+h.rng.IntN(3))
}

// track follows requests by nothing but their events.
func track(t *testing.T, standings map[string]EventKind, e Event) {
	t.Helper()
	id := fmt.Sprint(e.Request.Lock, e.Request.Key, e.Request.Revision)
	if e.Kind.OfOther() {
		id = besideID(e.Blocked, e.Request)
	}
	before := standings[id]
	switch e.Kind {
	case EventBlocks:
		if before != "" || e.Blocked == (LockID{}) {
			t.Fatalf("%s %s after %q", e.Kind, id, before)
		}
		standings[id] = e.Kind
	case EventCleared:
		if before != EventBlocks {
			t.Fatalf("%s %s after %q", e.Kind, id, before)
		}
		delete(standings, id)
	case EventDetached:
		if before == "" {
			t.Fatalf("%s %s after nothing", e.Kind, id)
		}
		delete(standings, id)
	case EventReleased, EventLeft:
		want := map[EventKind]EventKind{EventReleased: EventGranted, EventLeft: EventWaiting}[e.Kind]
		if before != want {
			t.Fatalf("%s %s after %q", e.Kind, id, before)
		}
		delete(standings, id)
	default:
		if before == e.Kind || e.Request.Holding != (e.Kind == EventGranted) {
			t.Fatalf("%s %s after %q, holding: %v", e.Kind, id, before, e.Request.Holding)
		}
		standings[id] = e.Kind
	}
}

// besideID identifies a key in the way of a lock among standings.
func besideID(id LockID, other Request) string {
	return fmt.Sprint(id, "beside", other.Key, other.Revision)
}

// standingsOf returns the last event of each request, and of each key in the way.
func standingsOf(s Snapshot) map[string]EventKind {
	all := map[string]EventKind{}
	for _, l := range s.Locks {
		for _, r := range l.Queue {
			if r.quiet() {
				continue
			}
			all[fmt.Sprint(r.Lock, r.Key, r.Revision)] = standing(r).Kind
		}
		for _, o := range l.Others {
			all[besideID(l.ID, o)] = EventBlocks
		}
	}
	return all
}

// checkStandings holds that events lead to where the snapshot is.
func checkStandings(t *testing.T, standings map[string]EventKind, s Snapshot) {
	t.Helper()
	want := standingsOf(s)
	if diff := cmp.Diff(want, standings); diff != "" {
		t.Errorf("by snapshot, by events:\n%s", diff)
	}
}

func TestEvents(t *testing.T) {
	type op struct {
		key   string
		lease int64
		del   bool
	}
	put := func(key string) op { return op{key: key} }
	del := func(key string) op { return op{key: key, del: true} }
	tests := []struct {
		name      string
		revisions [][]op
		want      []string // of the last revision
		other     int
	}{
		{"first", [][]op{{put("a/write/1")}}, []string{"granted a/write/1"}, 0},
		{"second", [][]op{{put("a/write/1")}, {put("a/read/2")}}, []string{"waiting a/read/2"}, 0},
		{"release", [][]op{{put("a/write/1")}, {del("a/write/1")}}, []string{"released a/write/1"}, 0},
		{"give up", [][]op{{put("a/write/1")}, {put("a/write/2")}, {del("a/write/2")}}, []string{"left a/write/2"}, 0},
		{"a writer leaves, the reader behind it gets in", [][]op{{put("a/read/1")}, {put("a/write/2")}, {put("a/read/3")}, {del("a/write/2")}}, []string{"left a/write/2", "granted a/read/3"}, 0},
		{"two waiters, one turn", [][]op{{put("a/write/1")}, {put("a/write/2")}, {put("a/write/3")}, {del("a/write/1")}}, []string{"released a/write/1", "granted a/write/2"}, 0},
		{"readers get in together", [][]op{{put("a/write/1")}, {put("a/read/2")}, {put("a/read/3")}, {del("a/write/1")}}, []string{"released a/write/1", "granted a/read/2", "granted a/read/3"}, 0},
		{"downgrade", [][]op{{put("a/write/1")}, {del("a/write/1"), put("a/read/1")}}, []string{"released a/write/1", "granted a/read/1"}, 0},
		{"several locks at once", [][]op{{put("b/write/1"), put("a/write/1")}}, []string{"granted a/write/1", "granted b/write/1"}, 0},
		{"all gone at once", [][]op{{put("a/write/1")}, {put("a/write/2")}, {del("a/write/1"), del("a/write/2")}}, []string{"released a/write/1", "left a/write/2"}, 0},
		{"written again", [][]op{{put("a/write/1")}, {put("a/write/2")}, {put("a/write/1")}}, nil, 0},
		{"nested names", [][]op{{put("a/write/1")}, {put("a/write/b/write/1")}}, []string{"granted a/write/b/write/1"}, 0},
		{"mutex", [][]op{{{key: "a/1f", lease: 0x1f}}, {{key: "a/20", lease: 0x20}}}, []string{"waiting a/20"}, 0},
		{"a recipe's writer waits for a mutex", [][]op{{{key: "a/1f", lease: 0x1f}}, {put("a/write/1")}}, []string{"blocks a/1f", "waiting a/write/1"}, 0},
		{"another key gets in the way", [][]op{{put("a/b")}, {{key: "a/20", lease: 0x20}}}, []string{"blocks a/b", "waiting a/20"}, 1},
		{"another key in the way", [][]op{{put("a/b")}, {{key: "a/20", lease: 0x20}}, {del("a/b")}}, []string{"cleared a/b", "granted a/20"}, 0},
		{"another key in the way of none any more", [][]op{{put("a/b")}, {{key: "a/20", lease: 0x20}}, {del("a/20")}}, []string{"left a/20", "cleared a/b"}, 1},
		{"another key in the way is written again", [][]op{{put("a/b")}, {{key: "a/20", lease: 0x20}}, {put("a/b")}}, nil, 1},
		{"another key comes later", [][]op{{{key: "a/20", lease: 0x20}}, {put("a/b")}}, nil, 1},
		{"a request of a lock below", [][]op{{put("a/b/write/1")}, {{key: "a/20", lease: 0x20}}, {del("a/b/write/1")}}, []string{"cleared a/b/write/1", "granted a/20", "released a/b/write/1"}, 0},
		{"two keys in the way", [][]op{{put("a/b"), put("a/c")}, {{key: "a/20", lease: 0x20}}, {del("a/b")}}, []string{"cleared a/b"}, 1},
		{"other", [][]op{{put("a")}, {put("b")}, {put("b")}, {del("a")}}, nil, 1},
		{"a mutex loses its lease", [][]op{{{key: "a/1f", lease: 0x1f}}, {put("a/1f")}}, []string{"detached a/1f"}, 1},
		{"a mutex loses its lease while another waits", [][]op{{{key: "a/1f", lease: 0x1f}}, {{key: "a/20", lease: 0x20}}, {put("a/1f")}}, []string{"detached a/1f", "blocks a/1f"}, 1},
		{"a key gets a lease and is a mutex", [][]op{{put("a/1f")}, {{key: "a/20", lease: 0x20}}, {{key: "a/1f", lease: 0x1f}}}, []string{"cleared a/1f", "granted a/1f"}, 0},
		{"another layout by another lease", [][]op{{put("a/read/1f")}, {{key: "a/read/1f", lease: 0x1f}}}, []string{"detached a/read/1f", "granted a/read/1f"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db := newStore()
			s := newState(nil, db.listing(), nil)
			var last []Event
			for _, ops := range tt.revisions {
				for _, o := range ops {
					if o.del {
						db.del(o.key)
					} else {
						db.put(o.key, "", o.lease)
					}
				}
				last = s.apply(db.commit(), epoch)
			}
			if got := lines(last); !slices.Equal(got, tt.want) {
				t.Errorf("events = %q, want %q", got, tt.want)
			}
			for _, e := range last {
				if e.Revision != db.revision || !e.Time.Equal(epoch) {
					t.Errorf("%s at %d, %v; want %d, %v", e.Kind, e.Revision, e.Time, db.revision, epoch)
				}
			}
			if s.other != tt.other {
				t.Errorf("other = %d, want %d", s.other, tt.other)
			}
		})
	}
}

func TestSince(t *testing.T) {
	const key = "a/write/1"
	now, later, asked := epoch, epoch.Add(time.Minute), epoch.Add(-time.Hour)
	owner := keyspace.Owner{Host: "h", Time: asked}.Encode()
	since := func(s *state) time.Time {
		r, _ := s.find(key)
		return r.Since
	}
	t.Run("UnknownInAListing", func(t *testing.T) {
		db := newStore()
		db.put(key, "", 0)
		db.commit()
		if got := since(newState(nil, db.listing(), nil)); !got.IsZero() {
			t.Errorf("Since = %v, want zero", got)
		}
	})
	t.Run("OwnerKnows", func(t *testing.T) {
		db := newStore()
		s := newState(nil, db.listing(), nil)
		db.put(key, owner, 0)
		s.apply(db.commit(), now)
		if got := since(s); !got.Equal(asked) {
			t.Errorf("Since = %v, want the owner's %v", got, asked)
		}
	})
	t.Run("KeptWhenWrittenAgainOrReadAnew", func(t *testing.T) {
		db := newStore()
		s := newState(nil, db.listing(), nil)
		db.put(key, "", 0)
		s.apply(db.commit(), now)
		db.put(key, "x", 0)
		s.apply(db.commit(), later)
		s = newState(nil, db.listing(), s)
		if got := since(s); !got.Equal(now) {
			t.Errorf("Since = %v, want %v", got, now)
		}
	})
	t.Run("NotKeptForAnotherRequest", func(t *testing.T) {
		db := newStore()
		s := newState(nil, db.listing(), nil)
		db.put(key, "", 0)
		s.apply(db.commit(), now)
		db.del(key)
		db.commit()
		db.put(key, "", 0)
		db.commit()
		if got := since(newState(nil, db.listing(), s)); !got.IsZero() {
			t.Errorf("Since = %v, want zero", got)
		}
	})
}

// TestSnapshotShares: a change copies the list, not the locks.
func TestSnapshotShares(t *testing.T) {
	db := newStore()
	db.put("a/write/1", "", 0)
	db.put("b/write/1", "", 0)
	db.commit()
	s := newState(nil, db.listing(), nil)
	before := s.snapshot()
	if again := s.snapshot(); &again.Locks[0] != &before.Locks[0] {
		t.Error("nothing changed, yet the list was copied")
	}
	db.put("b/write/2", "", 0)
	s.apply(db.commit(), epoch)
	after := s.snapshot()
	if &after.Locks[0].Queue[0] != &before.Locks[0].Queue[0] {
		t.Error("lock a was rebuilt, though only b was touched")
	}
	if len(before.Locks[1].Queue) != 1 || len(after.Locks[1].Queue) != 2 {
		t.Errorf("queues of b: %d before, %d after", len(before.Locks[1].Queue), len(after.Locks[1].Queue))
	}
}
