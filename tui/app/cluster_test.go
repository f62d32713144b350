package app

import (
	"testing"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/inspect"
	"etcd-lock/tui/effects"
	"etcd-lock/tui/state"
)

// What is wrong with etcd itself is in the header, and among the problems, where it can
// be read in full and leads to no lock.
func TestOldServersAndProxies(t *testing.T) {
	d := newDriver(t, nil)
	shows := func(texts ...string) {
		t.Helper()
		for _, text := range texts {
			d.mustShow(text)
		}
	}
	cluster := inspect.Cluster{Servers: []inspect.Server{{ID: 7, Name: "etcd-1", Version: "3.6.4"}}, Proxied: true}
	d.clock.add(time.Second) // the next verdict
	d.m.Status.Cluster = cluster
	d.send(effects.DiagnosedMsg{Verdict: state.NewVerdict(d.m.Live.Snapshot, nil, d.clock.Now(), diagnose.Cluster(cluster)...)})
	shows("! etcd 3.6.4", "via a proxy")
	d.press("3")
	shows("old-server", "proxy", "member etcd-1 runs etcd 3.6.4", "mended in 3.6.5", "mended in 3.6.14")
	d.press("enter")
	d.mustShow("this finding is about etcd itself")
	d.press("s")
	d.press("j")
	d.mustShow("a proxy such as its grpc-proxy")
}
