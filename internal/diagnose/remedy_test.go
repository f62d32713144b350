package diagnose

import (
	"testing"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/locktest"
)

// TestRemedyOfSharedLease wants each lock's own key to be deleted, where a client has all of
// its locks on one lease.
func TestRemedyOfSharedLease(t *testing.T) {
	rule := layout.Builtin().Rule("cilium")
	queues := map[inspect.LockID][]inspect.Request{}
	add := func(name, key string, lease, revision int64) {
		id := inspect.LockID{Layout: rule, Name: name}
		queues[id] = append(queues[id], inspect.Request{Key: name + "/" + key, Lock: id, Mode: keyspace.Write, Lease: lease, Revision: revision, Modified: revision})
	}
	add("cilium/web", "a", 10, 1)
	add("cilium/db", "a", 10, 2)
	add("cilium/web", "b", 11, 3)
	add("cilium/db", "c", 12, 4)
	d := Locks(inspect.Snapshot{Locks: inspect.NewLocks(queues)}, nil, Thresholds{}, locktest.Epoch)
	for _, name := range []string{"cilium/web", "cilium/db"} {
		remedies := d.About(name).Remedies
		if len(remedies) != 1 || remedies[0].Target.Key != name+"/a" || len(remedies[0].Releases) != 1 {
			t.Errorf("remedies of %s: %+v", name, remedies)
		}
	}
}
