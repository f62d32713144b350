package diagnose

import (
	"strings"
	"testing"
	"time"

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

// oneKey returns a snapshot of a lock that is one key, created at revision 1 and written last
// at another.
func oneKey(rule string, lease, modified int64) inspect.Snapshot {
	id := inspect.LockID{Layout: layout.Builtin().Rule(rule), Name: "/a/leader"}
	r := inspect.Request{Key: id.Name, Lock: id, Mode: keyspace.Write, Lease: lease, Revision: 1, Modified: modified}
	return inspect.Snapshot{Locks: inspect.NewLocks(map[inspect.LockID][]inspect.Request{id: {r}})}
}

// TestRemedyWhereWaitersAreUnknown wants the command that ends a holder for whom others may
// wait without a trace, unless nothing may be done from outside or nobody holds the lock.
func TestRemedyWhereWaitersAreUnknown(t *testing.T) {
	for _, tt := range []struct {
		rule         string
		modified     int64
		key, command string
	}{
		{"etcd3gw", 1, "/a/leader", ""},
		{"patroni", 1, "", "patronictl failover a"},
		{"milvus", 1, "", ""},
		{"shedlock", 1, "/a/leader", ""},
		{"shedlock", 2, "", ""},
	} {
		d := Locks(oneKey(tt.rule, 10, tt.modified), nil, Thresholds{}, locktest.Epoch)
		var key, command string
		for _, r := range d.About("/a/leader").Remedies {
			key, command = key+r.Target.Key, command+r.Command
		}
		if key != tt.key || command != tt.command {
			t.Errorf("%s: the remedy is %q or %q, want %q or %q", tt.rule, key, command, tt.key, tt.command)
		}
	}
}

// TestRemedyOfAHolderThatMayBeDead wants a look first where the holder itself would carry out
// the command that releases its lock, and may not be there to do so. It promises nothing, and
// etcd refuses no look.
func TestRemedyOfAHolderThatMayBeDead(t *testing.T) {
	healthy := inspect.Lease{State: inspect.LeaseAlive, Granted: 30 * time.Second, Remaining: 25 * time.Second}
	for name, tt := range map[string]struct {
		lease inspect.Lease
		looks bool
	}{
		"renewed":     {healthy, false},
		"not renewed": {inspect.Lease{State: inspect.LeaseAlive, Granted: 30 * time.Second, Remaining: 3 * time.Second}, true},
		"over":        {inspect.Lease{State: inspect.LeaseOverdue, Granted: 30 * time.Second, Remaining: -time.Minute}, true},
		"missing":     {inspect.Lease{State: inspect.LeaseMissing}, true},
	} {
		for rule, command := range map[string]string{"patroni": "patronictl failover a", "patroni-citus": "patronictl failover --group 0 a"} {
			s := oneKey(rule, 10, 1)
			if rule == "patroni-citus" {
				id := inspect.LockID{Layout: layout.Builtin().Rule(rule), Name: "/a/0/leader"}
				s.Locks = inspect.NewLocks(map[inspect.LockID][]inspect.Request{id: {{Key: id.Name, Lock: id, Mode: keyspace.Write, Lease: 10, Revision: 1, Modified: 1}}})
			}
			d := Locks(s, map[int64]inspect.Lease{10: tt.lease}, Thresholds{}, locktest.Epoch).With([]Finding{{Kind: Corrupt, Severity: Critical}})
			remedies := d.About(s.Locks[0].ID.Name).Remedies
			for _, f := range d.Findings {
				remedies = append(remedies, f.Remedies...)
			}
			if len(remedies) == 0 {
				t.Errorf("%s, %s: no remedy", name, rule)
			}
			if tt.looks {
				command = strings.Replace(command, "failover", "list", 1)
			}
			for _, r := range remedies {
				if looks := r.Look != nil; looks != tt.looks || r.Command != command || looks && (r.IfDead || r.Refused || len(r.Releases) > 0) {
					t.Errorf("%s, %s: %+v, want %q", name, rule, r, command)
				}
			}
		}
	}
}

// TestRemedyOfEncrypted wants no remedy for a lock that nobody may hold.
func TestRemedyOfEncrypted(t *testing.T) {
	s := oneKey("kubernetes-lease", 0, 1)
	s.Locks[0].Queue[0].Encrypted = true
	if r := Locks(s, nil, Thresholds{}, locktest.Epoch).About("/a/leader").Remedies; len(r) > 0 {
		t.Errorf("%+v", r)
	}
}

// TestKeptIsNotRenewed wants no finding about the lease of a key that is kept until that ends.
func TestKeptIsNotRenewed(t *testing.T) {
	leases := map[int64]inspect.Lease{10: {State: inspect.LeaseAlive, Granted: time.Hour, Remaining: time.Minute, Unrenewed: 59 * time.Minute}}
	for modified, want := range map[int64]int{1: 1, 2: 0} {
		d := Locks(oneKey("shedlock", 10, modified), leases, Thresholds{}, locktest.Epoch)
		if len(d.Findings) != want {
			t.Errorf("last written at revision %d: %+v", modified, d.Findings)
		}
	}
}
