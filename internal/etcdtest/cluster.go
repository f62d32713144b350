package etcdtest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"etcd-lock/internal/cluster"
	"etcd-lock/internal/etcd"
)

// Cluster is a cluster of child processes.
type Cluster struct {
	*cluster.Cluster
	Members []*Process
}

// StartCluster runs n members of one cluster as child processes until the test
// ends. The package's TestMain must call Main.
func StartCluster(tb testing.TB, n int, configure ...func(*etcd.EmbeddedConfig)) *Cluster {
	tb.Helper()
	opts := cluster.Options{Stderr: os.Stderr}
	for _, c := range configure {
		c(&opts.Config)
	}
	return startCluster(tb, n, opts)
}

// StartServers is StartCluster with the etcds at these paths, as [cluster.Options.Servers].
func StartServers(tb testing.TB, n int, servers []string, configure ...func(*cluster.Options)) *Cluster {
	tb.Helper()
	opts := cluster.Options{Stderr: os.Stderr, Servers: servers}
	for _, c := range configure {
		c(&opts)
	}
	return startCluster(tb, n, opts)
}

func startCluster(tb testing.TB, n int, opts cluster.Options) *Cluster {
	tb.Helper()
	started, err := cluster.Start(context.Background(), n, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(started.Close)
	c := &Cluster{Cluster: started}
	for _, m := range started.Members() {
		c.Members = append(c.Members, &Process{Member: m, Endpoint: m.Endpoint(), tb: tb})
	}
	return c
}

// Leader returns the current leader, or nil if there is none within a second.
func (c *Cluster) Leader(ctx context.Context) *Process {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	leader, err := c.Cluster.Leader(ctx)
	if err != nil {
		return nil
	}
	return c.Members[leader.Number()-1]
}

// Process is a member in a child process. It keeps its address and data when it
// is restarted.
type Process struct {
	*cluster.Member
	Endpoint string

	tb testing.TB
}

// StartProcess runs a member as a child process until the test ends. The
// package's TestMain must call Main.
func StartProcess(tb testing.TB, configure ...func(*etcd.EmbeddedConfig)) *Process {
	tb.Helper()
	return StartCluster(tb, 1, configure...).Members[0]
}

// Start restarts the member and returns once it serves.
func (p *Process) Start() { p.must(p.Restart(context.Background())) }

// Upgrade restarts the member as the etcd at a path.
func (p *Process) Upgrade(server string) { p.must(p.Member.Upgrade(context.Background(), server)) }

// Backup copies the member's data and returns the function that restores the copy in
// place: the member has the same address and identities as before, and earlier
// revisions. Both restart the member.
func (p *Process) Backup() (restore func()) {
	p.tb.Helper()
	backup := filepath.Join(p.tb.TempDir(), "backup")
	p.Kill()
	p.must(os.CopyFS(backup, os.DirFS(p.Dir())))
	p.Start()
	return func() {
		p.tb.Helper()
		p.Kill()
		p.must(os.RemoveAll(p.Dir()))
		p.must(os.CopyFS(p.Dir(), os.DirFS(backup)))
		p.Start()
	}
}

// Pause stops the member with SIGSTOP: its connections stay open and silent. See
// [cluster.Member.Stop].
func (p *Process) Pause() { p.must(p.Stop()) }

// Resume resumes a paused member.
func (p *Process) Resume() { p.must(p.Continue()) }

func (p *Process) must(err error) {
	p.tb.Helper()
	if err != nil {
		p.tb.Fatal(err)
	}
}
