package etcdtest

import (
	"testing"

	"etcd-lock/internal/cluster"
)

// Proxy is a network between clients and a member that can be cut.
type Proxy struct {
	*cluster.Link
	Addr string
}

// NewProxy forwards a free port on 127.0.0.1 to target until the test ends.
func NewProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	link, err := cluster.NewLink(target)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(link.Close)
	return &Proxy{Link: link, Addr: link.Addr()}
}
