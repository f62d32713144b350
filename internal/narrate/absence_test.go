package narrate_test

import (
	"testing"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/locktest"
	"etcd-lock/internal/narrate"
)

// The keys that begin with a name are counted as what they are: requests for other locks,
// or other keys.
func TestAbsence(t *testing.T) {
	key := inspect.Request{Key: "/a1"}
	for _, tt := range []struct {
		absence inspect.Absence
		want    string
	}{
		{inspect.Absence{}, "/a is free"},
		{inspect.Absence{Count: 1}, "1 key of another lock begins with it"},
		{inspect.Absence{Count: 1, Others: 1, Keys: []inspect.Request{key}}, "1 other key begins with it: /a1 (no lease)"},
		{inspect.Absence{Count: 3, Others: 1, Keys: []inspect.Request{key}}, "3 keys begin with it, 1 of which is no lock request: /a1 (no lease)"},
		{inspect.Absence{Count: 3, Others: 2, Cut: 1, Keys: []inspect.Request{key, {Key: "/v/write/1", Cut: true}}}, "3 keys begin with it, 2 of which are no lock requests, or for a lock of which only a part was read: /a1 (no lease), /v/write/1 (a request for /v, of which only a part was read)"},
		{inspect.Absence{Count: 9, Others: 6, Keys: []inspect.Request{key}}, "9 keys begin with it, 6 of which are no lock requests: /a1 (no lease), 5 more"},
	} {
		want := tt.want
		if tt.absence.Count > 0 {
			want = "no request that etcd-lock knows for /a; " + want
		}
		if got, _ := narrate.Absence("/a", tt.absence); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A waiter that runs under a lock that was not read can be in a deadlock, although none of the
// sessions has keys elsewhere: below /mid/ and /zoo/, of one through /app/ too, nothing shows it.
func TestNested(t *testing.T) {
	t.Parallel()
	queues := map[inspect.LockID][]inspect.Request{}
	add := func(name string, lease int64, under string) {
		id := inspect.LockID{Layout: layout.Mutex, Name: name}
		queues[id] = append(queues[id], inspect.Request{
			Key: name + "/" + string(rune('0'+lease)), Lock: id, Mode: keyspace.Write, Lease: lease, Revision: lease, Modified: lease,
			Holding: len(queues[id]) == 0, Owner: keyspace.Owner{Under: under}.Ref(),
		})
	}
	add("/mid/m", 1, "")
	add("/zoo/s", 2, "")
	add("/zoo/s", 3, "/app/o/9")
	add("/mid/m", 4, "/zoo/s/2")
	add("/zoo/other", 5, "")
	s := inspect.Snapshot{Locks: inspect.NewLocks(queues), Prefixes: keyspace.NewPrefixes("/mid/", "/zoo/")}
	d := diagnose.Locks(s, nil, diagnose.Thresholds{}, locktest.Epoch)
	want := "whether lease 0000000000000003, which waits for /zoo/s, is in a deadlock: it runs under a lock that was not read, below /app/; --prefix /app/ --prefix /mid/ --prefix /zoo/ reads that too"
	for name, n := range map[string]int{"": 1, "/zoo/s": 1, "/mid/m": 1, "/zoo/other": 0} {
		nested := d.Nested(name, 8)
		if len(nested) != n || n > 0 && narrate.Present.Nested(nested[0], s.Prefixes, narrate.PrefixFlags) != want {
			t.Errorf("of %q: %+v", name, nested)
		}
	}
	d.Snapshot.Prefixes = nil
	if nested := d.Nested("", 8); len(nested) > 0 {
		t.Errorf("everything was read: %+v", nested)
	}
}
