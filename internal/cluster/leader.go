package cluster

import (
	"context"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

const (
	// answerWithin bounds how long a member is waited for that may be stopped.
	answerWithin = 500 * time.Millisecond
	// askAgain is the pause before members are asked again who leads, of which
	// no event tells.
	askAgain = 20 * time.Millisecond
)

// Leader returns the member that leads, and waits for one to be elected until
// ctx ends. A former leader that does not know yet is not taken for one.
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
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("cluster: no member leads: %w", ctx.Err())
		case <-time.After(askAgain):
		}
	}
}

// askLeader asks all members once. It returns nil when they do not agree.
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

// answer is who leads according to a member.
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

// elected is the member that most of n members follow in one term, if any.
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
