package console

import (
	"context"
	"fmt"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/inspect"
	"etcd-lock/tui/backend"
)

// health asks etcd for its status. It is not safe for concurrent use.
type health struct {
	client *clientv3.Client
	source *inspect.Source

	members map[uint64]string // names by ID, as of the last leader that was not among them
	cluster inspect.Cluster   // as of read
	read    time.Time
}

const (
	// statusTimeout bounds how long one member may take to answer.
	statusTimeout = time.Second
	// clusterEvery is how often all members are asked for their versions.
	clusterEvery = time.Minute
)

// Status implements backend.Health. It asks one member after the other until one
// answers.
func (h *health) Status(ctx context.Context) (backend.Status, error) {
	var last error
	for _, endpoint := range h.client.Endpoints() {
		resp, err := h.ask(ctx, endpoint)
		if err != nil {
			last = err
			continue
		}
		st := backend.Status{Revision: resp.Header.Revision, Leader: h.name(ctx, resp.Leader), Cluster: h.readCluster(ctx)}
		st.Members, st.Cluster.Alarms = len(h.members), inspect.AlarmsOf(resp.Errors)
		return st, nil
	}
	return backend.Status{}, fmt.Errorf("status: %w", last)
}

// readCluster returns what is known of the members, read anew when it is old.
func (h *health) readCluster(ctx context.Context) inspect.Cluster {
	if time.Since(h.read) < clusterEvery {
		return h.cluster
	}
	if cluster, err := h.source.Cluster(ctx); err == nil {
		h.cluster, h.read = cluster, time.Now()
	}
	return h.cluster
}

func (h *health) ask(ctx context.Context, endpoint string) (*clientv3.StatusResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	return h.client.Status(ctx, endpoint)
}

// name returns the name of a member. It reads the list of members when the ID is
// not known, and returns the ID in hex when that is not permitted.
func (h *health) name(ctx context.Context, id uint64) string {
	if id == 0 {
		return ""
	}
	if h.members[id] == "" {
		h.readMembers(ctx)
	}
	if name := h.members[id]; name != "" {
		return name
	}
	return strconv.FormatUint(id, 16)
}

func (h *health) readMembers(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	resp, err := h.client.MemberList(ctx)
	if err != nil {
		return
	}
	h.members = map[uint64]string{}
	for _, m := range resp.Members {
		h.members[m.ID] = m.Name
	}
}
