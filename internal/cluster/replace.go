package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Replace removes the member from the cluster and deletes its data, as if its machine was
// lost, and adds it anew, with another ID. With learner set, it comes back as a learner, which
// is promoted once it has caught up. client is one of the cluster, whose user may do that.
// Replace returns once the member serves and has a vote, which takes a majority of the others;
// if ctx ends before that, the member is left as it is.
func (m *Member) Replace(ctx context.Context, client *clientv3.Client, learner bool) error {
	r := replacement{client: client, addr: m.addr, url: m.child.Config.AdvertisePeer, learner: learner}
	err := r.until(ctx, r.find)
	if err == nil {
		err = r.until(ctx, r.remove)
	}
	if err == nil {
		err = m.wipe()
	}
	if err == nil {
		err = r.until(ctx, r.add)
	}
	if err == nil {
		err = m.Restart(ctx)
	}
	if err == nil && learner {
		err = r.until(ctx, r.promote)
	}
	if err == nil {
		err = r.until(ctx, r.votes)
	}
	if err != nil {
		return fmt.Errorf("member %d was not replaced: %w", m.number, err)
	}
	return nil
}

// wipe kills the member and deletes its data. When it starts again it joins the cluster.
func (m *Member) wipe() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.process.kill()
	m.child.Config.Joins = true
	return os.RemoveAll(m.child.Config.Dir)
}

// replacement changes which members a cluster has. It goes by their IDs: a list of members,
// which etcd 3.4 takes from any of them, may be from before the last change.
type replacement struct {
	client    *clientv3.Client
	addr, url string // of the member, for clients and for its peers
	learner   bool
	old, id   uint64 // of the member, before and after
}

// until calls step until it succeeds: there may be no leader, and a reply may be lost.
func (r *replacement) until(ctx context.Context, step func(context.Context) error) error {
	err := r.try(ctx, step)
	for err != nil {
		if !again(ctx) {
			return errors.Join(err, ctx.Err())
		}
		err = r.try(ctx, step)
	}
	return nil
}

func (r *replacement) try(ctx context.Context, step func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return step(ctx)
}

// find asks the member itself for its ID.
func (r *replacement) find(ctx context.Context) error {
	status, err := r.client.Status(ctx, r.addr)
	if err == nil {
		r.old = status.Header.MemberId
	}
	return err
}

func (r *replacement) remove(ctx context.Context) error {
	_, err := r.client.MemberRemove(ctx, r.old)
	if errors.Is(err, rpctypes.ErrMemberNotFound) { // the reply to an earlier attempt was lost
		return nil
	}
	return err
}

func (r *replacement) add(ctx context.Context) error {
	add := r.client.MemberAdd
	if r.learner {
		add = r.client.MemberAddAsLearner
	}
	resp, err := add(ctx, []string{r.url})
	switch {
	case err == nil:
		r.id = resp.Member.ID
		return nil
	case errors.Is(err, rpctypes.ErrPeerURLExist), errors.Is(err, rpctypes.ErrMemberExist):
		return r.findAdded(ctx)
	default:
		return err
	}
}

// findAdded looks for the member after the reply to its addition was lost.
func (r *replacement) findAdded(ctx context.Context) error {
	list, err := r.client.MemberList(ctx)
	if err != nil {
		return err
	}
	for _, m := range list.Members {
		if m.ID != r.old && slices.Contains(m.PeerURLs, r.url) {
			r.id = m.ID
			return nil
		}
	}
	return errors.New("it is not in the list of members")
}

func (r *replacement) promote(ctx context.Context) error {
	_, err := r.client.MemberPromote(ctx, r.id)
	if errors.Is(err, rpctypes.ErrMemberNotLearner) {
		return nil
	}
	return err
}

// votes returns nil once the member itself knows that it has a vote.
func (r *replacement) votes(ctx context.Context) error {
	status, err := r.client.Status(ctx, r.addr)
	if err == nil && status.IsLearner {
		err = errors.New("it is still a learner")
	}
	return err
}
