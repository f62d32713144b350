package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"etcd-lock/internal/access"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/inspect"
	"etcd-lock/simulate"
)

// globals are the flags of all commands.
type globals struct {
	etcd           etcd.Config
	passwordFile   string
	commandTimeout time.Duration
	embedded       bool
	chosen         bool // the endpoints are not the default
	output         format
	readOnly       bool

	askPassword func(ctx context.Context, prompt string) (string, error) // nil where nobody can be asked
	warn        func(string)
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
	fs.StringVar(&g.etcd.User, "user", "", "`name[:password]` to log in with; without a password, the terminal asks for it. Others on the machine can see what is on a command line")
	fs.StringVar(&g.etcd.Password, "password", "", "password to log in with; others on the machine can see it: rather --password-file, or wait to be asked")
	fs.StringVar(&g.passwordFile, "password-file", "", "`file` whose first line is the password to log in with")
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
	g.chosen = fs.Changed("endpoints") || getenv(envName("endpoints")) != ""
	switch {
	case g.embedded && fs.Changed("endpoints"):
		return errors.New("--embedded and --endpoints exclude each other")
	case g.passwordFile != "" && fs.Changed("password"):
		return errors.New("--password and --password-file exclude each other")
	case g.passwordFile != "" && g.etcd.User == "":
		return errors.New("--password-file goes with --user")
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
	}
	if err := c.CheckTLS(); err != nil {
		return fmt.Errorf("--endpoints: %w", err)
	}
	return nil
}

// remote is an etcd that has answered.
type remote struct {
	client   *clientv3.Client
	etcd     simulate.Etcd // the same one, for clients of their own
	source   *inspect.Source
	endpoint string // for people to read
	user     string // who etcd takes us for, if it asks
	timeout  time.Duration
	close    func()
}

// connect reaches the etcd that the flags name, or starts one.
func (g *globals) connect(ctx context.Context) (*remote, error) {
	cfg, stop, err := g.target(ctx)
	if err != nil {
		return nil, err
	}
	client, err := cfg.Connect(ctx)
	if err != nil {
		stop()
		return nil, errors.Join(err, ctx.Err())
	}
	return &remote{
		client: client,
		etcd: simulate.Etcd{Connect: func(ctx context.Context, _ string, opts ...grpc.DialOption) (*clientv3.Client, error) {
			return cfg.Connect(ctx, opts...)
		}},
		source:   inspect.NewSource(client),
		endpoint: strings.Join(cfg.Endpoints, ","),
		user:     cfg.UserName(),
		timeout:  g.commandTimeout,
		close: func() {
			_ = client.Close() // all that was wanted of it has been answered
			stop()
		},
	}, nil
}

// target is the etcd to connect to, started if it is to be embedded.
func (g *globals) target(ctx context.Context) (cfg etcd.Config, stop func(), err error) {
	if !g.embedded {
		cfg, err = g.withPassword(ctx)
		return cfg, func() {}, err
	}
	member, err := etcd.StartEmbedded(ctx, etcd.EmbeddedConfig{})
	if err != nil {
		return etcd.Config{}, nil, err
	}
	return etcd.Config{Endpoints: []string{member.Endpoint()}, DialTimeout: g.etcd.DialTimeout}, member.Close, nil
}

// ask runs one question to etcd within the command's time.
func (c *remote) ask(ctx context.Context, question func(context.Context) error) error {
	timed, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	err := question(timed)
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case timed.Err() != nil:
		return c.noAnswer()
	case errors.Is(err, rpctypes.ErrPermissionDenied):
		return c.denied(timed, err)
	default:
		return err
	}
}

// denied adds to a refusal what the user may do, as far as etcd tells.
func (c *remote) denied(ctx context.Context, refusal error) error {
	grants, err := access.FindGrants(ctx, c.client, c.user)
	if err != nil {
		return fmt.Errorf("%w: etcd at %s tells of no rights of user %q", refusal, c.endpoint, c.user)
	}
	return fmt.Errorf("%w: user %q %s", refusal, c.user, grants)
}

func (c *remote) noAnswer() error {
	return fmt.Errorf("etcd at %s did not answer within %s (--command-timeout)", c.endpoint, c.timeout)
}
