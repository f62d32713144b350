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

	members map[uint64]string // names by ID, as of the last leader that was not among them
}

// statusTimeout bounds how long one member may take to answer.
const statusTimeout = time.Second

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
		st := backend.Status{Revision: resp.Header.Revision, Leader: h.name(ctx, resp.Leader), Alarms: inspect.AlarmsOf(resp.Errors)}
		st.Members = len(h.members)
		return st, nil
	}
	return backend.Status{}, fmt.Errorf("status: %w", last)
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
