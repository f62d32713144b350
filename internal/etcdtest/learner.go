package etcdtest

import (
	"testing"

	"etcd-lock/internal/cluster"
	"etcd-lock/internal/etcd"
)

// StartWithLearner runs a voter, and a learner of its cluster, in the test binary until
// the test ends, and returns their endpoints.
func StartWithLearner(tb testing.TB) (voter, learner string) {
	tb.Helper()
	peer := "http://" + FreeAddr(tb)
	voter = Start(tb, func(c *etcd.EmbeddedConfig) { c.Name, c.Peer = "voter", peer })
	other := "http://" + FreeAddr(tb)
	if _, err := Client(tb, voter).MemberAddAsLearner(tb.Context(), []string{other}); err != nil {
		tb.Fatal(err)
	}
	learner = Start(tb, func(c *etcd.EmbeddedConfig) {
		c.Name, c.Peer, c.Cluster, c.Joins = "learner", other, "voter="+peer+",learner="+other, true
	})
	return voter, learner
}

// FreeAddr returns an address of 127.0.0.1 where nobody listens, and that no other test is
// given while this one runs.
func FreeAddr(tb testing.TB) string {
	tb.Helper()
	claim, addrs, err := cluster.ClaimAddrs(1)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = claim.Close() })
	return addrs[0]
}
