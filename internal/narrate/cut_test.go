package narrate_test

import (
	"strings"
	"testing"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/locktest"
	"etcd-lock/internal/narrate"
)

// TestCut: no text calls a request for a lock of which only a part was read no lock request.
func TestCut(t *testing.T) {
	t.Parallel()
	id := inspect.LockID{Layout: layout.Mutex, Name: "/v/write"}
	waiter := inspect.Request{Key: "/v/write/5", Lock: id, Mode: keyspace.Write, Lease: 5, Revision: 9, Modified: 9, Since: locktest.Epoch.AddDate(0, 0, -1)}
	for key, what := range map[string]string{
		"/v/write/first": "a request for /v, of which only a part was read",
		"/v/write/slot/": "a request for a lock of which only a part was read",
	} {
		cut := inspect.Request{Key: key, Lease: 6, Revision: 2, Modified: 2, Cut: true}
		d := diagnose.Locks(inspect.Snapshot{Locks: inspect.NewLocks(map[inspect.LockID][]inspect.Request{id: {waiter}}, cut)}, nil, diagnose.Thresholds{}, locktest.Epoch)
		var texts []string
		for _, f := range d.Findings {
			text := narrate.Present.Finding(f)
			texts = append(append(texts, text.Headline), text.Clauses...)
		}
		for _, chain := range d.About(id.Name).Chains {
			for _, e := range chain {
				texts = append(texts, narrate.Present.Edge(e))
			}
		}
		all := strings.Join(append(texts, narrate.Other(cut)), "\n")
		if strings.Contains(all, "not a lock request") || strings.Count(all, what) < 3 {
			t.Errorf("%s: no text may call it foreign, and several say what it is:\n%s", key, all)
		}
	}
}

// A key that is no request, such as a leader's that was written again on the lease of the next
// candidate, is on the lease of the session that waits for it. Its own thread need not be who
// can delete it: the leader that resigns does.
func TestSelfWaitBehindAnotherKey(t *testing.T) {
	t.Parallel()
	id := inspect.LockID{Layout: layout.Mutex, Name: "/e"}
	waiter := inspect.Request{Key: "/e/5", Lock: id, Mode: keyspace.Write, Lease: 5, Revision: 9, Modified: 9}
	key := inspect.Request{Key: "/e/4", Lease: 5, Revision: 2, Modified: 10}
	d := diagnose.Locks(inspect.Snapshot{Locks: inspect.NewLocks(map[inspect.LockID][]inspect.Request{id: {waiter}}, key)}, nil, diagnose.Thresholds{}, locktest.Epoch)
	says := narrate.Outlook(d, d.Snapshot.Locks[0], d.Findings, 4)
	for _, f := range d.Findings {
		text := narrate.Present.Finding(f)
		says = append(append(says, text.Headline), text.Clauses...)
	}
	all := strings.Join(says, "\n")
	for _, want := range []string{
		"behind a key of its own lease: it gets that only if that key is deleted first",
		"waits for /e (mutex) behind /e/4, a key of its own lease",
		"lasts as long as that lease, unless that key is deleted",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	if strings.Contains(all, "thread") {
		t.Errorf("its threads have nothing to do with it:\n%s", all)
	}
}
