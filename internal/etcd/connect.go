// Package etcd connects to etcd the way etcdctl does, and runs an embedded
// member where there is none to connect to.
package etcd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc/grpclog"
)

// DefaultEndpoint is where etcd listens unless told otherwise.
const DefaultEndpoint = "127.0.0.1:2379"

// Config says how to reach etcd. Its fields are etcdctl's flags.
type Config struct {
	Endpoints   []string
	CACert      string // PEM file of the authority that signed the servers' certificates
	Cert        string // PEM file of the client's certificate
	Key         string // PEM file of the client's private key
	User        string // name, or name:password
	Password    string
	DialTimeout time.Duration // bound on reaching the first endpoint
}

// Connect returns a client that has heard from etcd, or an error within
// DialTimeout that says why not.
func (c Config) Connect(ctx context.Context) (*clientv3.Client, error) {
	cfg, err := c.clientConfig()
	if err != nil {
		return nil, err
	}
	client, err := clientv3.New(cfg)
	if err != nil {
		return nil, c.explain(err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.DialTimeout)
	defer cancel()
	if err := probe(ctx, client); err != nil {
		_ = client.Close()
		return nil, c.explain(err)
	}
	return client, nil
}

func (c Config) clientConfig() (clientv3.Config, error) {
	if len(c.Endpoints) == 0 {
		return clientv3.Config{}, errors.New("no etcd endpoint given")
	}
	tlsConfig, err := c.tlsConfig()
	if err != nil {
		return clientv3.Config{}, err
	}
	user, password := c.User, c.Password
	if password == "" {
		user, password, _ = strings.Cut(c.User, ":")
	}
	return clientv3.Config{
		Endpoints:            c.Endpoints,
		DialTimeout:          c.DialTimeout,
		DialKeepAliveTime:    5 * time.Second,
		DialKeepAliveTimeout: 3 * time.Second,
		TLS:                  tlsConfig,
		Username:             user,
		Password:             password,
		Logger:               zap.NewNop(), // a log line would tear the screen
	}, nil
}

func (c Config) tlsConfig() (*tls.Config, error) {
	info := transport.TLSInfo{CertFile: c.Cert, KeyFile: c.Key, TrustedCAFile: c.CACert}
	if info.Empty() && c.CACert == "" {
		for _, e := range c.Endpoints {
			if strings.HasPrefix(e, "https://") {
				return &tls.Config{MinVersion: tls.VersionTLS12}, nil
			}
		}
		return nil, nil //nolint:nilnil // no TLS is what clientv3 means by nil
	}
	cfg, err := info.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return cfg, nil
}

// explain names the endpoints, which clientv3's errors leave out.
func (c Config) explain(err error) error {
	where := strings.Join(c.Endpoints, ",")
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("etcd at %s did not answer within %s; is it running, and is --endpoints right?", where, c.DialTimeout)
	}
	return fmt.Errorf("etcd at %s: %w", where, err)
}

// probe asks for a key that need not exist. An etcd that refuses to say has
// answered too: what the user may do shows when they do it.
func probe(ctx context.Context, client *clientv3.Client) error {
	_, err := client.Get(ctx, "etcd-lock", clientv3.WithCountOnly(), clientv3.WithSerializable())
	if errors.Is(err, rpctypes.ErrPermissionDenied) {
		return nil
	}
	return err
}

// Quiet stops gRPC from writing to the terminal. It is for programs, once, and
// not safe to call while clients run.
func Quiet() { grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard)) }
