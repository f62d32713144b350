package staging

import (
	"context"
	"fmt"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// quiet keeps locks that are held and that hardly anybody waits for, as other software keeps
// them, until ctx ends.
func (s *stage) quiet(ctx context.Context) {
	var leases []clientv3.LeaseID
	for _, keys := range append(foreign(), own()...) {
		lease, err := s.keptAlive(ctx)
		if err != nil {
			break
		}
		leases = append(leases, lease)
		for _, k := range keys {
			_ = s.put(ctx, k.name(lease), k.value(lease), lease)
		}
	}
	<-ctx.Done()
	for _, lease := range leases {
		s.revoke(lease)
	}
}

// entry is a key on a lease, which both the key and its value may name.
type entry struct{ name, value func(clientv3.LeaseID) string }

// text does not name the lease.
func text(s string) func(clientv3.LeaseID) string {
	return func(clientv3.LeaseID) string { return s }
}

// queued is the key of a queue whose keys end with the lease in hexadecimal.
func queued(name, value string) entry {
	return entry{func(l clientv3.LeaseID) string { return fmt.Sprintf("%s/%x", name, int64(l)) }, text(value)}
}

// single is the one key of a lock.
func single(key, value string) entry { return entry{text(key), text(value)} }

// foreign are the keys of other software, by client.
func foreign() [][]entry {
	now := time.Now().UTC().Format(time.RFC3339)
	return [][]entry{
		{single("/service/main/initialize", "7434127766210331214"), single("/service/main/members/pg-1", `{"conn_url":"postgres://pg-1:5432/postgres","state":"running"}`), single("/service/main/leader", "pg-1")},
		{single("/service/main/members/pg-2", `{"conn_url":"postgres://pg-2:5432/postgres","state":"streaming"}`)},
		{queued("stolon/cluster/main/sentinel-leader", "6e1f0b2a")},
		{queued("talos:v1:vip:election:192.0.2.10", "cp-1")},
		{queued("/dm-master/leader", `{"ID":"dm-master-1"}`)},
		{queued("/micro/sync/mailer", "mailer-3")},
		{queued("__etcd_lock/thumbnails", "")},
		{queued("cilium/state/identities/v1/locks/k8s:app=web;", "")},
		{queued("elections/billing", "billing-1")},
		{queued("elections/billing", "billing-2")},
		{single("shedlock:prod:invoices", "ADDED:"+now+"@batch-1")},
		{single("/loadbalance/leader", `{"serviceUrl":"http://broker-1:8080"}`)},
		{single("/calico/openstack/region1/neutron_election", "net-1:4711")},
		{entry{
			func(l clientv3.LeaseID) string {
				return "/vitess/zone1/keyspaces/commerce/locks/" + strconv.FormatInt(int64(l), 10)
			},
			text(`{"HostName":"vt-1","UserName":"ops","Action":"PlannedReparentShard","Time":"` + now + `"}`),
		}},
		{entry{
			text("/taskflow/jobs/octavia/failover-7.lock"),
			func(l clientv3.LeaseID) string {
				return `{"owner":"worker-2","lease_id":` + strconv.FormatInt(int64(l), 10) + `}`
			},
		}},
	}
}

// own are the keys of clients of package rwlock, which share some locks as readers.
func own() [][]entry {
	var all [][]entry
	held := func(name string, mode keyspace.Mode, host, program string, pid int) {
		key := keyspace.Encode(name, mode, host+"-"+strconv.Itoa(pid))
		all = append(all, []entry{single(key, owner(host, program, pid, 0))})
	}
	for i, name := range []string{"/cache/pages", "/cache/prices", "/config/flags", "/config/limits", "/config/routes"} {
		held(name, keyspace.Read, "web-1", "frontend", 100+i)
		held(name, keyspace.Read, "web-2", "frontend", 200+i)
	}
	for i, name := range []string{"/tenants/acme/import", "/tenants/globex/import", "/tenants/initech/export", "/tenants/umbrella/import"} {
		held(name, keyspace.Write, "etl-"+strconv.Itoa(i+1), "tenant-etl", 300+i)
	}
	return all
}

// leaseTTL is how long what the demo wrote stays if the demo is killed.
const leaseTTL = 30 * time.Second

// keptAlive grants a lease that is renewed until ctx ends.
func (s *stage) keptAlive(ctx context.Context) (clientv3.LeaseID, error) {
	lease, err := s.client.Grant(ctx, int64(leaseTTL.Seconds()))
	if err != nil {
		return 0, err
	}
	renewed, err := s.client.KeepAlive(ctx, lease.ID)
	if err != nil {
		return 0, err
	}
	s.wg.Go(func() {
		for range renewed { // it is closed when ctx or the lease has ended
		}
	})
	return lease.ID, nil
}

func (s *stage) put(ctx context.Context, key, value string, lease clientv3.LeaseID) error {
	_, err := s.client.Put(ctx, key, value, clientv3.WithLease(lease))
	return err
}

// revoke ends a lease, also when the demo ends.
func (s *stage) revoke(lease clientv3.LeaseID) {
	ctx, cancel := context.WithTimeout(context.Background(), retry)
	defer cancel()
	_, _ = s.client.Revoke(ctx, lease) // else it expires
}
