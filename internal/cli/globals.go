package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"etcd-lock/internal/cli/contexts"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cli/recording"
	"etcd-lock/internal/config"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/patrol"
)

// globals are the flags of all commands.
type globals struct {
	connection   connect.Options
	endpointsSet bool // by a flag or the environment
	plain        bool // connect without TLS unless something asks for it
	output       output.Format
	readOnly     bool

	configPath  string // --config
	contextFlag string // --context
	config      config.File
	chosen      contexts.Chosen
	context     config.Context                          // that is used; its zero value: none is
	several     []*globals                              // of the contexts, for a command that is about several; else nil
	load        func(layout.Extra) (*layout.Set, error) // layouts, as long as the command goes on
	prompting   *sync.Mutex                             // of several contexts: held while a password is asked for
}

const (
	defaultDialTimeout    = 2 * time.Second
	defaultCommandTimeout = 5 * time.Second
)

// register adds the flags to fs. Those for the connection have etcdctl's names.
func (g *globals) register(fs *pflag.FlagSet) {
	c := &g.connection
	fs.StringSliceVar(&c.Etcd.Endpoints, "endpoints", []string{etcd.DefaultEndpoint}, "etcd endpoints, comma separated")
	fs.StringVar(&c.Etcd.CACert, "cacert", "", "verify the server's certificate with this CA bundle, a PEM `file`")
	fs.StringVar(&c.Etcd.Cert, "cert", "", "identify with this client certificate, a PEM `file`")
	fs.StringVar(&c.Etcd.Key, "key", "", "private key of the client certificate, a PEM `file`")
	fs.StringVar(&c.Etcd.User, "user", "", "log in as `name[:password]`; without a password, prompt for it. A command line is visible to other users of this machine")
	fs.StringVar(&c.Etcd.Password, "password", "", "password to log in with; visible to other users of this machine: prefer --password-file or the prompt")
	fs.StringVar(&c.PasswordFile, "password-file", "", "`file` whose first line is the password to log in with")
	fs.StringVar(&c.Etcd.Token, "auth-jwt-token", "", "JWT `token` to log in with; visible to other users of this machine: prefer ETCDCTL_AUTH_JWT_TOKEN")
	fs.BoolVar(&g.plain, "insecure-transport", true, "without a scheme in --endpoints and TLS files, connect without TLS")
	fs.BoolVar(&c.Etcd.SkipVerify, "insecure-skip-tls-verify", false, "accept any certificate of the server; whoever is between here and etcd can then read and change everything")
	fs.StringVarP(&c.Discovery.Domain, "discovery-srv", "d", "", "find the endpoints by the SRV records of this `domain`")
	fs.StringVar(&c.Discovery.Service, "discovery-srv-name", "", "suffix of the `service` in SRV records, as in _etcd-client-ssl-SERVICE")
	fs.BoolVar(&c.Discovery.Insecure, "insecure-discovery", true, "accept SRV records of endpoints without TLS")
	fs.DurationVar(&c.Etcd.KeepAliveTime, "keepalive-time", etcd.DefaultKeepAliveTime, "how long etcd may be silent before it is asked for a sign of life; at least 10s")
	fs.DurationVar(&c.Etcd.KeepAliveTimeout, "keepalive-timeout", etcd.DefaultKeepAliveTimeout, "how long etcd may take to give one")
	fs.DurationVar(&c.Etcd.DialTimeout, "dial-timeout", defaultDialTimeout, "timeout for connecting")
	fs.DurationVar(&c.Timeout, "command-timeout", defaultCommandTimeout, "timeout for each call to etcd")
	fs.BoolVar(&c.Embedded, "embedded", false, "start an empty etcd inside this process and connect to that")
	fs.StringArrayVar(&c.Layouts.Files, "layouts", nil, "`file` of more layouts of locks, see etcd-lock layouts; can be repeated")
	fs.StringArrayVar(&c.Layouts.LockKeys, "lock-keys", nil, "`pattern` of keys that are locks while they exist, such as '/cron/lock/*'; can be repeated")
	fs.BoolVar(&c.Layouts.Hidden, "hidden", false, "show locks of hidden layouts too, such as the heartbeats of Kubernetes nodes")
	g.output = output.Text
	fs.VarP(&g.output, "output", "o", "table or json")
	fs.VarP(&g.output, "write-out", "w", "the same, as etcdctl calls it")
	fs.BoolVar(&g.readOnly, "read-only", false, "never write to etcd")
	fs.StringVar(&g.configPath, "config", "", "configuration `file` with contexts, keys and commands on rows (default etcd-lock/config.yaml in the user's configuration directory)")
	fs.StringVar(&g.contextFlag, "context", "", "`name` of the cluster in the configuration file; for tui, ls, show, why and watch several, such as dev,prod")
}

// The variables of this program that are about the configuration file.
const (
	configEnv  = "ETCD_LOCK_CONFIG"
	contextEnv = "ETCD_LOCK_CONTEXT"
)

// resolve reads the configuration file, and fills flags that were not given from the
// contexts that are used or, without one, from the environment. It checks that the flags fit
// together.
func (g *globals) resolve(ctx context.Context, fs *pflag.FlagSet, getenv func(string) string) error {
	if err := g.configure(ctx, fs, getenv); err != nil {
		return err
	}
	switch {
	case len(g.chosen.Several) > 0:
		return g.enterAll(fs, getenv)
	case g.chosen.Name == "":
		err := g.settle(fs, getenv)
		g.connection.Flags = contexts.Lines(fs, config.Context{}, "", getenv)
		return err
	default:
		return g.enter(fs, strings.TrimSpace(g.contextFlag), getenv)
	}
}

// configure reads the configuration file, and chooses the contexts.
func (g *globals) configure(ctx context.Context, fs *pflag.FlagSet, getenv func(string) string) (err error) {
	path := cmp.Or(g.configPath, getenv(configEnv))
	if g.config, err = config.Load(ctx, cmp.Or(path, configFile(config.Name)), path != ""); err != nil {
		return err
	}
	here, variable := g.connection.Embedded || fs.Changed("endpoints") || fs.Changed("discovery-srv"), getenv(contextEnv)
	if here {
		variable = "" // a login must not get to another etcd
	}
	if g.connection.Embedded && g.contextFlag != "" {
		return exclusive("--embedded", "--context")
	}
	here = here || getenv(contexts.EnvName("endpoints")) != "" || getenv(contexts.EnvName("discovery-srv")) != ""
	g.chosen, err = contexts.Choose(g.config, g.contextFlag, variable, here)
	return err
}

// enter takes what was not given by flags from the context that was chosen. The
// environment is about another etcd. Named is how printed commands name the context; empty:
// they need not.
func (g *globals) enter(fs *pflag.FlagSet, named string, getenv func(string) string) error {
	g.context, _ = g.config.Find(g.chosen.Name)
	if err := contexts.Apply(fs, g.context); err != nil {
		return err
	}
	if err := g.settle(fs, func(string) string { return "" }); err != nil {
		return fmt.Errorf("context %s: %w", g.context.Name, err)
	}
	g.endpointsSet = g.endpointsSet || g.chosen.Named
	g.connection.Flags = contexts.Lines(fs, g.context, named, getenv)
	return nil
}

// in returns the globals for another context: what it says, and what was given by flags that
// are not about one etcd.
func (g *globals) in(name string, given *pflag.FlagSet, getenv func(string) string) (*globals, error) {
	fresh := &globals{}
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	fresh.register(fs)
	without := contexts.Identity()
	if !g.readOnly { // that one context may be written to says nothing of another
		without = append(without, "read-only")
	}
	if err := contexts.Copy(fs, given, without); err != nil {
		return nil, err
	}
	fresh.config, fresh.chosen = g.config, contexts.Chosen{Name: name, Named: true}
	fresh.connection.AskPassword, fresh.connection.Warn = g.connection.AskPassword, g.connection.Warn
	return fresh, fresh.enter(fs, name, getenv)
}

// settle fills flags that were not given from the environment, and checks that the flags
// fit together.
func (g *globals) settle(fs *pflag.FlagSet, getenv func(string) string) error {
	for _, name := range contexts.FromEnv() {
		f, value := fs.Lookup(name), getenv(contexts.EnvName(name))
		if f.Changed || value == "" {
			continue
		}
		if err := f.Value.Set(value); err != nil {
			return fmt.Errorf("environment variable %s is %q: %w", contexts.EnvName(name), shownValue(name, value), err)
		}
	}
	c := &g.connection
	if c.Embedded || fs.Changed("endpoints") && !fs.Changed("discovery-srv") { // flags go before the environment
		c.Discovery.Domain = ""
	}
	g.endpointsSet = fs.Changed("endpoints") || getenv(contexts.EnvName("endpoints")) != "" || c.Discovery.Domain != ""
	c.Etcd.RequireTLS = !g.plain
	switch {
	case c.Embedded && fs.Changed("endpoints"):
		return exclusive("--embedded", "--endpoints")
	case c.Embedded && fs.Changed("discovery-srv"):
		return exclusive("--embedded", "--discovery-srv")
	case fs.Changed("discovery-srv") && fs.Changed("endpoints"):
		return exclusive("--discovery-srv", "--endpoints")
	case c.PasswordFile != "" && fs.Changed("password"):
		return exclusive("--password", "--password-file")
	case c.PasswordFile != "" && c.Etcd.User == "":
		return errors.New("--password-file requires --user")
	}
	return checkConnection(c)
}

// shownValue returns the value of a flag as errors show it.
func shownValue(name, value string) string {
	if name == "endpoints" {
		return etcd.WithoutLogin(value) // also where it is a list that cannot be read
	}
	return value
}

func checkConnection(c *connect.Options) error {
	for i, e := range c.Etcd.Endpoints {
		c.Etcd.Endpoints[i] = etcd.WithoutLogin(strings.TrimSpace(e)) // for all that names them
	}
	// A trailing comma is no endpoint.
	c.Etcd.Endpoints = slices.DeleteFunc(c.Etcd.Endpoints, func(e string) bool { return e == "" })
	switch {
	case c.Etcd.Token != "" && (c.Etcd.User != "" || c.Etcd.Password != ""):
		return exclusive("--auth-jwt-token", "--user, --password")
	case len(c.Etcd.Endpoints) == 0:
		return errors.New("--endpoints is empty")
	case (c.Etcd.Cert == "") != (c.Etcd.Key == ""):
		return errors.New("--cert and --key must be used together")
	case c.Etcd.KeepAliveTime <= 0:
		return notPositive("keepalive-time", c.Etcd.KeepAliveTime)
	case c.Etcd.KeepAliveTimeout <= 0:
		return notPositive("keepalive-timeout", c.Etcd.KeepAliveTimeout)
	case c.Etcd.DialTimeout <= 0:
		return notPositive("dial-timeout", c.Etcd.DialTimeout)
	case c.Timeout <= 0:
		return notPositive("command-timeout", c.Timeout)
	}
	if err := cmp.Or(c.Etcd.CheckEndpoints(), c.Etcd.CheckTLS()); err != nil {
		return fmt.Errorf("--endpoints: %w", err)
	}
	return nil
}

// connect connects to the etcd that the flags name.
func (g *globals) connect(ctx context.Context) (*connect.Conn, error) {
	g.connection.Layouts.Default = configFile("layouts.yaml")
	return connect.Open(ctx, g.connection)
}

// rules returns the layouts that the flags name.
func (g *globals) rules() (*layout.Set, error) {
	extra := g.connection.Layouts
	extra.Default = configFile("layouts.yaml")
	rules, err := g.load(extra)
	if err != nil {
		return nil, &connect.OptionError{Err: err}
	}
	return rules, nil
}

// moment opens the moment of a recording that flags select.
func (a *app) moment(f recording.Flags, revision int64, prefixes ...string) (flight.Moment, error) {
	rules, err := a.rules()
	if err != nil {
		return flight.Moment{}, err
	}
	m, err := f.Open(rules, revision, a.now(), prefixes...)
	if err != nil {
		return flight.Moment{}, err
	}
	of := ""
	if m.Cluster != "" {
		of = " of cluster " + m.Cluster
	}
	printNote(a.Err, "note", fmt.Sprintf("as recorded at %s, revision %d%s", flight.Show(m.Time), m.Snapshot.Revision, of))
	for _, doubt := range m.Doubts {
		printNote(a.Err, "note", doubt)
	}
	return m, nil
}

// reach returns the prefixes to read, given those that the user gave. If the user may
// read only some, a note says so.
func reach(ctx context.Context, c *connect.Conn, given []string, notes io.Writer) (keyspace.Prefixes, error) {
	r, err := c.Reach(ctx, given)
	if r.Limited {
		printNote(notes, "note", r.Note())
	}
	return r.Prefixes, err
}

// reach is the function of that name, with notes on standard error.
func (a *app) reach(ctx context.Context, c *connect.Conn, given []string) (keyspace.Prefixes, error) {
	return reach(ctx, c, given, a.Err)
}

// reachIn is reach for one of several contexts, which its notes name.
func (a *app) reachIn(ctx context.Context, name string, c *connect.Conn, given []string) (keyspace.Prefixes, error) {
	if name == "" {
		return a.reach(ctx, c, given)
	}
	return reach(ctx, c, given, notesOf{a.Err, name})
}

// proxyRenewsNothing is what a holder of a lock has to know of a proxy.
const proxyRenewsNothing = "etcd is reached through a proxy: with authentication enabled, etcd's grpc-proxy renews no session, so that locks are lost when their TTL is over"

// sayTroubles returns connect with a report of etcd's alarms, and of a proxy through
// which sessions cannot be renewed. What cannot be read is not reported, nor what does
// not keep locks from being taken and held: a program that is to run under a lock is not
// about that.
func sayTroubles(connectTo func(context.Context) (*connect.Conn, error), report func(string)) func(context.Context) (*connect.Conn, error) {
	return func(ctx context.Context) (*connect.Conn, error) {
		c, err := connectTo(ctx)
		if err != nil {
			return nil, err
		}
		findings, _ := patrol.Cluster(ctx, c)
		alarms, _ := split(findings, diagnose.Finding.IsAlarm)
		for _, f := range alarms {
			text := narrate.Present.With(c.Flags).Finding(f)
			report(text.Headline)
			for _, clause := range text.Clauses {
				report(clause)
			}
		}
		if c.User != "" && slices.ContainsFunc(findings, func(f diagnose.Finding) bool { return f.Kind == diagnose.Proxy }) {
			report(proxyRenewsNothing)
		}
		return c, nil
	}
}
