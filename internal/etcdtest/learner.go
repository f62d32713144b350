package etcdtest

import (
	"net"
	"testing"

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

// FreeAddr returns an address of 127.0.0.1 that was free a moment ago.
func FreeAddr(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
