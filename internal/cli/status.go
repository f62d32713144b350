package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/tui/backend"
)

// status asks etcd how it is, for the terminal UI.
type status struct {
	client *clientv3.Client

	members map[uint64]string // names by id; of the last leader that was not known
}

// statusPatience is how long one member may take to answer.
const statusPatience = time.Second

// Status asks one member after the other until one answers. It is not called
// twice at a time.
func (s *status) Status(ctx context.Context) (backend.Status, error) {
	var last error
	for _, endpoint := range s.client.Endpoints() {
		resp, err := s.ask(ctx, endpoint)
		if err != nil {
			last = err
			continue
		}
		st := backend.Status{Revision: resp.Header.Revision, Leader: s.name(ctx, resp.Leader)}
		st.Members = len(s.members)
		return st, nil
	}
	return backend.Status{}, fmt.Errorf("status: %w", last)
}

func (s *status) ask(ctx context.Context, endpoint string) (*clientv3.StatusResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	return s.client.Status(ctx, endpoint)
}

// name is that of a member. The members are asked for when one is not known;
// where that is refused, its id has to do.
func (s *status) name(ctx context.Context, id uint64) string {
	if id == 0 {
		return ""
	}
	if s.members[id] == "" {
		s.learn(ctx)
	}
	if name := s.members[id]; name != "" {
		return name
	}
	return strconv.FormatUint(id, 16)
}

func (s *status) learn(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	resp, err := s.client.MemberList(ctx)
	if err != nil {
		return
	}
	s.members = map[uint64]string{}
	for _, m := range resp.Members {
		s.members[m.ID] = m.Name
	}
}
