package cli

import (
	"context"
	"fmt"

	"etcd-lock/internal/sandbox"
	"etcd-lock/simulate"
	"etcd-lock/simulate/scenario"
)

// testbed is the etcd that a scenario runs on.
type testbed struct {
	etcd  simulate.Etcd
	close func()
}

// openTestbed connects to the etcd that the flags name, or starts a cluster for a
// scenario with faults: these are never injected into an etcd that others use.
func (a *app) openTestbed(ctx context.Context, sc *scenario.Scenario) (*testbed, error) {
	switch {
	case sc.Cluster == 0:
		c, err := a.connect(ctx)
		if err != nil {
			return nil, err
		}
		return &testbed{etcd: sandbox.Shared(c), close: c.Close}, nil
	case a.endpointsSet && !a.connection.Embedded:
		return nil, usageHint(fmt.Sprintf("use --embedded, or leave out --endpoints and %s", envName("endpoints")),
			"scenario %s: %w", sc.Name, simulate.ErrNoFaults)
	case !a.connection.Embedded:
		a.note(sandbox.Notice(sc))
	}
	s, err := sandbox.Start(ctx, sc.Cluster, a.connection.Etcd.DialTimeout)
	if err != nil {
		return nil, err
	}
	return &testbed{etcd: s.Etcd(), close: s.Close}, nil
}

// end closes the testbed, unless it is nil.
func (t *testbed) end() {
	if t != nil {
		t.close()
	}
}
