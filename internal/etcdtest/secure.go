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
	Authority *Authority // signed the member's certificate, and signs clients'

	tb          testing.TB
	clientCerts bool
}

// StartSecure runs a member with TLS in the test binary until the test ends. With
// clientCerts, clients must present a certificate signed by the authority, and
// its common name is the user. Without, users log in with passwords.
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

// Config returns the configuration to connect as user. With passwords, "" connects
// without a user.
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

// Client returns a client for user that is closed when the test ends.
func (s *Secure) Client(user string) *clientv3.Client {
	s.tb.Helper()
	return Connect(s.tb, s.Config(user))
}

// Connect returns a client for cfg that is closed when the test ends.
func Connect(tb testing.TB, cfg etcd.Config) *clientv3.Client {
	tb.Helper()
	client, err := cfg.Connect(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// Password is the password of every user.
const Password = "a secret: of tests"

// Grant is a permission on all keys that begin with Prefix.
type Grant struct {
	Type   clientv3.PermissionType
	Prefix string
	Alone  bool // Prefix is a key, and only that
}

// ReadKey grants reading and watching one key.
func ReadKey(key string) Grant {
	return Grant{Type: clientv3.PermissionType(clientv3.PermRead), Prefix: key, Alone: true}
}

// Read grants reading and watching.
func Read(prefix string) Grant {
	return Grant{Type: clientv3.PermissionType(clientv3.PermRead), Prefix: prefix}
}

// Write grants putting and deleting.
func Write(prefix string) Grant {
	return Grant{Type: clientv3.PermissionType(clientv3.PermWrite), Prefix: prefix}
}

// ReadWrite grants reading, watching, putting and deleting.
func ReadWrite(prefix string) Grant {
	return Grant{Type: clientv3.PermissionType(clientv3.PermReadWrite), Prefix: prefix}
}

// EnableAuth enables authentication and creates users, each with a role of the
// same name, and root, who may do everything. After that a client that has not
// logged in may do nothing, which includes client.
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
			end := clientv3.GetPrefixRangeEnd(g.Prefix)
			if g.Alone {
				end = ""
			}
			_, err := client.RoleGrantPermission(ctx, name, g.Prefix, end, g.Type)
			errs = append(errs, err)
		}
	}
	_, err := client.AuthEnable(ctx)
	if err := errors.Join(append(errs, err)...); err != nil {
		tb.Fatal(err)
	}
}
