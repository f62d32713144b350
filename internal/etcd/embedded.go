package etcd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
)

// EmbeddedConfig says how an embedded member runs. The zero value is a member
// of its own on a free port of 127.0.0.1, with its data in a temporary folder
// that goes when the member is closed, or if its process was killed when the
// next one starts.
type EmbeddedConfig struct {
	Name    string // "default" when empty
	Dir     string // data folder, kept on Close; temporary when empty
	Client  string // URL to serve clients on; a free port of 127.0.0.1 when empty
	Peer    string // URL to serve peers on; likewise
	Cluster string // initial cluster as name=url,…; this member alone when empty
	Joins   bool   // the cluster exists, and this member was added to it

	// AdvertisePeer is the URL that other members reach this one by; Peer when
	// empty.
	AdvertisePeer string

	// Durable makes every write wait for the disk, as a real server does. Off,
	// data survives the death of the process but not of the machine.
	Durable bool

	// TLS says how the member proves to clients who it is; without, it serves
	// them in the clear.
	TLS ServerTLS

	// TokenTTL is how long a login lasts that is not used, in whole seconds;
	// etcd's five minutes when 0.
	TokenTTL time.Duration

	// ElectionTimeout is how long the members wait for a leader before they elect
	// another; 500ms when 0. etcd raises any TTL to 1.5 times of it.
	ElectionTimeout time.Duration

	// MaxStreams is how many calls and streams a connection may have at a time, as
	// --max-concurrent-streams sets it; no limit when 0.
	MaxStreams uint32
}

// ServerTLS are PEM files. The zero value is no TLS.
type ServerTLS struct {
	Cert, Key string // the member's own
	ClientCA  string // authority of the certificates that clients must show; they need none when empty
}

func (t ServerTLS) scheme() string {
	if t.Cert == "" {
		return "http"
	}
	return "https"
}

// Embedded is an etcd member inside this process.
type Embedded struct {
	server  *embed.Etcd
	scratch *Scratch // nil if the data folder is the caller's
	closed  sync.Once
}

const (
	freePort     = "127.0.0.1:0"
	startTimeout = 30 * time.Second

	// cheapBcrypt is the least that bcrypt takes: what needs real passwords
	// does not embed its etcd.
	cheapBcrypt = 4

	// Ticks short enough that a session TTL of one second is granted as asked:
	// etcd raises any TTL to 1.5 times its election timeout.
	heartbeatMs = 50
	electionMs  = 500
)

// StartEmbedded starts a member and returns once it serves clients. A context
// that ends before that stops it.
func StartEmbedded(ctx context.Context, cfg EmbeddedConfig) (*Embedded, error) {
	e := &Embedded{}
	if cfg.Dir == "" {
		scratch, err := NewScratch()
		if err != nil {
			return nil, fmt.Errorf("embedded etcd: %w", err)
		}
		cfg.Dir, e.scratch = filepath.Join(scratch.Dir, "data"), scratch
	}
	ec, err := embedConfig(cfg)
	if err == nil {
		e.server, err = embed.StartEtcd(ec)
	}
	if err == nil {
		err = e.waitReady(ctx)
	}
	if err != nil {
		e.Close()
		return nil, fmt.Errorf("embedded etcd: %w", err)
	}
	return e, nil
}

// Endpoint is the address that serves clients, with https:// before it if it
// takes TLS.
func (e *Embedded) Endpoint() string {
	addr := e.server.Clients[0].Addr().String()
	if e.server.Config().ClientTLSInfo.Empty() {
		return addr
	}
	return "https://" + addr
}

// Done closes when the member has died by itself.
func (e *Embedded) Done() <-chan struct{} { return e.server.Server.StopNotify() }

// Close stops the member and removes its temporary folder. It may be called
// more than once.
func (e *Embedded) Close() {
	e.closed.Do(func() {
		if e.server != nil {
			e.server.Close()
		}
		if e.scratch != nil {
			e.scratch.Close()
		}
	})
}

func (e *Embedded) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case <-e.server.Server.ReadyNotify():
		return nil
	case <-e.server.Server.StopNotify():
		return errors.New("stopped while starting")
	case err := <-e.server.Err():
		return err
	case <-ctx.Done():
		return fmt.Errorf("not ready: %w", ctx.Err())
	}
}

func embedConfig(cfg EmbeddedConfig) (*embed.Config, error) {
	ec := embed.NewConfig()
	if cfg.Name != "" {
		ec.Name = cfg.Name
	}
	client, err := parseURL(cfg.Client, cfg.TLS.scheme())
	if err != nil {
		return nil, err
	}
	peer, err := parseURL(cfg.Peer, "http")
	if err != nil {
		return nil, err
	}
	ec.Dir = cfg.Dir
	ec.ListenClientUrls, ec.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	ec.ListenPeerUrls, ec.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	if cfg.AdvertisePeer != "" {
		if peer, err = parseURL(cfg.AdvertisePeer, "http"); err != nil {
			return nil, err
		}
		ec.AdvertisePeerUrls = []url.URL{peer}
	}
	ec.InitialCluster = cfg.Cluster
	if cfg.Cluster == "" {
		ec.InitialCluster = ec.InitialClusterFromName(ec.Name)
	}
	if cfg.Joins {
		ec.ClusterState = embed.ClusterStateFlagExisting
	}
	ec.StrictReconfigCheck = false // else members can be replaced only five seconds after a restart
	ec.TickMs, ec.ElectionMs = heartbeatMs, electionMs
	if cfg.ElectionTimeout > 0 {
		ec.ElectionMs = uint(cfg.ElectionTimeout / time.Millisecond)
	}
	if cfg.MaxStreams > 0 {
		ec.MaxConcurrentStreams = cfg.MaxStreams
	}
	ec.UnsafeNoFsync = !cfg.Durable
	ec.ClientTLSInfo = transport.TLSInfo{
		CertFile: cfg.TLS.Cert, KeyFile: cfg.TLS.Key,
		TrustedCAFile: cfg.TLS.ClientCA, ClientCertAuth: cfg.TLS.ClientCA != "",
	}
	ec.BcryptCost = cheapBcrypt
	if cfg.TokenTTL > 0 {
		ec.AuthTokenTTL = uint(cfg.TokenTTL / time.Second)
	}
	ec.Logger, ec.LogLevel, ec.LogOutputs = "zap", "fatal", []string{"/dev/null"}
	return ec, nil
}

// parseURL reads s, which when empty is a free port.
func parseURL(s, scheme string) (url.URL, error) {
	if s == "" {
		s = scheme + "://" + freePort
	}
	u, err := url.Parse(s)
	if err != nil {
		return url.URL{}, fmt.Errorf("address %q: %w", s, err)
	}
	return *u, nil
}
