package deterministic

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/locks"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/scenario"
)

// mutants are locks that are wrong in one way each.
var mutants = map[scenario.Impl]func(*rwlock.Session) locks.Locker{
	"waits for nobody": func(s *rwlock.Session) locks.Locker { return greedy{s} },
}

// greedy puts the key of a request, and does not look who is ahead.
type greedy struct{ *rwlock.Session }

func (g greedy) Acquire(ctx context.Context, r locks.Request) (locks.Hold, error) {
	l := r.Wants[0]
	mode := keyspace.Read
	if l.Mode == rwlock.Write {
		mode = keyspace.Write
	}
	key := keyspace.Encode(l.Name, mode, "greedy"+l.Name[1:])
	resp, err := g.Client().Put(ctx, key, "", clientv3.WithLease(g.Lease()))
	if err != nil {
		return nil, err
	}
	return greedyHold{g, key, resp.Header.Revision}, nil
}

type greedyHold struct {
	greedy
	key   string
	token int64
}

func (h greedyHold) Token() int64 { return h.token }

func (h greedyHold) Unlock() error {
	_, err := h.Client().Delete(context.Background(), h.key)
	return err
}
