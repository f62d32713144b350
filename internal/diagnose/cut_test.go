package diagnose

import (
	"slices"
	"strconv"
	"testing"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/locktest"
)

// TestCut: nothing that deletes a request for a lock of which only a part was read is
// advised, by itself or with its lease, and it is nothing to worry about while its lease
// lasts.
func TestCut(t *testing.T) {
	t.Parallel()
	mutex := func(name string, lease, revision int64) inspect.Request {
		return inspect.Request{
			Key: name + "/" + strconv.FormatInt(lease, 16), Lock: inspect.LockID{Layout: layout.Mutex, Name: name},
			Mode: keyspace.Write, Lease: lease, Revision: revision, Modified: revision,
		}
	}
	key := func(lease int64) inspect.Request {
		return inspect.Request{Key: "/v/write/first", Lease: lease, Revision: 2, Modified: 2, Cut: true}
	}
	waiter := mutex("/v/write", 5, 9)
	for name, test := range map[string]struct {
		key      inspect.Request
		requests []inspect.Request
		leases   map[int64]inspect.Lease
		want     map[Kind]Severity
	}{
		"its own key":     {key(5), []inspect.Request{waiter}, nil, map[Kind]Severity{SelfWait: Warning, OtherKey: Notice}},
		"another session": {key(6), []inspect.Request{waiter}, nil, map[Kind]Severity{OtherKey: Notice}},
		"no lease":        {key(0), []inspect.Request{waiter}, nil, map[Kind]Severity{OtherKey: Critical}},
		"overdue": {
			key(6), []inspect.Request{waiter}, map[int64]inspect.Lease{6: {State: inspect.LeaseOverdue}},
			map[Kind]Severity{OtherKey: Critical, LeaseOverdue: Critical},
		},
		"deadlock": {
			key(6), []inspect.Request{waiter, mutex("/w", 5, 3), mutex("/w", 6, 4)}, nil,
			map[Kind]Severity{OtherKey: Notice, Deadlock: Critical},
		},
	} {
		queues := map[inspect.LockID][]inspect.Request{}
		for _, r := range test.requests {
			queues[r.Lock] = append(queues[r.Lock], r)
		}
		d := Locks(inspect.Snapshot{Locks: inspect.NewLocks(queues, test.key)}, test.leases, Thresholds{}, locktest.Epoch)
		got := map[Kind]Severity{}
		for _, f := range d.Findings {
			got[f.Kind] = f.Severity
			if len(f.Locks) == 0 || slices.Contains(f.Locks, inspect.LockID{}) {
				t.Errorf("%s: %s is about the locks %v: a key that is no request has none, but is in the way of some", name, f.Kind, f.Locks)
			}
			for _, r := range f.Remedies {
				deletes := func(gone *inspect.Request) bool { return gone.Key == test.key.Key }
				if r.Target == (Target{}) || slices.ContainsFunc(r.Releases, deletes) {
					t.Errorf("%s: of %s, a remedy deletes %+v", name, f.Kind, r.Target)
				}
			}
			if len(f.Remedies) == 0 && f.Kind == Deadlock {
				t.Errorf("%s: no remedy, but session 5 can be ended", name)
			}
		}
		for kind, severity := range test.want {
			if got[kind] != severity {
				t.Errorf("%s: %s is %s, want %s", name, kind, got[kind], severity)
			}
		}
		if len(got) != len(test.want) {
			t.Errorf("%s: findings %v, want %v", name, got, test.want)
		}
	}
}
