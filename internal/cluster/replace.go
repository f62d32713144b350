package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Replace removes the member from the cluster and deletes its data, as if its machine was
// lost, and adds it anew, with another ID. With learner set, it comes back as a learner, which
// is promoted once it has caught up. client is one of the cluster, whose user may do that.
// Replace returns once the member serves and has a vote, which takes a majority of the others;
// if ctx ends before that, the member is left as it is.
func (m *Member) Replace(ctx context.Context, client *clientv3.Client, learner bool) error {
	r := replacement{client: client, url: m.child.Config.AdvertisePeer}
	err := r.until(ctx, r.remove)
	if err == nil {
		err = m.wipe()
	}
	if err == nil {
		err = r.until(ctx, func(ctx context.Context) error { return r.add(ctx, learner) })
	}
	if err == nil {
		err = m.Restart(ctx)
	}
	if err == nil {
		err = r.until(ctx, r.promote)
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

// replacement changes which members a cluster has.
type replacement struct {
	client *clientv3.Client
	url    string // of the member that is replaced, for its peers
}

// until calls step until it succeeds: etcd refuses changes while a member is not connected to
// all others, and its reply may be lost.
func (r replacement) until(ctx context.Context, step func(context.Context) error) error {
	for {
		err := r.try(ctx, step)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(askAgain):
		}
	}
}

func (r replacement) try(ctx context.Context, step func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return step(ctx)
}

// member returns the member as the cluster has it, or nil if it has none.
func (r replacement) member(ctx context.Context) (*etcdserverpb.Member, error) {
	list, err := r.client.MemberList(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range list.Members {
		if slices.Contains(m.PeerURLs, r.url) {
			return m, nil
		}
	}
	return nil, nil
}

func (r replacement) remove(ctx context.Context) error {
	m, err := r.member(ctx)
	if m == nil || err != nil {
		return err
	}
	_, err = r.client.MemberRemove(ctx, m.ID)
	return err
}

func (r replacement) add(ctx context.Context, learner bool) error {
	m, err := r.member(ctx)
	switch {
	case m != nil || err != nil:
	case learner:
		_, err = r.client.MemberAddAsLearner(ctx, []string{r.url})
	default:
		_, err = r.client.MemberAdd(ctx, []string{r.url})
	}
	return err
}

// promote gives the member a vote, unless it has one.
func (r replacement) promote(ctx context.Context) error {
	m, err := r.member(ctx)
	switch {
	case err != nil:
	case m == nil:
		err = errors.New("it is not in the list of members")
	case m.IsLearner:
		_, err = r.client.MemberPromote(ctx, m.ID)
	}
	return err
}
