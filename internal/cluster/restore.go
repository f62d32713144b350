package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// Restore kills all members, gives each the data of a snapshot, and starts them: a new cluster
// at the old addresses. etcdutl is the path of etcd's program for that, and flags are further
// flags of its snapshot restore. etcdctl of 3.4 does as well.
func (c *Cluster) Restore(ctx context.Context, etcdutl, snapshot string, flags ...string) error {
	var errs []error
	for _, m := range c.members {
		errs = append(errs, m.restore(ctx, etcdutl, snapshot, flags))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	return c.start(ctx)
}

func (m *Member) restore(ctx context.Context, etcdutl, snapshot string, flags []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.process.kill()
	cfg := m.child.Config
	if err := os.RemoveAll(cfg.Dir); err != nil {
		return err
	}
	args := append([]string{
		"snapshot", "restore", snapshot, "--data-dir", cfg.Dir, "--name", cfg.Name,
		"--initial-cluster", cfg.Cluster, "--initial-advertise-peer-urls", cfg.AdvertisePeer,
	}, flags...)
	if out, err := exec.CommandContext(ctx, etcdutl, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("snapshot restore: %w: %s", err, out)
	}
	return nil
}
