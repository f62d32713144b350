package simetcd

import (
	"maps"
	"slices"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

const (
	minLeaseTTL = 2 // seconds: 1.5 times the election timeout of 1 s, rounded up
	maxLeaseTTL = 9_000_000_000
	// revokeEvery is how often etcd revokes the leases that have expired.
	revokeEvery = 500 * time.Millisecond
)

// lease is a lease of the cluster.
type lease struct {
	cluster *Cluster
	id      int64
	ttl     int64
	ends    time.Time
	timer   *time.Timer
	gone    bool
	renews  []func(ttl int64) // renewals that came when it had expired
}

func (c *Cluster) leaseIDs() []int64 { return slices.Sorted(maps.Keys(c.leases)) }

func (c *Cluster) grant(r *pb.LeaseGrantRequest) (*pb.LeaseGrantResponse, error) {
	id := r.ID
	for id == 0 || r.ID == 0 && c.leases[id] != nil {
		c.granted++
		id = int64(c.granted) + 0x1000_0000
	}
	switch {
	case r.TTL > maxLeaseTTL:
		return nil, rpctypes.ErrGRPCLeaseTTLTooLarge
	case c.leases[id] != nil:
		return nil, rpctypes.ErrGRPCLeaseExist
	}
	l := &lease{cluster: c, id: id, ttl: max(r.TTL, minLeaseTTL)}
	c.leases[id] = l
	l.refresh()
	return &pb.LeaseGrantResponse{ID: id, TTL: l.ttl}, nil
}

// refresh gives the lease its whole time to live again.
func (l *lease) refresh() {
	l.ends = time.Now().Add(time.Duration(l.ttl) * time.Second)
	if l.timer == nil {
		l.arm()
	}
}

// arm has the lease checked when it expires, if it is not renewed before.
func (l *lease) arm() {
	wait := max(time.Until(l.ends), 0)
	if !l.cluster.opts.Instant {
		wait += l.cluster.dice("revoke", uint64(l.id)).upTo(revokeEvery)
	}
	l.timer = l.cluster.after(wait+1, l.expire)
}

// expire revokes the lease if it has expired and there is a leader to do it.
func (l *lease) expire() {
	l.timer = nil
	switch {
	case l.gone:
	case time.Now().Before(l.ends) || time.Now().Before(l.cluster.leaderless):
		l.ends = later(l.ends, l.cluster.leaderless) // the new leader begins it anew
		l.arm()
	default:
		if l.cluster.expired != nil {
			l.cluster.expired(l.id)
		}
		l.cluster.endLease(l)
	}
}

// endLease deletes the keys of a lease in one revision, and the lease.
func (c *Cluster) endLease(l *lease) {
	l.gone = true
	delete(c.leases, l.id)
	if l.timer != nil {
		l.timer.Stop()
	}
	t := &txn{view: c.head(), leases: c.leases}
	for _, key := range c.keysOf(l.id) {
		t.write(mvccpb.Event_DELETE, &mvccpb.KeyValue{Key: []byte(key), ModRevision: t.rev + 1})
	}
	c.publish(t.events)
	for _, answer := range l.renews {
		answer(0)
	}
}

// keysOf returns the keys that are attached to a lease.
func (c *Cluster) keysOf(id int64) []string {
	var keys []string
	for _, key := range c.store.keys {
		if kv := c.store.get(key, c.store.rev); kv != nil && kv.Lease == id {
			keys = append(keys, key)
		}
	}
	return keys
}

func (c *Cluster) revoke(id int64) (*pb.LeaseRevokeResponse, error) {
	l := c.leases[id]
	if l == nil {
		return nil, errLeaseNotFound
	}
	c.endLease(l)
	return &pb.LeaseRevokeResponse{}, nil
}

// renew answers a renewal: with 0 for a lease that does not exist. The answer for one
// that has expired comes when it is revoked.
func (c *Cluster) renew(id int64, answer func(ttl int64)) {
	l := c.leases[id]
	switch {
	case l == nil:
		answer(0)
	case !time.Now().Before(l.ends):
		l.renews = append(l.renews, answer)
	default:
		l.refresh()
		answer(l.ttl)
	}
}

func (c *Cluster) timeToLive(r *pb.LeaseTimeToLiveRequest) *pb.LeaseTimeToLiveResponse {
	l := c.leases[r.ID]
	if l == nil {
		return &pb.LeaseTimeToLiveResponse{ID: r.ID, TTL: -1}
	}
	resp := &pb.LeaseTimeToLiveResponse{ID: r.ID, GrantedTTL: l.ttl, TTL: int64(time.Until(l.ends).Seconds())}
	if r.Keys {
		for _, key := range c.keysOf(r.ID) {
			resp.Keys = append(resp.Keys, []byte(key))
		}
	}
	return resp
}
