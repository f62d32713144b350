package etcdtest

import (
	"context"
	"errors"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcd"
)

// Secure is a member that serves clients over TLS.
type Secure struct {
	Endpoint  string
	Authority *Authority // of the member's certificate, and of clients'

	tb          testing.TB
	clientCerts bool
}

// StartSecure runs a member with TLS inside the test binary until the test
// ends. With clientCerts it takes only clients that show a certificate of the
// authority's, whose common name is the user; without, users have passwords.
func StartSecure(tb testing.TB, clientCerts bool, configure ...func(*etcd.EmbeddedConfig)) *Secure {
	tb.Helper()
	s := &Secure{Authority: NewAuthority(tb), tb: tb, clientCerts: clientCerts}
	var cfg etcd.EmbeddedConfig
	cfg.TLS.Cert, cfg.TLS.Key = s.Authority.Issue("server")
	if clientCerts {
		cfg.TLS.ClientCA = s.Authority.CA
	}
	s.Endpoint = Start(tb, append([]func(*etcd.EmbeddedConfig){func(c *etcd.EmbeddedConfig) { *c = cfg }}, configure...)...)
	return s
}

// Config is how user reaches the member. With passwords, "" is nobody.
func (s *Secure) Config(user string) etcd.Config {
	s.tb.Helper()
	c := etcd.Config{Endpoints: []string{s.Endpoint}, CACert: s.Authority.CA, DialTimeout: 20 * time.Second}
	switch {
	case s.clientCerts:
		c.Cert, c.Key = s.Authority.Issue(user)
	case user != "":
		c.User, c.Password = user, Password
	}
	return c
}

// Client connects as user until the test ends.
func (s *Secure) Client(user string) *clientv3.Client {
	s.tb.Helper()
	return Connect(s.tb, s.Config(user))
}

// Connect connects until the test ends.
func Connect(tb testing.TB, cfg etcd.Config) *clientv3.Client {
	tb.Helper()
	client, err := cfg.Connect(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// Password is that of all users.
const Password = "a secret: of tests"

// Grant is a right on all keys that begin with Prefix.
type Grant struct {
	Type   clientv3.PermissionType
	Prefix string
}

// Read is the right to read and watch.
func Read(prefix string) Grant { return Grant{clientv3.PermissionType(clientv3.PermRead), prefix} }

// Write is the right to put and delete.
func Write(prefix string) Grant { return Grant{clientv3.PermissionType(clientv3.PermWrite), prefix} }

// ReadWrite is both.
func ReadWrite(prefix string) Grant {
	return Grant{clientv3.PermissionType(clientv3.PermReadWrite), prefix}
}

// EnableAuth switches auth on, with users that have a role each of the same
// name. There is a user root too, who may do all. After that client, which
// need not have a user, may do nothing more.
func EnableAuth(tb testing.TB, client *clientv3.Client, users map[string][]Grant) {
	tb.Helper()
	ctx := context.Background()
	_, err1 := client.UserAdd(ctx, "root", Password)
	_, err2 := client.UserGrantRole(ctx, "root", "root")
	errs := []error{err1, err2}
	for name, grants := range users {
		_, err1 := client.RoleAdd(ctx, name)
		_, err2 := client.UserAdd(ctx, name, Password)
		_, err3 := client.UserGrantRole(ctx, name, name)
		errs = append(errs, err1, err2, err3)
		for _, g := range grants {
			_, err := client.RoleGrantPermission(ctx, name, g.Prefix, clientv3.GetPrefixRangeEnd(g.Prefix), g.Type)
			errs = append(errs, err)
		}
	}
	_, err := client.AuthEnable(ctx)
	if err := errors.Join(append(errs, err)...); err != nil {
		tb.Fatal(err)
	}
}
