package load

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/locks"
	"etcd-lock/simulate"
	"etcd-lock/simulate/scenario"
)

// openDoor lets everybody in at once, with tokens that grow by step.
type openDoor struct {
	last *atomic.Int64
	step int64
}

type pass int64

func (p pass) Token() int64 { return int64(p) }
func (pass) Unlock() error  { return nil }

func (d openDoor) Acquire(context.Context, locks.Request) (locks.Hold, error) {
	return pass(d.last.Add(d.step)), nil
}

// TestLoadOfBrokenLocks wants a load to find out that a lock is none.
func TestLoadOfBrokenLocks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		clients int
		step    int64
		permits int // 0: the lock is one for writers
		want    string
	}{
		{name: "two at once", clients: 2, step: 1, want: "/broken was held at the same time by two clients"},
		{name: "more permits than there are", clients: 3, step: 1, permits: 2, want: "3 permits of /broken were held at the same time, which has 2, by w-"},
		{name: "tokens that shrink", clients: 1, step: -1, want: "/broken was not granted in the order of the requests"},
	}
	endpoint := etcdtest.Start(t)
	etcd := simulate.Etcd{Connect: func(context.Context, string, ...grpc.DialOption) (*clientv3.Client, error) {
		return clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: 10 * time.Second})
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := Workload{TTL: 10 * time.Second, Hold: Dist{Span: scenario.Span{From: time.Millisecond, To: 2 * time.Millisecond}}, Roles: []Role{
				{Label: "w", Count: tt.clients, Names: []string{"/broken"}, Writes: 1, Impl: scenario.ImplRWLock, Permits: tt.permits, Weight: 1},
			}}
			c := &workers{Etcd: etcd, Workload: w, meter: newMeter(w)}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := c.connect(ctx); err != nil {
				t.Fatal(err)
			}
			door := openDoor{last: &atomic.Int64{}, step: tt.step}
			door.last.Store(1 << 40)
			for _, w := range c.all {
				w.conn.Locks = door
			}
			c.run(ctx, Load{Rounds: 1, Every: time.Millisecond, Progress: func(p Progress) {
				if p.Violated > maxViolations {
					cancel()
				}
			}})
			if err := c.disconnect(etcdtest.Client(t, endpoint)); err != nil {
				t.Error(err)
			}
			m := c.meter.measured()
			if len(m.Violations) != maxViolations || !strings.HasPrefix(m.Violations[0], tt.want) {
				t.Errorf("violations %q", m.Violations)
			}
		})
	}
}
