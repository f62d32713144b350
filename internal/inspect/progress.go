package inspect

import (
	"context"
	"fmt"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// TellsProgress reports whether an etcd of that version reports a watch's progress only
// after the events. 3.4 before 3.4.25 and 3.5 before 3.5.8 report progress before them
// (etcd issue 15220). An unknown version is not believed.
func TellsProgress(version string) bool {
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		return false
	}
	switch {
	case major != 3:
		return major > 3
	case minor == 4:
		return patch >= 25
	case minor == 5:
		return patch >= 8
	default:
		return minor > 5
	}
}

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
	t.members[resp.Header.MemberId] = TellsProgress(resp.Version)
}
