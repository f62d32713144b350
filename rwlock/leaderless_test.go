package rwlock

import (
	"testing"
	"time"

	"etcd-lock/internal/etcdtest"
)

// Sessions outlive a member that is cut off from its peers but not from them: their
// renewals go by members that have a leader. That member would keep each renewal
// back until it times out.
func TestSessionsBesideALeaderlessMember(t *testing.T) {
	c := etcdtest.StartCluster(t, 3)
	client := etcdtest.Client(t, c.Endpoints()...)
	f := fixture{T: t, client: client, name: "/" + t.Name()}
	var sessions []*Session
	for range 20 {
		s, err := NewSession(f.soon(), client, 5*time.Second)
		f.must(err)
		t.Cleanup(func() { _ = s.Close() })
		sessions = append(sessions, s)
	}
	cutOff := c.Members[0]
	if c.Leader(f.soon()) == cutOff { // the others need no new leader
		cutOff = c.Members[1]
	}
	cutOff.Isolate()
	defer cutOff.Rejoin()
	cut := time.Now()
	for i, s := range sessions {
		etcdtest.Eventually(t, "it is renewed for twice its TTL", func() bool {
			if s.Ctx().Err() != nil {
				t.Fatalf("session %d has ended", i)
			}
			return s.Deadline().Sub(cut) > 3*s.TTL()
		})
	}
}
