package stories

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"etcd-lock/internal/etcdtest"
)

var longFaults = flag.Bool("long-faults", false, "hold a lock for two minutes beside members that are of no use, and run each command 30 times")

// TestUselessMembers: the first endpoints are members that are cut off from their peers
// and not from clients, a leader that is stopped, a learner, or nobody's. Each command
// succeeds each time, no call to etcd takes 3s, the UI of before stays connected, but for
// as long as there is no leader, and a lock on a lease of 5s is kept.
func TestUselessMembers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		long     bool // runs with -long-faults only
		election bool // there is no leader for a while
		make     func(*testing.T) (endpoints []string, fault func())
	}{
		{"OneOfThreeCutOff", false, false, func(t *testing.T) ([]string, func()) { t.Helper(); return cutOff(t, 3, 1) }},
		{"TwoOfFiveCutOff", true, false, func(t *testing.T) ([]string, func()) { t.Helper(); return cutOff(t, 5, 2) }},
		{"LeaderStopped", true, true, stoppedLeader},
		{"LearnerFirst", true, false, func(t *testing.T) ([]string, func()) {
			t.Helper()
			voter, learner := etcdtest.StartWithLearner(t)
			return []string{learner, voter}, func() {}
		}},
		{"NobodyFirst", true, false, func(t *testing.T) ([]string, func()) {
			t.Helper()
			return []string{etcdtest.FreeAddr(t), etcdtest.StartProcess(t).Endpoint}, func() {}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.long && !*longFaults {
				t.Skip("run with -long-faults")
			}
			t.Parallel()
			endpoints, fault := tt.make(t)
			wrong := []string{"refused", "○ connecting"}
			if !tt.election { // which can take longer than the UI waits for an answer
				wrong = append(wrong, "not answering")
			}
			getBy(newUser(t, "--endpoints", strings.Join(endpoints, ","), "--command-timeout", "3s"), fault, wrong)
		})
	}
}

// cutOff starts a cluster whose first members are cut off by the fault. The leader is not
// among them, so that there is one all the time.
func cutOff(t *testing.T, members, cut int) (endpoints []string, fault func()) {
	t.Helper()
	c := etcdtest.StartCluster(t, members)
	leader, others := leaderFirst(t, c)
	for _, m := range append(others, leader) {
		endpoints = append(endpoints, m.Endpoint)
	}
	return endpoints, func() {
		for _, m := range others[:cut] {
			m.Isolate()
		}
		client := etcdtest.Client(t, endpoints...)
		for _, m := range others[:cut] {
			etcdtest.Eventually(t, "the member has no leader", func() bool {
				resp, err := client.Status(t.Context(), m.Endpoint)
				return err == nil && resp.Leader == 0
			})
		}
	}
}

// stoppedLeader starts a cluster whose leader comes first and is stopped by the fault.
func stoppedLeader(t *testing.T) (endpoints []string, fault func()) {
	t.Helper()
	c := etcdtest.StartCluster(t, 3)
	leader, others := leaderFirst(t, c)
	for _, m := range append([]*etcdtest.Process{leader}, others...) {
		endpoints = append(endpoints, m.Endpoint)
	}
	return endpoints, func() {
		if err := leader.Stop(); errors.Is(err, errors.ErrUnsupported) {
			t.Skip(err)
		} else if err != nil {
			t.Fatal(err)
		}
		etcdtest.Eventually(t, "there is another leader", func() bool { return c.Leader(t.Context()) != nil })
	}
}

// leaderFirst returns the leader of a cluster, and the other members.
func leaderFirst(t *testing.T, c *etcdtest.Cluster) (leader *etcdtest.Process, others []*etcdtest.Process) {
	t.Helper()
	etcdtest.Eventually(t, "there is a leader", func() bool {
		leader = c.Leader(t.Context())
		return leader != nil
	})
	return leader, slices.DeleteFunc(slices.Clone(c.Members), func(m *etcdtest.Process) bool { return m == leader })
}

// getBy holds a lock and looks at the UI while a fault happens, in which it must not show what
// would be wrong, and runs commands after it.
func getBy(u *user, fault func(), wrong []string) {
	u.Helper()
	times, program := 2, "echo started; exec cat"
	if *longFaults {
		times, program = 30, "echo started; sleep 120; exec cat"
	}
	holder := u.start("exec", "--ttl", "5s", "/held", "--", "sh", "-c", program)
	holder.until("started")
	ui := u.terminal()
	ui.WaitToShow("● connected", "/held")
	fault()
	for i := range times {
		u.says([]string{"ls"}, "/held")
		u.says([]string{"why", "/held"}, "/held")
		u.says([]string{"exec", fmt.Sprintf("/free/%d", i), "--", "true"})
	}
	if err := holder.in.Close(); err != nil {
		u.Error(err)
	}
	holder.exits(0) // 4 if the lock is lost
	ui.NeverShows(holder.ended, wrong...)
	ui.WaitToShow("● connected")
	ui.Press("q")
	if err := ui.Wait(); err != nil {
		u.Error(err)
	}
}
