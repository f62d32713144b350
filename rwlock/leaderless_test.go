package rwlock

import (
	"errors"
	"slices"
	"testing"
	"time"

	"etcd-lock/internal/etcdtest"
)

// Sessions outlive members that are cut off from their peers but not from clients:
// renewals go by members that have a leader. The others would keep each renewal back
// until it times out.
func TestSessionsBesideLeaderlessMembers(t *testing.T) {
	t.Parallel()
	c := etcdtest.StartCluster(t, 5)
	outlive(t, c, func(leader *etcdtest.Process) {
		others := slices.DeleteFunc(slices.Clone(c.Members), func(m *etcdtest.Process) bool { return m == leader })
		others[0].Isolate() // the leader is not cut off, so the rest need no new one
		others[1].Isolate()
	})
}

// Sessions outlive a leader that is stopped. A member that has handed a renewal on to it
// does not answer for seconds, although there is a new leader by then.
func TestSessionsBesideAStoppedLeader(t *testing.T) {
	t.Parallel()
	c := etcdtest.StartCluster(t, 3)
	outlive(t, c, func(leader *etcdtest.Process) {
		if err := leader.Stop(); errors.Is(err, errors.ErrUnsupported) {
			t.Skip(err)
		} else if err != nil {
			t.Fatal(err)
		}
	})
}

// outlive wants sessions of 5s to live on for twice their TTL after a fault.
func outlive(t *testing.T, c *etcdtest.Cluster, fault func(leader *etcdtest.Process)) {
	t.Helper()
	client := etcdtest.Client(t, c.Endpoints()...)
	f := fixture{T: t, client: client, name: "/" + t.Name()}
	var sessions []*Session
	for range 20 {
		s, err := NewSession(f.soon(), client, 5*time.Second)
		f.must(err)
		sessions = append(sessions, s)
	}
	fault(c.Leader(f.soon()))
	began := time.Now()
	for i, s := range sessions {
		etcdtest.Eventually(t, "it is renewed for twice its TTL", func() bool {
			if s.Ctx().Err() != nil {
				t.Fatalf("session %d has ended", i)
			}
			return s.Deadline().Sub(began) > 3*s.TTL()
		})
	}
	for _, s := range sessions {
		s.end(ErrSessionClosed) // its lease goes with the cluster
	}
}
