package cluster

import (
	"context"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

const (
	// answerWithin bounds the wait for a member's answer; a stopped member gives
	// none.
	answerWithin = 500 * time.Millisecond
	// askAgain is the interval for polling who leads and who is a member; etcd has no
	// event for it.
	askAgain = 20 * time.Millisecond
)

// Leader returns the current leader. It waits for an election until ctx ends.
// A former leader that has not noticed yet is not returned.
func (c *Cluster) Leader(ctx context.Context) (*Member, error) {
	client, err := clientv3.New(clientv3.Config{Endpoints: c.Endpoints(), Logger: zap.NewNop()})
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	defer func() { _ = client.Close() }()
	for {
		if leader := c.askLeader(ctx, client); leader != nil {
			return leader, nil
		}
		if !again(ctx) {
			return nil, fmt.Errorf("cluster: no member leads: %w", ctx.Err())
		}
	}
}

// again waits until etcd may be asked again, and reports whether ctx has not ended.
func again(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(askAgain):
		return true
	}
}

// askLeader asks all members once. It returns nil if no majority agrees.
func (c *Cluster) askLeader(ctx context.Context, client *clientv3.Client) *Member {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	answers := make(chan *answer, len(c.members))
	for _, m := range c.members {
		go func() { answers <- ask(ctx, client, m) }()
	}
	var got []*answer
	for range c.members {
		if a := <-answers; a != nil {
			got = append(got, a)
		}
		if leader := elected(got, len(c.members)); leader != nil {
			return leader
		}
	}
	return nil
}

// answer is one member's view of who leads.
type answer struct {
	member     *Member
	id, leader uint64
	term       uint64
}

func ask(ctx context.Context, client *clientv3.Client, m *Member) *answer {
	if !m.running() {
		return nil
	}
	s, err := client.Status(ctx, m.addr)
	if err != nil {
		return nil
	}
	return &answer{member: m, id: s.Header.MemberId, leader: s.Leader, term: s.RaftTerm}
}

// elected returns the member that a majority of n members follows in the same
// term, or nil.
func elected(answers []*answer, n int) *Member {
	for _, l := range answers {
		followers := 0
		for _, a := range answers {
			if a.leader == l.id && a.term == l.term {
				followers++
			}
		}
		if followers > n/2 {
			return l.member
		}
	}
	return nil
}
