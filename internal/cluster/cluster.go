// Package cluster runs etcd clusters on this machine whose members are child
// processes of the running program, to see what survives when they fail:
// members can be killed, stopped, cut off from each other and started again on
// their data, and the networks that clients reach them by can be cut.
//
// The program executes itself for each member, so its main must call Main
// before anything else. All is on 127.0.0.1 and in one temporary folder, and
// goes with Close. If the program dies first, however it does, the members
// follow, and the last thing they do is to remove that folder.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"etcd-lock/internal/etcd"
)

var (
	// ErrNotRunning is that a member cannot be stopped or continued because it
	// is dead.
	ErrNotRunning = errors.New("cluster: member is not running")
	// ErrClosed is that the cluster has been closed.
	ErrClosed = errors.New("cluster: closed")
)

// Options says how the members run. The zero value will do.
type Options struct {
	// Config is what the members have in common. Names, addresses and folders
	// are the cluster's to give.
	Config etcd.EmbeddedConfig
	// Stderr is where members that crash write why; nowhere when nil. If it is
	// not a file it must be safe for concurrent use.
	Stderr io.Writer
}

// Cluster is a cluster of etcd on this machine. It is safe for concurrent use.
type Cluster struct {
	dir     string
	members []*Member
	peers   *peers

	mu       sync.Mutex
	networks []Network
	closed   bool
}

// Start runs a cluster of n members and returns once all of them serve. A
// context that ends before that stops them.
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

// prepare finds the members their places, and starts none.
func (c *Cluster) prepare(n int, opts Options) (err error) {
	if n < 1 {
		return fmt.Errorf("of %d members", n)
	}
	if c.dir, err = os.MkdirTemp("", "etcd-lock-*"); err != nil {
		return err
	}
	addrs, err := freeAddrs(2 * n)
	if err != nil {
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
		cfg.Name, cfg.Dir = name, filepath.Join(c.dir, name)
		cfg.Peer, cfg.AdvertisePeer = "http://"+c.peers.addrs[i], c.peers.url(i)
		cfg.Client = "http://" + addrs[n+i]
		c.members = append(c.members, &Member{
			number: i + 1,
			addr:   addrs[n+i],
			peers:  c.peers,
			child:  child{Config: cfg, Remove: c.dir, proxy: c.peers.proxy(i), stderr: opts.Stderr},
		})
	}
	for _, m := range c.members {
		m.child.Config.Cluster = strings.Join(initial, ",")
	}
	return nil
}

// start starts all members at once, for none serves alone. The first that
// cannot ends the wait for the others.
func (c *Cluster) start(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	for _, m := range c.members {
		all.Go(func() error { return m.Restart(ctx) })
	}
	return all.Wait()
}

func memberName(number int) string { return fmt.Sprintf("member-%d", number) }

// freeAddrs are n ports of 127.0.0.1 that were free just now: a member that is
// to come back at the same address cannot ask for any. They are below the ports
// that the system gives to outgoing connections, one of which could take it
// before the member does, or while the member is down.
func freeAddrs(n int) ([]string, error) {
	var addrs []string
	var err error
	for range n + 100 {
		var l net.Listener
		l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.N(20000)))
		if err != nil {
			continue
		}
		defer func() { _ = l.Close() }() // at the end, so that none is given twice
		if addrs = append(addrs, l.Addr().String()); len(addrs) == n {
			return addrs, nil
		}
	}
	return nil, fmt.Errorf("no free port: %w", err)
}

// Members are the members by number, of which the first is 1.
func (c *Cluster) Members() []*Member { return c.members }

// Endpoints are the addresses that the members serve clients on.
func (c *Cluster) Endpoints() []string {
	var all []string
	for _, m := range c.members {
		all = append(all, m.addr)
	}
	return all
}

// Network is a new network to all members, for a client that is to be cut off
// without others. It is closed with the cluster at the latest.
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

// Close kills all members, ends all networks and removes the data. It may be
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
	if c.dir != "" {
		_ = os.RemoveAll(c.dir)
	}
}
