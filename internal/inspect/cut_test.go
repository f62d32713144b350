package inspect

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// listingOf is what is read of the keys with these prefixes.
func (s *store) listingOf(prefixes keyspace.Prefixes) listing {
	some := &store{revision: s.revision, keys: maps.Clone(s.keys)}
	maps.DeleteFunc(some.keys, func(key string, _ *mvccpb.KeyValue) bool { return !prefixes.Has(key) })
	return some.listingWith(prefixes)
}

// TestCut: a request for a lock above the prefix, in the way of one below it, counts as no
// request, because not all requests of its lock are read. It is not called a foreign key.
func TestCut(t *testing.T) {
	t.Parallel()
	store := newStore()
	mutex := "/v/write/" + strconv.FormatInt(5, 16)
	before := newState(keyspace.Prefixes{"/v/write/"}, store.listingOf(keyspace.Prefixes{"/v/write/"}), nil)
	for _, key := range []string{"/v/write/first", "/v/write/x/y", mutex, "/v/read/r1"} {
		store.put(key, "", 5)
		if events := store.commit(); key != "/v/read/r1" {
			before.apply(events, epoch)
		}
	}
	listed := func(prefix string) Snapshot {
		prefixes := keyspace.Prefixes{prefix}
		return newState(prefixes, store.listingOf(prefixes), nil).snapshot()
	}
	for name, test := range map[string]struct {
		in   Snapshot
		want []string // of what is in the way
	}{
		"read":    {listed("/v/write/"), []string{"a request for /v, of which only a part was read", "not a lock request"}},
		"watched": {before.snapshot(), []string{"a request for /v, of which only a part was read", "not a lock request"}},
		"whole":   {listed("/v/"), []string{"/v", "not a lock request"}},
	} {
		locks := test.in.Named("/v/write")
		if len(locks) != 1 {
			t.Errorf("%s: locks %+v", name, test.in.Locks)
			continue
		}
		var got []string
		for _, o := range locks[0].Others {
			if o.IsRequest() {
				got = append(got, o.Lock.Name)
			} else {
				got = append(got, o.AsOther())
			}
			if locks[0].IsDetached(o) {
				t.Errorf("%s: %s is said to have lost its lease", name, o.Key)
			}
		}
		if !slices.Equal(got, test.want) || locks[0].Queue[0].Holding {
			t.Errorf("%s: in the way are %q, want %q", name, got, test.want)
		}
	}
	read := newState(keyspace.Prefixes{"/v/write/"}, store.listingOf(keyspace.Prefixes{"/v/write/"}), nil)
	store.put("/v/write/first", "", 0) // without a lease, as clients of the recipe never write it
	read.apply(store.commit(), epoch)
	if o := read.snapshot().Named("/v/write")[0].Others[0]; !o.Cut || o.Lease != 0 {
		t.Errorf("written again: %+v", o)
	}
}

// TestCutLaw: of whatever is in the way below a prefix, that is cut which is a request where
// everything is read; and events say the same as reading anew.
func TestCutLaw(t *testing.T) {
	t.Parallel()
	var cut, foreign int
	for seed := range uint64(10) {
		h := history{rng: rand.New(rand.NewPCG(seed, 1)), store: newStore()}
		prefixes := keyspace.Prefixes{"a/read/"}
		folded := newState(prefixes, h.store.listingOf(prefixes), nil)
		for range 200 {
			events := slices.DeleteFunc(h.step(), func(ev *clientv3.Event) bool { return !prefixes.Has(string(ev.Kv.Key)) })
			if len(events) > 0 {
				folded.apply(events, epoch)
			}
			whole := map[string]bool{}
			for _, l := range h.store.listing().locks {
				for _, r := range l.Queue {
					whole[r.Key] = true
				}
			}
			read := newState(prefixes, h.store.listingOf(prefixes), nil).snapshot()
			if got, want := untimed(folded.snapshot()).Locks, untimed(read).Locks; !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d (-read anew +folded):\n%s", seed, cmp.Diff(want, got))
			}
			for _, l := range read.Locks {
				for _, o := range l.Others {
					switch {
					case whole[o.Key] != (o.IsRequest() || o.Cut):
						t.Fatalf("seed %d: %s is %s", seed, o.Key, o.AsOther())
					case o.Cut:
						cut++
					case !o.IsRequest():
						foreign++
					}
				}
			}
		}
	}
	if cut == 0 || foreign == 0 {
		t.Errorf("%d keys were cut, %d were no requests: neither may be none", cut, foreign)
	}
}
