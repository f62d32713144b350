// Package connect opens connections to etcd for commands and for the terminal
// UI: to the cluster that Options name, or to an etcd that it starts inside this
// process.
package connect

import (
	"context"
	"errors"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
)

// Options say which etcd to connect to, and how to log in.
type Options struct {
	Etcd         etcd.Config    // endpoints, TLS files, user and dial timeout
	Discovery    etcd.Discovery // of the endpoints, instead of those of Etcd
	PasswordFile string         // the first line is the password; empty: no file
	Timeout      time.Duration  // of each call, see Conn.Do
	Embedded     bool           // start an empty etcd inside this process and connect to that
	Layouts      layout.Extra   // of locks, beside the built-in ones
	Flags        cmdline.Flags  // that connect printed commands to the same etcd

	// AskPassword prompts for a password. It is nil when there is nobody to ask.
	AskPassword func(ctx context.Context, prompt string) (string, error)
	// Warn reports something that is wrong but does not stop the connection.
	Warn func(text string)
}

// Open connects to etcd, and starts it first when it is embedded. It returns once
// etcd has answered, or with an error within the dial timeout. A missing or
// unusable password is an *OptionError.
func Open(ctx context.Context, o Options) (*Conn, error) {
	rules, err := o.Layouts.Load()
	if err != nil {
		return nil, &OptionError{err}
	}
	cfg, stop, err := o.target(ctx)
	if err != nil {
		return nil, err
	}
	client, err := cfg.Connect(ctx)
	if err != nil {
		stop()
		return nil, errors.Join(err, ctx.Err())
	}
	return &Conn{
		Client:   client,
		Source:   inspect.NewSourceOf(client, rules),
		Endpoint: describe(cfg),
		User:     cfg.UserName(),
		Timeout:  o.Timeout,
		Flags:    o.reached(cfg),
		cfg:      cfg,
		stop:     stop,
	}, nil
}

// reached returns the flags that connect printed commands to the same etcd. Nobody but this
// program knows where an embedded one listens.
func (o Options) reached(cfg etcd.Config) cmdline.Flags {
	f := o.Flags
	if o.Embedded {
		here := []string{"--endpoints=" + strings.Join(cfg.Endpoints, ",")}
		f.EtcdLock, f.Etcdctl = append(here, f.EtcdLock...), append(here, f.Etcdctl...)
	}
	return f
}

// describe returns the endpoints for people to read.
func describe(cfg etcd.Config) string {
	text := strings.Join(cfg.Endpoints, ",")
	if cfg.SkipVerify {
		text += " (not verified)"
	}
	return text
}

// target returns the etcd to connect to, started if it is embedded, and the
// function that stops it again.
func (o Options) target(ctx context.Context) (cfg etcd.Config, stop func(), err error) {
	if !o.Embedded {
		if o.Etcd, err = o.Etcd.Discover(ctx, o.Discovery); err != nil {
			return cfg, nil, err
		}
		if o.Etcd.SkipVerify {
			o.Warn("the certificates of etcd are not verified: whoever is between here and there can read and change everything, the password too")
		}
		cfg, err = o.withPassword(ctx)
		return cfg, func() {}, err
	}
	member, err := etcd.StartEmbedded(ctx, etcd.EmbeddedConfig{})
	if err != nil {
		return etcd.Config{}, nil, err
	}
	return etcd.Config{Endpoints: []string{member.Endpoint()}, DialTimeout: o.Etcd.DialTimeout}, member.Close, nil
}

// OptionError is returned for options that cannot be used as they were given.
type OptionError struct{ Err error }

func (e *OptionError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *OptionError) Unwrap() error { return e.Err }

// Conn is a connection to an etcd that has answered.
type Conn struct {
	Client   *clientv3.Client
	Source   *inspect.Source // reads locks over Client
	Endpoint string          // the endpoints, comma separated, for people to read
	User     string          // that etcd knows the client by; empty without a login
	Timeout  time.Duration   // of each call, see Do
	Flags    cmdline.Flags   // that connect printed commands to the same etcd

	cfg  etcd.Config
	stop func() // stops an embedded etcd
}

// Endpoints returns all endpoints of etcd, those too that are not used for now.
func (c *Conn) Endpoints() []string { return c.cfg.Endpoints }

// TLS reports whether the connection is encrypted.
func (c *Conn) TLS() bool { return c.cfg.UsesTLS() }

// Skew asks an endpoint for the time, see etcd.Config.Skew.
func (c *Conn) Skew(ctx context.Context, endpoint string) (etcd.Skew, error) {
	return c.cfg.Skew(ctx, endpoint)
}

// Close closes the connection, and stops the etcd if it is embedded. Calls that
// are still running fail.
func (c *Conn) Close() {
	_ = c.Client.Close() // everything that was asked for has been answered
	c.stop()
}

// Dial opens another connection to the same etcd, with the same login, for a
// client that must not share this one. The caller closes it.
func (c *Conn) Dial(ctx context.Context, opts ...grpc.DialOption) (*clientv3.Client, error) {
	return c.cfg.Connect(ctx, opts...)
}
