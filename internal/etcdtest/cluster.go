package etcdtest

import (
	"context"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Leader returns the member that leads the cluster, or nil when within a second
// none says that it does.
func Leader(ctx context.Context, client *clientv3.Client, members []*Process) *Process {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	leader := make(chan *Process, len(members))
	for _, p := range members {
		go func() {
			status, err := client.Status(ctx, p.Endpoint)
			if err != nil || status.Leader != status.Header.MemberId {
				p = nil
			}
			leader <- p
		}()
	}
	for range members {
		if p := <-leader; p != nil {
			return p
		}
	}
	return nil
}
