// Package cluster runs etcd clusters on this machine for fault injection. Each
// member is a child process of the running program: members can be killed,
// stopped, isolated from each other and restarted on their data, and the
// networks between clients and members can be cut.
//
// The program executes itself for each member, so its main must call Main
// before anything else. Everything listens on 127.0.0.1 and lives in one
// temporary directory, which Close removes. If the program dies before Close,
// even by SIGKILL, the members exit too and remove the directory; if they are
// killed as well, the next start of a cluster or an embedded etcd removes it.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"etcd-lock/internal/etcd"
)

var (
	// ErrNotRunning is returned when a member cannot be stopped or continued
	// because its process has exited.
	ErrNotRunning = errors.New("cluster: member is not running")
	// ErrClosed is returned after the cluster has been closed.
	ErrClosed = errors.New("cluster: closed")
)

// Options configure the members. The zero value is usable.
type Options struct {
	// Config applies to all members. The cluster overwrites names, addresses
	// and data directories.
	Config etcd.EmbeddedConfig
	// Servers are the paths of the etcds that are run as members, instead of the one in this
	// program. With fewer than members, the last one is run for the others too. Of Config,
	// only ElectionTimeout and TokenTTL apply then.
	Servers []string
	// Flags are further flags of Servers.
	Flags []string
	// Stderr receives what members write when they crash; nil discards it. If
	// it is not a file it must be safe for concurrent use.
	Stderr io.Writer
}

// server returns the path of the etcd that is run as member i, or "".
func (o Options) server(i int) string {
	if len(o.Servers) == 0 {
		return ""
	}
	return o.Servers[min(i, len(o.Servers)-1)]
}

// Cluster is an etcd cluster on this machine. It is safe for concurrent use.
type Cluster struct {
	scratch *etcd.Scratch
	claim   io.Closer // of the members' ports
	members []*Member
	peers   *peers

	mu       sync.Mutex
	networks []Network
	closed   bool
}

// Start starts a cluster of n members and returns once all of them serve
// clients. If ctx ends first, it kills them and returns an error.
func Start(ctx context.Context, n int, opts Options) (*Cluster, error) {
	c := &Cluster{}
	err := c.prepare(n, opts)
	if err == nil {
		err = c.start(ctx)
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return c, nil
}

// prepare assigns ports and data directories to the members without starting
// them.
func (c *Cluster) prepare(n int, opts Options) (err error) {
	if os.Getenv(childEnv) != "" { // its members would start members, and so on
		return errors.New("this process was started as a member, and did not call Main first")
	}
	if n < 1 {
		return fmt.Errorf("need at least 1 member, got %d", n)
	}
	if c.scratch, err = etcd.NewScratch(); err != nil {
		return err
	}
	var addrs []string
	if c.claim, addrs, err = ClaimAddrs(2 * n); err != nil {
		return err
	}
	if c.peers, err = newPeers(addrs[:n]); err != nil {
		return err
	}
	var initial []string
	for i := range n {
		name := memberName(i + 1)
		initial = append(initial, name+"="+c.peers.url(i))
		cfg := opts.Config
		cfg.Name, cfg.Dir = name, filepath.Join(c.scratch.Dir, name)
		cfg.Peer, cfg.AdvertisePeer = "http://"+c.peers.addrs[i], c.peers.url(i)
		cfg.Client = "http://" + addrs[n+i]
		c.members = append(c.members, &Member{
			number: i + 1,
			addr:   addrs[n+i],
			peers:  c.peers,
			child:  child{Config: cfg, Remove: c.scratch.Dir, owner: c.scratch.Owner, server: opts.server(i), flags: opts.Flags, proxy: c.peers.proxy(i), stderr: opts.Stderr},
		})
	}
	for _, m := range c.members {
		m.child.Config.Cluster = strings.Join(initial, ",")
	}
	return nil
}

// start starts all members in parallel, because no member serves before a
// majority is up. The first failure ends the wait for the others.
func (c *Cluster) start(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	for _, m := range c.members {
		all.Go(func() error { return m.Restart(ctx) })
	}
	return all.Wait()
}

func memberName(number int) string { return fmt.Sprintf("member-%d", number) }

// Members returns the members in order of their numbers, which start at 1.
func (c *Cluster) Members() []*Member { return c.members }

// Endpoints returns the client addresses of all members.
func (c *Cluster) Endpoints() []string {
	var all []string
	for _, m := range c.members {
		all = append(all, m.addr)
	}
	return all
}

// Network creates a network to all members, so that one client can be cut off
// without affecting others. Closing the cluster closes it too.
func (c *Cluster) Network() (Network, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	n, err := newNetwork(c.Endpoints())
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	c.networks = append(c.networks, n)
	return n, nil
}

// Close kills all members, closes all networks and removes the data. It may be
// called more than once.
func (c *Cluster) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	for _, m := range c.members {
		m.close()
	}
	for _, n := range c.networks {
		n.Close()
	}
	if c.peers != nil {
		c.peers.close()
	}
	if c.claim != nil {
		_ = c.claim.Close()
	}
	if c.scratch != nil {
		c.scratch.Close()
	}
}
