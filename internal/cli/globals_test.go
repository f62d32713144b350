package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/config"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/etcd"
)

// env is an environment of name=value pairs.
func env(pairs ...string) func(string) string {
	return func(name string) string {
		for _, p := range pairs {
			if n, value, _ := strings.Cut(p, "="); n == name {
				return value
			}
		}
		return ""
	}
}

// parse runs a command line up to where the command ls would begin, and
// returns what the global flags came to.
func parse(t *testing.T, getenv func(string) string, args ...string) (globals, error) {
	t.Helper()
	a := &app{System: System{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}, Getenv: getenv}}
	root := newRootCmd(a)
	for _, c := range root.Commands() {
		if c.Name() == "ls" {
			root.RemoveCommand(c)
		}
	}
	root.AddCommand(newLsCmd(a, func(context.Context, *lsOptions) error { return nil }))
	root.SetArgs(append([]string{"ls"}, args...))
	err := root.Execute()
	return a.globals, err
}

func TestGlobals(t *testing.T) {
	defaults := func(change func(*globals)) globals {
		g := globals{
			connection: connect.Options{
				Etcd: etcd.Config{
					Endpoints: []string{"127.0.0.1:2379"}, DialTimeout: 2 * time.Second,
					KeepAliveTime: etcd.DefaultKeepAliveTime, KeepAliveTimeout: etcd.DefaultKeepAliveTimeout,
				},
				Discovery: etcd.Discovery{Insecure: true},
				Timeout:   5 * time.Second,
			},
			plain:  true,
			output: output.Text,
		}
		change(&g)
		return g
	}
	tests := []struct {
		name string
		args string
		env  []string
		want globals
	}{
		{"defaults", "", nil, defaults(func(*globals) {})},
		{"endpoints", "--endpoints a:1,b:2 --endpoints c:3", nil, defaults(func(g *globals) {
			g.connection.Etcd.Endpoints, g.endpointsSet = []string{"a:1", "b:2", "c:3"}, true
		})},
		{"all of etcdctl's", "--cacert ca --cert c --key k --user u --password p --dial-timeout 1s --command-timeout 3s", nil,
			defaults(func(g *globals) {
				g.connection.Etcd.CACert, g.connection.Etcd.Cert, g.connection.Etcd.Key, g.connection.Etcd.User, g.connection.Etcd.Password = "ca", "c", "k", "u", "p"
				g.connection.Etcd.DialTimeout, g.connection.Timeout = time.Second, 3*time.Second
			})},
		{"a trailing comma and spaces", "", []string{"ETCDCTL_ENDPOINTS= a:1,, b:2 ,"}, defaults(func(g *globals) {
			g.connection.Etcd.Endpoints, g.endpointsSet = []string{"a:1", "b:2"}, true
		})},
		{"token", "", []string{"ETCDCTL_AUTH_JWT_TOKEN=t"}, defaults(func(g *globals) { g.connection.Etcd.Token = "t" })},
		{"environment", "", []string{
			"ETCDCTL_ENDPOINTS=a:1,b:2", "ETCDCTL_CACERT=ca", "ETCDCTL_CERT=c", "ETCDCTL_KEY=k",
			"ETCDCTL_USER=u", "ETCDCTL_PASSWORD=p", "ETCDCTL_DIAL_TIMEOUT=1s", "ETCDCTL_COMMAND_TIMEOUT=3s",
		}, defaults(func(g *globals) {
			g.connection.Etcd = etcd.Config{
				Endpoints: []string{"a:1", "b:2"}, CACert: "ca", Cert: "c", Key: "k",
				User: "u", Password: "p", DialTimeout: time.Second,
				KeepAliveTime: etcd.DefaultKeepAliveTime, KeepAliveTimeout: etcd.DefaultKeepAliveTimeout,
			}
			g.connection.Timeout, g.endpointsSet = 3*time.Second, true
		})},
		{"TLS and keepalive", "--keepalive-time 20s --keepalive-timeout 4s --insecure-transport=false", []string{"ETCDCTL_INSECURE_SKIP_TLS_VERIFY=true"},
			defaults(func(g *globals) {
				e := &g.connection.Etcd
				g.plain, e.RequireTLS, e.SkipVerify, e.KeepAliveTime, e.KeepAliveTimeout = false, true, true, 20*time.Second, 4*time.Second
			})},
		{"discovery", "-d example.com", []string{"ETCDCTL_DISCOVERY_SRV_NAME=blue", "ETCDCTL_INSECURE_DISCOVERY=false"}, defaults(func(g *globals) {
			g.connection.Discovery, g.endpointsSet = etcd.Discovery{Domain: "example.com", Service: "blue"}, true
		})},
		{"endpoints win over discovery in the environment", "--endpoints b:2", []string{"ETCDCTL_DISCOVERY_SRV=example.com"}, defaults(func(g *globals) {
			g.connection.Etcd.Endpoints, g.endpointsSet = []string{"b:2"}, true
		})},
		{"as etcdctl calls it", "-w json", nil, defaults(func(g *globals) { g.output = output.JSON })},
		{"a flag wins", "--endpoints b:2", []string{"ETCDCTL_ENDPOINTS=a:1"}, defaults(func(g *globals) {
			g.connection.Etcd.Endpoints, g.endpointsSet = []string{"b:2"}, true
		})},
		{"embedded wins over the environment", "--embedded", []string{"ETCDCTL_ENDPOINTS=a:1"}, defaults(func(g *globals) {
			g.connection.Etcd.Endpoints, g.endpointsSet, g.connection.Embedded = []string{"a:1"}, true, true
		})},
		{"the rest", "-o json --read-only", nil, defaults(func(g *globals) {
			g.output, g.readOnly = output.JSON, true
		})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parse(t, env(tt.env...), strings.Fields(tt.args)...)
			got.connection.Flags = cmdline.Flags{} // TestFlagsOfPrintedCommands is about them
			got.load = nil                         // the same for all
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, tt.want)
			}
		})
	}
}

func TestGlobalsErrors(t *testing.T) {
	tests := []struct {
		args []string
		env  string
		want string
	}{
		{[]string{"--endpoints", ""}, "", "--endpoints is empty"},
		{[]string{"--endpoints", " , "}, "", "--endpoints is empty"},
		{[]string{"--user", "u"}, "ETCDCTL_AUTH_JWT_TOKEN=t", "--auth-jwt-token and --user, --password are mutually exclusive"},
		{[]string{"--cert", "c"}, "", "--cert and --key must be used together"},
		{[]string{"--dial-timeout", "0s"}, "", "--dial-timeout 0s: must be more than 0"},
		{[]string{"--command-timeout", "-1s"}, "", "--command-timeout -1s: must be more than 0"},
		{[]string{"--user", "u", "--password", "p", "--password-file", "f"}, "", "mutually exclusive"},
		{[]string{"--password-file", "f"}, "", "--password-file requires --user"},
		{[]string{"--endpoints", "http://a:1", "--cacert", "ca"}, "", "http://a:1 does not use TLS, but TLS files are given"},
		{[]string{"--endpoints", "http://a:1,https://b:1"}, "", "but another endpoint does"},
		{[]string{"--endpoints", "a:1", "-d", "example.com"}, "", "--discovery-srv and --endpoints are mutually exclusive"},
		{[]string{"--embedded", "-d", "example.com"}, "", "--embedded and --discovery-srv are mutually exclusive"},
		{[]string{"--endpoints", "http://a:1", "--insecure-transport=false"}, "", "http://a:1 does not use TLS, but --insecure-transport=false"},
		{[]string{"--keepalive-time", "0s"}, "", "--keepalive-time 0s: must be more than 0"},
		{[]string{"--keepalive-timeout", "-1s"}, "", "--keepalive-timeout -1s: must be more than 0"},
		{[]string{"-o", "xml"}, "", "must be table or json"},
		{nil, "ETCDCTL_COMMAND_TIMEOUT=5", "environment variable ETCDCTL_COMMAND_TIMEOUT"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			_, err := parse(t, env(tt.env), tt.args...)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !isUsage(err) {
				t.Errorf("error = %v, want a usage error with %q", err, tt.want)
			}
		})
	}
}

// A flag of a command that hides a global one, such as --key, makes the global
// one unusable with that command.
func TestNoFlagHidesAGlobal(t *testing.T) {
	root := newRootCmd(&app{System: System{Getenv: env("")}})
	var check func(*cobra.Command)
	check = func(cmd *cobra.Command) {
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			for parent := cmd; parent != nil; parent = parent.Parent() {
				global := parent.PersistentFlags().Lookup(f.Name)
				short := f.Shorthand != "" && parent.PersistentFlags().ShorthandLookup(f.Shorthand) != nil
				if global != nil && global != f || short {
					t.Errorf("%s: --%s hides a flag of %s", cmd.CommandPath(), f.Name, parent.CommandPath())
				}
			}
		})
		for _, c := range cmd.Commands() {
			check(c)
		}
	}
	check(root)
}

// What connects printed commands to the same etcd: no passwords, no tokens, and nothing that
// the environment says, which they have too. etcdctl knows no contexts, and refuses a flag
// beside its variable.
func TestFlagsOfPrintedCommands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	text := "contexts:\n  prod: {endpoints: ['https://a:1'], cacert: /ca, user: ops, password-file: /secret}\n  other: {endpoints: ['b:1']}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	config := "ETCD_LOCK_CONFIG=" + file
	for _, tt := range []struct {
		name, args               string
		env                      []string
		etcdLock, etcdctl, unset string
	}{
		{"nothing", "", nil, "", "", ""},
		{"environment", "", []string{"ETCDCTL_ENDPOINTS=a:1", "ETCDCTL_USER=u", "ETCDCTL_PASSWORD=p"}, "", "", ""},
		{"given", "--endpoints a:1,b:2 --dial-timeout 3s --read-only", nil, "--endpoints=a:1,b:2 --dial-timeout=3s", "--endpoints=a:1,b:2 --dial-timeout=3s", ""},
		{"IPv6", "--endpoints [::1]:2379,[::2]:2379", nil, "--endpoints=[::1]:2379,[::2]:2379", "--endpoints=[::1]:2379,[::2]:2379", ""},
		{"TLS", "--endpoints https://a:1 --cacert ca --cert c --key k --insecure-skip-tls-verify --insecure-transport=false", nil,
			"--endpoints=https://a:1 --cacert=ca --cert=c --key=k --insecure-transport=false --insecure-skip-tls-verify",
			"--endpoints=https://a:1 --cacert=ca --cert=c --key=k --insecure-transport=false --insecure-skip-tls-verify", ""},
		{"secrets", "--user bob:secret --password secret", []string{"ETCDCTL_PASSWORD=other"}, "--user=bob", "--user=bob", "ETCDCTL_PASSWORD"},
		{"secrets of endpoints", "--endpoints http://u:secret@a:1,u:p@b:2", nil, "--endpoints=http://a:1,b:2", "--endpoints=http://a:1,b:2", ""},
		{"token", "--auth-jwt-token secret", nil, "", "", ""},
		{"password file", "--user bob --password-file f", nil, "--user=bob --password-file=f", "--user=bob", ""},
		{"layouts", "--layouts l,1.yaml --layouts l2.yaml --lock-keys /cron/* --hidden", nil, "--layouts=l,1.yaml --layouts=l2.yaml --lock-keys=/cron/* --hidden", "", ""},
		{"flag and variable", "--endpoints b:2", []string{"ETCDCTL_ENDPOINTS=a:1", "ETCDCTL_CACERT=ca", "ETCDCTL_DISCOVERY_SRV=example.com"},
			"--endpoints=b:2", "--endpoints=b:2", "ETCDCTL_ENDPOINTS ETCDCTL_DISCOVERY_SRV"},
		{"discovery", "-d example.com", nil, "--discovery-srv=example.com", "--discovery-srv=example.com", ""},
		{"context", "--context prod", []string{config, "ETCDCTL_ENDPOINTS=z:1", "ETCDCTL_PASSWORD=p"},
			"--context=prod", "--endpoints=https://a:1 --cacert=/ca --user=ops", "ETCDCTL_ENDPOINTS ETCDCTL_PASSWORD"},
		{"context and member", "--context prod --endpoints https://c:1", []string{config},
			"--context=prod --endpoints=https://c:1", "--endpoints=https://c:1 --cacert=/ca --user=ops", ""},
		{"context and login", "--context prod --user root", []string{config}, "--context=prod --user=root", "--endpoints=https://a:1 --cacert=/ca --user=root", ""},
		{"context of the environment", "", []string{config, "ETCD_LOCK_CONTEXT=prod"}, "", "--endpoints=https://a:1 --cacert=/ca --user=ops", ""},
		{"file", "--context other --config " + file, nil, "--context=other --config=" + file, "--endpoints=b:1", ""},
		{"embedded", "--embedded --hidden", []string{"ETCDCTL_ENDPOINTS=z:1"}, "--hidden", "", "ETCDCTL_ENDPOINTS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, err := parse(t, env(tt.env...), strings.Fields(tt.args)...)
			if err != nil {
				t.Fatal(err)
			}
			f := g.connection.Flags
			got := []string{strings.Join(f.EtcdLock, " "), strings.Join(f.Etcdctl, " "), strings.Join(f.Unset, " ")}
			if want := []string{tt.etcdLock, tt.etcdctl, tt.unset}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// Of several contexts, printed commands name the one that they are about, however several were
// named, and are without what was given for another etcd.
func TestFlagsOfPrintedCommandsOfSeveral(t *testing.T) {
	f, err := config.Parse("c.yaml", []byte("contexts: {prod: {endpoints: ['https://a:1'], cacert: /ca, user: ops, password-file: /secret}}"))
	if err != nil {
		t.Fatal(err)
	}
	given := pflag.NewFlagSet("", pflag.ContinueOnError)
	(&globals{}).register(given)
	if err := given.Parse([]string{"--endpoints", "http://b:2", "--read-only=false", "--hidden", "--context", "prod,other"}); err != nil {
		t.Fatal(err)
	}
	g, err := (&globals{config: f}).in("prod", given, env("ETCDCTL_USER=me"))
	if err != nil {
		t.Fatal(err)
	}
	want := cmdline.Flags{
		EtcdLock: []string{"--context=prod", "--hidden"}, Etcdctl: []string{"--endpoints=https://a:1", "--cacert=/ca", "--user=ops"},
		Unset: []string{"ETCDCTL_USER"},
	}
	if got := g.connection.Flags; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// One prompt at a time is on the terminal, and what was answered is not asked again when the
// context is tried again.
func TestAskOnce(t *testing.T) {
	asked := 0
	var terminal sync.Mutex
	ask := askOnce(&terminal, func(context.Context, string) (string, error) {
		if terminal.TryLock() {
			t.Error("the terminal is not taken")
		}
		if asked++; asked == 1 {
			return "", errors.New("not now")
		}
		return "secret", nil
	})
	for i, want := range []string{"", "secret", "secret"} {
		if got, err := ask(t.Context(), ""); got != want || (err != nil) != (i == 0) {
			t.Errorf("%d: %q, %v", i, got, err)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
}
