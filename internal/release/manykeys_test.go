package release_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/release"
)

// many is the number of keys of a session that has too many for two transactions.
const many = 300

// manyKeys returns a lease with many keys: requests, and some keys that are none.
func (c *cluster) manyKeys(name string) clientv3.LeaseID {
	c.Helper()
	lease := c.lease()
	for part := range many / 100 {
		var puts []clientv3.Op
		for i := range 100 {
			key := fmt.Sprintf("%s/%d-%d/write/1", name, part, i)
			if part == 1 {
				key = fmt.Sprintf("%s-config-%d", name, i)
			}
			puts = append(puts, clientv3.OpPut(key, "", clientv3.WithLease(lease)))
		}
		if _, err := c.client.Txn(c.Context()).Then(puts...).Commit(); err != nil {
			c.Fatal(err)
		}
	}
	return lease
}

// count returns how many keys begin with a prefix.
func (c *cluster) count(prefix string) int64 {
	c.Helper()
	resp, err := c.client.Get(c.Context(), prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		c.Fatal(err)
	}
	return resp.Count
}

// A session with more keys than fit into a transaction is ended, all at one revision.
func TestManyKeys(t *testing.T) {
	c := newCluster(t)
	lease := c.manyKeys("/ended")
	c.put(c.lease(), "/ended/0-0/write/2")
	plan := c.planSession(lease)
	if !plan.InParts() || len(plan.Gone) != 200 || len(plan.Others) != 100 || keys(plan.Granted) != "/ended/0-0/write/2" {
		t.Fatalf("plan: in parts %t, %d requests, %d others, granted %s", plan.InParts(), len(plan.Gone), len(plan.Others), keys(plan.Granted))
	}
	revision, err := c.apply(plan)
	if err != nil || c.count("/ended") != 1 {
		t.Fatalf("Apply = %v; %d keys left", err, c.count("/ended"))
	}
	for at, want := range map[int64]int64{revision - 1: many + 1, revision: 1} {
		got, err := c.client.Get(t.Context(), "/ended", clientv3.WithPrefix(), clientv3.WithCountOnly(), clientv3.WithRev(at))
		if err != nil || got.Count != want {
			t.Errorf("%d keys at revision %d, %v; want %d", got.Count, at, err, want)
		}
	}
	if _, err := c.apply(plan); !errors.Is(err, release.ErrChanged) || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("Apply again = %v", err)
	}
}

// Whatever happens to a session of many keys between preview and release, nothing is
// removed.
func TestManyKeysErrChanged(t *testing.T) {
	tests := map[string]struct {
		want   string
		change func(c *cluster, lease clientv3.LeaseID, name string)
	}{
		"NewKey": {"has a new key, \"/new/", func(c *cluster, lease clientv3.LeaseID, _ string) {
			c.put(lease, "/new/"+fmt.Sprint(lease))
		}},
		"Modified": {"2-99/write/1\" was modified", func(c *cluster, lease clientv3.LeaseID, name string) {
			c.put(lease, name+"/2-99/write/1")
		}},
		"Deleted": {"config-7\" is gone", func(c *cluster, _ clientv3.LeaseID, name string) {
			if _, err := c.client.Delete(c.Context(), name+"-config-7"); err != nil {
				c.Fatal(err)
			}
		}},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			c := newCluster(t)
			name := "/many-changed/" + what
			lease := c.manyKeys(name)
			plan := c.planSession(lease)
			tt.change(c, lease, name)
			left := c.count(name)
			if _, err := c.apply(plan); !errors.Is(err, release.ErrChanged) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Apply = %v, want %q", err, tt.want)
			}
			if got := c.count(name); got != left {
				t.Errorf("%d of %d keys are left", got, left)
			}
		})
	}
}

// A reply that is lost on the way to a session's end does not leave it half-way, nor is
// it unknown when it ended.
func TestManyKeysLostReply(t *testing.T) {
	c, middleman := behind(t)
	const calls = 5 // three checks, reading the lease, revoking it
	for lost := range calls {
		name := fmt.Sprint("/many-lost/", lost)
		plan := c.planSession(c.manyKeys(name))
		middleman.Lose(func(call int, _ string) etcdtest.Loss {
			if call != lost {
				return etcdtest.Loss{}
			}
			return etcdtest.Loss{Code: codes.Unknown}
		})
		revision, err := c.Apply(t.Context(), plan, release.Audit{Log: io.Discard, Now: time.Now})
		middleman.Lose(nil)
		if err != nil || c.count(name) != 0 {
			t.Errorf("reply to call %d lost: Apply = %v, %d keys left", lost, err, c.count(name))
			continue
		}
		got, err := c.client.Get(t.Context(), name, clientv3.WithPrefix(), clientv3.WithCountOnly(), clientv3.WithRev(revision-1))
		if err != nil || got.Count != many {
			t.Errorf("reply to call %d lost: %d keys before revision %d, %v", lost, got.Count, revision, err)
		}
	}
}
