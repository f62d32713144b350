package inspect

import (
	"context"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/servers"
)

// progressTrust knows which members' reports of progress can be believed. Members of
// one cluster may have different versions.
type progressTrust struct {
	client *clientv3.Client

	mu      sync.Mutex
	member  uint64          // which serves the watch; 0: not known
	members map[uint64]bool // whether they tell progress, as far as known
}

func newProgressTrust(client *clientv3.Client) *progressTrust {
	return &progressTrust{client: client, members: map[uint64]bool{}}
}

// servedBy notes which member serves the watch.
func (t *progressTrust) servedBy(member uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.member = member
}

// believes reports whether the progress that the watch's member reports is believed.
func (t *progressTrust) believes() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.members[t.member]
}

// learn asks for a member's version, unless that of the watch's member is known. Which
// member answers is for the client's balancer or a proxy to choose, so that it may take
// several attempts.
func (t *progressTrust) learn(ctx context.Context) {
	t.mu.Lock()
	_, known := t.members[t.member]
	t.mu.Unlock()
	if known {
		return
	}
	resp, err := pb.NewMaintenanceClient(t.client.ActiveConnection()).Status(ctx, &pb.StatusRequest{})
	if err != nil || resp.Header == nil {
		return // not known
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.members[resp.Header.MemberId] = servers.TellsProgress(resp.Version)
}
