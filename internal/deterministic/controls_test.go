package deterministic

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"

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

// TestNegativeControls runs locks that are wrong. A judge that lets them pass judges
// nothing.
func TestNegativeControls(t *testing.T) {
	for _, control := range []struct {
		impl scenario.Impl
		kind string
		why  string
	}{
		{"waits for nobody", "granted too early", "it does not look who is ahead"},
		{"waits for nobody", "overlap", "it does not look who is ahead"},
		{scenario.ImplMutex, "stuck", "a key that could not be deleted at once stays as long as its session"},
		{scenario.ImplRecipe, "stuck", "a key that could not be deleted at once stays as long as its session"},
	} {
		t.Run(string(control.impl)+", "+control.kind, func(t *testing.T) {
			p, o := caught(t, control.impl, control.kind)
			small, so := shrink(t, p, o)
			t.Logf("%s. Shrunk from %d parts to %d:\n%s%s", control.why, p.size(), small.size(), small, list(so.Failures))
		})
	}
}

// caught returns the first plan in which the judges catch an implementation with a failure
// of this kind.
func caught(t *testing.T, impl scenario.Impl, kind string) (plan, outcome) {
	t.Helper()
	for seed := uint64(1); seed <= 500; seed++ {
		p := singles(newPlan(seed), impl)
		o := run(t, p, false)
		if i := slices.IndexFunc(o.Failures, func(f failure) bool { return f.Kind == kind }); i >= 0 {
			o.Failures[0] = o.Failures[i] // which is what it is shrunk for
			return p, o
		}
	}
	t.Fatal("500 seeds have not caught it")
	return plan{}, outcome{}
}

// singles makes of a plan one that every implementation can carry out: each visit acquires
// one lock for writing, of a name that is not below another one.
func singles(p plan, impl scenario.Impl) plan {
	p = p.clone()
	p.Impl, p.Inspect = impl, false
	for i := range p.Actors {
		for k := range p.Actors[i].Visits {
			v := &p.Actors[i].Visits[k]
			v.Locks = []rwlock.LockRequest{{Name: "/" + string(rune('a'+k%2)), Mode: rwlock.Write}}
			v.Try, v.Downgradable, v.Change = false, false, false
		}
	}
	return p
}

// greedy puts the key of a request, and does not look who is ahead.
type greedy struct{ *rwlock.Session }

func (g greedy) Acquire(ctx context.Context, r locks.Request) (locks.Hold, error) {
	l := r.Wants[0]
	mode := keyspace.Read
	if l.Mode == rwlock.Write {
		mode = keyspace.Write
	}
	key := keyspace.Encode(l.Name, mode, uuid.NewString())
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
