package diagnose

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/locktest"
)

var (
	liveIncidents = flag.Uint64("incidents", 60, "how many random incidents TestFirstRemedyOnEtcd makes")
	firstIncident = flag.Uint64("first-incident", 1, "the first of them")
)

// TestFirstRemedyOnEtcd makes random incidents in etcd, carries out the first remedy of one
// finding of each, and reads etcd again: the finding has to be away, and those that the
// remedy says get a lock have to hold it, and nobody else.
func TestFirstRemedyOnEtcd(t *testing.T) {
	t.Parallel()
	client := etcdtest.Client(t, etcdtest.Shared(t))
	kinds := map[Kind]int{}
	for seed := *firstIncident; seed < *firstIncident+*liveIncidents && !t.Failed(); seed++ {
		i := &liveIncident{T: t, client: client, seed: seed, prefix: fmt.Sprintf("/incident/%d/", seed)}
		kind, faults := i.check(i.carryOut)
		if kind != "" {
			kinds[kind]++
		}
		for _, fault := range faults {
			t.Errorf("incident %d: %s", seed, fault)
		}
	}
	if len(kinds) == 0 {
		t.Error("no incident had a finding with a remedy")
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		t.Logf("%6d of kind %s", kinds[kind], kind)
	}
}

// TestRemedyControls carries out something else than the remedy: nothing, which leaves the
// finding, and the end of everything, after which others hold the locks than was said. A
// check that notices neither checks nothing.
func TestRemedyControls(t *testing.T) {
	t.Parallel()
	client := etcdtest.Client(t, etcdtest.Shared(t))
	for n, control := range []struct {
		name     string
		notices  string
		carryOut func(*liveIncident, Target)
	}{
		{"nothing is done", "leaves", func(*liveIncident, Target) {}},
		{"everything is ended", "grants", func(i *liveIncident, _ Target) { i.clear() }},
	} {
		t.Run(control.name, func(t *testing.T) {
			for seed := uint64(1); seed <= 60; seed++ {
				seed := 1_000_000*uint64(n+1) + seed
				i := &liveIncident{T: t, client: client, seed: seed, prefix: fmt.Sprintf("/incident/%d/", seed)}
				_, faults := i.check(func(target Target) { control.carryOut(i, target) })
				if slices.ContainsFunc(faults, func(fault string) bool { return strings.Contains(fault, " "+control.notices+" ") }) {
					return
				}
			}
			t.Error("60 incidents have not shown it")
		})
	}
}

// liveIncident is an incident in etcd, under a prefix of its own and with leases of its own.
type liveIncident struct {
	*testing.T
	client *clientv3.Client
	seed   uint64
	prefix string
	leases []clientv3.LeaseID
}

// lease is the lease in etcd of one in the snapshot.
func (i *liveIncident) lease(n int64) int64 { return int64(i.seed)*1000 + n }

// key is the key in etcd of a request in the snapshot.
func (i *liveIncident) key(r inspect.Request) string {
	if r.IsRequest() && r.Lock.Layout == layout.Mutex {
		return fmt.Sprintf("%s%s/%x", i.prefix, r.Lock.Name, i.lease(r.Lease))
	}
	return i.prefix + r.Key
}

// make writes the requests and the other keys of a snapshot to etcd, those of one revision
// in one transaction.
func (i *liveIncident) make(s inspect.Snapshot) {
	all := map[string]inspect.Request{}
	for _, l := range s.Locks {
		for _, r := range append(slices.Clip(l.Queue), l.Others...) {
			all[r.Key] = r
		}
	}
	byRevision := map[int64][]clientv3.Op{}
	var again []clientv3.Op
	granted := map[int64]bool{}
	for _, r := range slices.SortedFunc(maps.Values(all), func(a, b inspect.Request) int { return cmp.Compare(a.Key, b.Key) }) {
		if r.Lease != 0 && !granted[r.Lease] {
			granted[r.Lease] = true
			i.grant(i.lease(r.Lease))
		}
		put := i.put(r, all)
		byRevision[r.Revision] = append(byRevision[r.Revision], put)
		if r.Modified > r.Revision {
			again = append(again, put)
		}
	}
	for _, revision := range slices.Sorted(maps.Keys(byRevision)) {
		i.commit(byRevision[revision])
	}
	i.commit(again)
}

// put returns the write of a request's key.
func (i *liveIncident) put(r inspect.Request, all map[string]inspect.Request) clientv3.Op {
	value := ""
	if r.Owned {
		owner := r.Owner.Value()
		if under, ok := all[owner.Under]; ok {
			owner.Under = i.key(under)
		}
		value = owner.Encode()
	}
	if r.Lease == 0 {
		return clientv3.OpPut(i.key(r), value)
	}
	return clientv3.OpPut(i.key(r), value, clientv3.WithLease(clientv3.LeaseID(i.lease(r.Lease))))
}

func (i *liveIncident) grant(lease int64) {
	id := clientv3.LeaseID(lease)
	grant, err := clientv3.RetryLeaseClient(i.client).LeaseGrant(i.Context(), &pb.LeaseGrantRequest{ID: lease, TTL: 600})
	if err != nil || grant.ID != lease {
		i.Fatalf("the lease %x: %v", lease, err)
	}
	i.leases = append(i.leases, id)
}

func (i *liveIncident) commit(ops []clientv3.Op) {
	if len(ops) == 0 {
		return
	}
	if _, err := i.client.Txn(i.Context()).Then(ops...).Commit(); err != nil {
		i.Fatal(err)
	}
}

func (i *liveIncident) read() (inspect.Snapshot, Diagnosis) {
	s, err := inspect.NewSource(i.client).Snapshot(i.Context(), i.prefix)
	if err != nil {
		i.Fatal(err)
	}
	return s, Locks(s, nil, Thresholds{}, locktest.Epoch)
}

// check makes the incident, has the first remedy of one finding carried out, and removes what
// is left. It returns the kind of the finding, or "" if none has a remedy, and what is not as
// the remedy says.
func (i *liveIncident) check(carryOut func(Target)) (kind Kind, faults []string) {
	i.make(locktest.Random(i.seed))
	defer i.clear()
	before, d := i.read()
	findings := slices.DeleteFunc(slices.Clone(d.Findings), func(f Finding) bool {
		return len(f.Remedies) == 0 || f.Remedies[0].Target == (Target{})
	})
	if len(findings) == 0 {
		return "", nil
	}
	f := findings[rand.New(rand.NewPCG(i.seed, 16)).IntN(len(findings))]
	r := f.Remedies[0]
	carryOut(r.Target)
	after, again := i.read()
	for _, g := range again.Findings {
		if g.Kind == f.Kind && locktest.Keys(g.Requests) == locktest.Keys(f.Requests) {
			faults = append(faults, fmt.Sprintf("%s leaves %s", remedy(r), data([]Finding{f})))
		}
	}
	want := strings.ReplaceAll(effect(Effect{Grants: r.Grants}), "+", "")
	if got := locktest.Keys(locktest.NewlyHolding(before, after)); got != want {
		faults = append(faults, fmt.Sprintf("%s grants %s, want %s", remedy(r), got, want))
	}
	return f.Kind, faults
}

// carryOut ends what a remedy is aimed at, as an administrator does.
func (i *liveIncident) carryOut(target Target) {
	var err error
	if target.Lease != 0 {
		_, err = i.client.Revoke(i.Context(), clientv3.LeaseID(target.Lease))
	} else {
		_, err = i.client.Delete(i.Context(), target.Key)
	}
	if err != nil {
		i.Fatal(err)
	}
}

// clear removes what is left of the incident.
func (i *liveIncident) clear() {
	if _, err := i.client.Delete(i.Context(), i.prefix, clientv3.WithPrefix()); err != nil {
		i.Fatal(err)
	}
	for _, lease := range i.leases {
		_, _ = i.client.Revoke(i.Context(), lease) // which the remedy may have done
	}
}
