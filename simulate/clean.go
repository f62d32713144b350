package simulate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
)

// leaseSlack is how much later than after its TTL a lease may be gone: a new
// leader grants every lease a whole TTL again, and revokes them one by one.
const leaseSlack = 10 * time.Second

// revoke ends the leases of players that could not, for a run that was ended.
func (s *stage) revoke(players []*player) {
	ctx, cancel := context.WithTimeout(context.Background(), leaseSlack)
	defer cancel()
	for _, p := range players {
		// What is left when this fails goes with the lease.
		_, _ = s.client.Revoke(ctx, p.session.Lease())
	}
}

// clean makes sure that no key of the run is left in etcd that was put after
// the revision since. What crashed clients held goes with their leases.
func (s *stage) clean(ctx context.Context, since int64, crashed []*player) error {
	patience := leaseSlack
	leases := map[int64]bool{}
	for _, p := range crashed {
		leases[int64(p.session.Lease())] = true
		patience = max(patience, leaseSlack+2*p.session.TTL())
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		left, rev, err := s.left(ctx, since)
		if err != nil {
			return fmt.Errorf("looking for what is left in etcd: %w", err)
		}
		i := slices.IndexFunc(left, func(kv *mvccpb.KeyValue) bool { return leases[kv.Lease] })
		if i < 0 || !s.goes(ctx, string(left[i].Key), rev) {
			s.leftovers(left)
			return nil
		}
	}
}

// left are the run's keys that are there, at a revision.
func (s *stage) left(ctx context.Context, since int64) (left []*mvccpb.KeyValue, rev int64, err error) {
	leases := map[int64]bool{0: true} // a key without one is nobody else's
	for _, p := range s.players {
		leases[int64(p.session.Lease())] = true
	}
	for _, name := range s.names() {
		for _, mode := range []rwlock.Mode{rwlock.Read, rwlock.Write} {
			resp, err := s.client.Get(ctx, keyspace.Dir(s.Prefix+name, mode),
				clientv3.WithPrefix(), clientv3.WithMinCreateRev(since+1))
			if err != nil {
				return nil, 0, err
			}
			rev = resp.Header.Revision
			for _, kv := range resp.Kvs {
				key, ok := keyspace.ParseRWLock(string(kv.Key))
				if ok && key.Name == s.Prefix+name && leases[kv.Lease] {
					left = append(left, kv)
				}
			}
		}
	}
	return left, rev, nil
}

// names are the locks of the scenario, each once.
func (s *stage) names() []string {
	var names []string
	for _, c := range s.scenario.Clients {
		for _, step := range c.Steps {
			for _, l := range step.Locks {
				if !slices.Contains(names, l.Name) {
					names = append(names, l.Name)
				}
			}
		}
	}
	return names
}

// goes waits until a key that was there at rev is deleted, and reports whether
// that came in time.
func (s *stage) goes(ctx context.Context, key string, rev int64) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for resp := range s.client.Watch(ctx, key, clientv3.WithRev(rev+1), clientv3.WithFilterPut()) {
		if len(resp.Events) > 0 || resp.Err() != nil {
			break // of an error, the next look tells what it means
		}
	}
	return ctx.Err() == nil
}

// leftovers notes what is left as violations.
func (s *stage) leftovers(left []*mvccpb.KeyValue) {
	for _, kv := range left {
		owner, _ := keyspace.DecodeOwner(kv.Value)
		s.ledger.violations = append(s.ledger.violations, Failure{
			Msg: fmt.Sprintf("left in etcd: %q of client %q", strings.TrimPrefix(string(kv.Key), s.Prefix), owner.Label),
		})
	}
}
