package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/inspect"
)

// globals are the flags of all commands.
type globals struct {
	etcd           etcd.Config
	commandTimeout time.Duration
	embedded       bool
	output         format
	readOnly       bool
}

const (
	defaultDialTimeout    = 2 * time.Second
	defaultCommandTimeout = 5 * time.Second
)

// register adds the flags that say how to reach etcd as etcdctl names them.
func (g *globals) register(fs *pflag.FlagSet) {
	fs.StringSliceVar(&g.etcd.Endpoints, "endpoints", []string{etcd.DefaultEndpoint}, "etcd's addresses, comma separated")
	fs.StringVar(&g.etcd.CACert, "cacert", "", "PEM `file` of the authority that signed the servers' certificates")
	fs.StringVar(&g.etcd.Cert, "cert", "", "PEM `file` of our certificate")
	fs.StringVar(&g.etcd.Key, "key", "", "PEM `file` of our private key")
	fs.StringVar(&g.etcd.User, "user", "", "`name[:password]` to log in with")
	fs.StringVar(&g.etcd.Password, "password", "", "password to log in with")
	fs.DurationVar(&g.etcd.DialTimeout, "dial-timeout", defaultDialTimeout, "how long to wait for a connection")
	fs.DurationVar(&g.commandTimeout, "command-timeout", defaultCommandTimeout, "how long a command waits for etcd's answers")
	fs.BoolVar(&g.embedded, "embedded", false, "start an etcd inside this process, with nothing in it, and use that")
	g.output = formatTable
	fs.VarP(&g.output, "output", "o", "table or json")
	fs.BoolVar(&g.readOnly, "read-only", false, "change nothing in etcd")
}

// fromEnv are the flags that etcdctl also takes from the environment.
func fromEnv() []string {
	return []string{"endpoints", "cacert", "cert", "key", "user", "password", "dial-timeout", "command-timeout"}
}

func envName(flag string) string {
	return "ETCDCTL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// resolve fills what the flags left open from the environment, and checks that
// it all makes sense together.
func (g *globals) resolve(fs *pflag.FlagSet, getenv func(string) string) error {
	for _, name := range fromEnv() {
		f, value := fs.Lookup(name), getenv(envName(name))
		if f.Changed || value == "" {
			continue
		}
		if err := f.Value.Set(value); err != nil {
			return fmt.Errorf("environment variable %s: %w", envName(name), err)
		}
	}
	if g.embedded && fs.Changed("endpoints") {
		return errors.New("--embedded and --endpoints exclude each other")
	}
	return g.check()
}

func (g *globals) check() error {
	c := &g.etcd
	for i, e := range c.Endpoints {
		if c.Endpoints[i] = strings.TrimSpace(e); c.Endpoints[i] == "" {
			return errors.New("--endpoints: one of them is empty")
		}
	}
	switch {
	case len(c.Endpoints) == 0:
		return errors.New("--endpoints is empty")
	case (c.Cert == "") != (c.Key == ""):
		return errors.New("--cert and --key go together")
	case c.DialTimeout <= 0:
		return fmt.Errorf("--dial-timeout %s: must be more than 0", c.DialTimeout)
	case g.commandTimeout <= 0:
		return fmt.Errorf("--command-timeout %s: must be more than 0", g.commandTimeout)
	case c.User != "" && c.Password == "" && !strings.Contains(c.User, ":"):
		// clientv3 would go on without logging in.
		return errors.New("--user needs a password: --user name:password, --password, or " + envName("password"))
	}
	return nil
}

// cluster is an etcd that has answered.
type cluster struct {
	client   *clientv3.Client
	source   *inspect.Source
	endpoint string // for people to read
	timeout  time.Duration
	close    func()
}

// connect reaches the etcd that the flags name, or starts one.
func (g *globals) connect(ctx context.Context) (*cluster, error) {
	cfg, stop := g.etcd, func() {}
	if g.embedded {
		member, err := etcd.StartEmbedded(ctx, etcd.EmbeddedConfig{})
		if err != nil {
			return nil, err
		}
		cfg = etcd.Config{Endpoints: []string{member.Endpoint()}, DialTimeout: g.etcd.DialTimeout}
		stop = member.Close
	}
	client, err := cfg.Connect(ctx)
	if err != nil {
		stop()
		return nil, errors.Join(err, ctx.Err())
	}
	return &cluster{
		client:   client,
		source:   inspect.NewSource(client),
		endpoint: strings.Join(cfg.Endpoints, ","),
		timeout:  g.commandTimeout,
		close: func() {
			_ = client.Close() // all that was wanted of it has been answered
			stop()
		},
	}, nil
}

// ask runs one question to etcd within the command's time.
func (c *cluster) ask(ctx context.Context, question func(context.Context) error) error {
	timed, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	err := question(timed)
	if err != nil && ctx.Err() == nil && timed.Err() != nil {
		return fmt.Errorf("etcd at %s did not answer within %s (--command-timeout)", c.endpoint, c.timeout)
	}
	return err
}
