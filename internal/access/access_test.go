package access_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"etcd-lock/internal/access"
	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/rwlock"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

func TestCommands(t *testing.T) {
	got := access.Roles()[1].Commands(cmdline.Flags{}, "/it's/")
	want := []string{
		"etcdctl role add etcd-lock-operator",
		`etcdctl role grant-permission --prefix=true etcd-lock-operator readwrite '/it'\''s/'`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("Commands = %q, want %q", got, want)
	}
	if got := access.Roles()[0].Commands(cmdline.Flags{}, "-v")[1]; !strings.HasSuffix(got, " read -- -v") {
		t.Errorf("with a dash: %s", got)
	}
}

func TestRange(t *testing.T) {
	tests := []struct {
		r    access.Range
		want string
	}{
		{access.Range{Key: "", End: "\x00"}, "all keys"},
		{access.Range{Key: "\x00", End: "\x00"}, "all keys"},
		{access.Range{Key: "/a", End: ""}, `the key "/a"`},
		{access.Range{Key: "/a/", End: "/a0"}, `keys that begin with "/a/"`},
		{access.Range{Key: "/a", End: "\x00"}, `keys from "/a" on`},
		{access.Range{Key: "/a", End: "/c"}, `keys from "/a" to before "/c"`},
	}
	for _, tt := range tests {
		if got := tt.r.String(); got != tt.want {
			t.Errorf("%#v = %s, want %s", tt.r, got, tt.want)
		}
	}
}

// TestRolesAllow does, as a user of each role on an etcd with auth, what the
// role says that its users can and cannot.
func TestRolesAllow(t *testing.T) {
	t.Parallel()
	s := etcdtest.StartSecure(t, true)
	users := map[string][]etcdtest.Grant{"nobody": nil}
	for _, r := range access.Roles() {
		users[r.Name] = []etcdtest.Grant{{Type: r.Permission, Prefix: "/a/"}}
	}
	etcdtest.EnableAuth(t, s.Client("root"), users)
	root := s.Client("root")
	// What is done to them leaves them there: only one's user has the right.
	inside, across := leaseWith(t, root, "/a/x/write/1"), leaseWith(t, root, "/a/x/write/2", "/b/y/write/1")
	actions := []struct {
		name string
		do   func(context.Context, *clientv3.Client) error
		may  string // v, o and t for the roles, n for a user without any
	}{
		{"list", func(ctx context.Context, c *clientv3.Client) error {
			_, err := inspect.NewSource(c).Snapshot(ctx, "/a/")
			return err
		}, "vot"},
		{"list a shorter prefix", func(ctx context.Context, c *clientv3.Client) error {
			_, err := inspect.NewSource(c).Snapshot(ctx, "/a")
			return err
		}, ""},
		{"list all", func(ctx context.Context, c *clientv3.Client) error {
			_, err := inspect.NewSource(c).Snapshot(ctx, "")
			return err
		}, ""},
		{"watch", func(ctx context.Context, c *clientv3.Client) error {
			ctx, cancel := context.WithCancel(ctx)
			updates := inspect.NewSource(c).Watch(ctx, "/a/")
			u := <-updates
			cancel()
			for range updates {
			}
			return u.Err
		}, "vot"},
		{"a lease's time to live", func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.TimeToLive(ctx, across)
			return err
		}, "votn"},
		{"a lease's keys, all below the prefix", func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.TimeToLive(ctx, inside, clientv3.WithAttachedKeys())
			return err
		}, "vot"},
		{"a lease's keys, one of them elsewhere", func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.TimeToLive(ctx, across, clientv3.WithAttachedKeys())
			return err
		}, ""},
		{"open a session", func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Grant(ctx, 1)
			return err
		}, "votn"},
		{"renew a session with keys below the prefix", func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.KeepAliveOnce(ctx, inside)
			return err
		}, "ot"},
		{"renew a session with a key elsewhere", func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.KeepAliveOnce(ctx, across)
			return err
		}, ""},
		{"delete a request", func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Delete(ctx, "/a/none/write/1")
			return err
		}, "ot"},
		{"end a session with keys below the prefix", func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Revoke(ctx, leaseWith(t, root, "/a/z/write/1"))
			return err
		}, "ot"},
		{"end a session with a key elsewhere", func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Revoke(ctx, across)
			return err
		}, ""},
		{"take a lock", func(ctx context.Context, c *clientv3.Client) error { return take(ctx, c, "/a/free") }, "ot"},
		{"take a lock elsewhere", func(ctx context.Context, c *clientv3.Client) error { return take(ctx, c, "/b/free") }, ""},
		{"list leases", func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Leases(ctx)
			return err
		}, ""},
	}
	for letter, user := range map[string]string{
		"v": "etcd-lock-viewer", "o": "etcd-lock-operator", "t": "etcd-lock-tester", "n": "nobody",
	} {
		client := s.Client(user)
		for _, a := range actions {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			err := a.do(ctx, client)
			cancel()
			if may := strings.Contains(a.may, letter); (err == nil) != may {
				t.Errorf("%s: %s: %v, want it allowed: %v", user, a.name, err, may)
			}
		}
	}
}

// leaseWith is a lease that keys hang on.
func leaseWith(t *testing.T, client *clientv3.Client, keys ...string) clientv3.LeaseID {
	t.Helper()
	lease, err := client.Grant(t.Context(), 60)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if _, err := client.Put(t.Context(), k, "", clientv3.WithLease(lease.ID)); err != nil {
			t.Fatal(err)
		}
	}
	return lease.ID
}

func take(ctx context.Context, client *clientv3.Client, name string) error {
	s, err := rwlock.NewSession(ctx, client, 10*time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	m := s.NewRWMutex(name)
	if err := m.RWLock(ctx); err != nil {
		return err
	}
	return m.Unlock()
}

// TestCheck: what is said of a user holds, by password and by certificate, and
// asking changes nothing.
func TestCheck(t *testing.T) {
	t.Parallel()
	users := map[string][]etcdtest.Grant{
		"viewer":   {etcdtest.Read("/a/")},
		"operator": {etcdtest.ReadWrite("/a/")},
		"writer":   {etcdtest.Write("/a/")},
		"parts":    {etcdtest.ReadWrite("/a/x/"), etcdtest.Read("/b/")},
		"nobody":   nil,
	}
	tests := []struct {
		user string
		want string // list, watch, leases, take, release
		may  string
	}{
		{"viewer", "yyynn", `may read keys that begin with "/a/", and write nothing`},
		{"operator", "yyyyy", ""},
		{"writer", "nnynn", `may read nothing, and write keys that begin with "/a/"`},
		{"parts", "nnynn", `may read keys that begin with "/a/x/", keys that begin with "/b/", and write keys that begin with "/a/x/"`},
		{"nobody", "nnynn", "may read nothing, and write nothing"},
		{"root", "yyyyy", "may read all keys, and write all keys"},
	}
	root := map[bool]string{true: "root"} // with passwords, nobody may do all as long as auth is off
	for name, certs := range map[string]bool{"Passwords": false, "Certificates": true} {
		t.Run(name, func(t *testing.T) {
			s := etcdtest.StartSecure(t, certs)
			admin := s.Client(root[certs])
			off, err := access.Check(t.Context(), admin, "", "/a/")
			if err != nil || off.Auth || allowed(off) != "yyyyy" {
				t.Errorf("without auth: %+v, %v", off, err)
			}
			etcdtest.EnableAuth(t, admin, users)
			after := s.Client("root")
			before := revision(t, after)
			for _, tt := range tests {
				got, err := access.Check(t.Context(), s.Client(tt.user), tt.user, "/a/")
				if err != nil || !got.Auth || allowed(got) != tt.want || tt.may != "" && got.Grants.String() != tt.may {
					t.Errorf("%s: %+v, %v; want %s, %s", tt.user, got, err, tt.want, tt.may)
				}
			}
			if got := revision(t, after); got != before {
				t.Errorf("revision %d became %d", before, got)
			}
		})
	}
}

// TestCheckOfReluctantServers: a server that tells root alone whether authentication is
// enabled, or that does not know the question, is understood, and what it does not
// answer is unknown.
func TestCheckOfReluctantServers(t *testing.T) {
	t.Parallel()
	s := etcdtest.StartSecure(t, false)
	etcdtest.EnableAuth(t, s.Client(""), map[string][]etcdtest.Grant{"viewer": {etcdtest.Read("/a/")}})
	learner := status.Error(codes.Unavailable, "etcdserver: rpc not supported for learner")
	tests := []struct {
		user    string
		name    string
		refuse  map[string]error // by the end of the method
		auth    bool
		authErr string
		want    string
	}{
		{"viewer", "3.5", map[string]error{"/AuthStatus": rpctypes.ErrGRPCPermissionDenied}, true, "", "yyynn"},
		{"viewer", "3.4", map[string]error{"/AuthStatus": status.Error(codes.Unimplemented, "unknown method AuthStatus")}, true, "", "yyynn"},
		{"root", "3.4Root", map[string]error{"/AuthStatus": status.Error(codes.Unimplemented, "unknown method AuthStatus")}, false, "etcd before 3.5 does not say", "yyyyy"},
		{"viewer", "learner", map[string]error{"/AuthStatus": learner, "/UserGet": learner, "/Txn": learner}, false, "not supported for learner", "yyy??"},
		{"viewer", "corrupt", map[string]error{"/Txn": rpctypes.ErrGRPCCorrupt}, true, "", "yyynn"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, err := s.Config(tt.user).Connect(t.Context(), grpc.WithChainUnaryInterceptor(
				func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
					if err := tt.refuse[method[strings.LastIndexByte(method, '/'):]]; err != nil {
						return err
					}
					return invoke(ctx, method, req, reply, cc, opts...)
				}))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = client.Close() }()
			got, err := access.Check(t.Context(), client, tt.user, "/a/")
			says := ""
			if got.AuthErr != nil {
				says = got.AuthErr.Error()
			}
			if err != nil || got.Auth != tt.auth || (says == "") != (tt.authErr == "") || !strings.Contains(says, tt.authErr) || allowed(got) != tt.want {
				t.Errorf("%+v, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func allowed(r access.Report) string {
	var s string
	for _, a := range r.Actions {
		switch {
		case a.Unknown:
			s += "?"
		case a.Allowed:
			s += "y"
		default:
			s += "n"
		}
	}
	return s
}

func revision(t *testing.T, client *clientv3.Client) int64 {
	t.Helper()
	resp, err := client.Get(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.Revision
}

// TestLockRights: a program that takes one lock needs no more than its two
// folders of keys, also when its login has run out while it holds and waits.
func TestLockRights(t *testing.T) {
	t.Parallel()
	s := etcdtest.StartSecure(t, false, func(c *etcd.EmbeddedConfig) { c.TokenTTL = time.Second })
	etcdtest.EnableAuth(t, s.Client(""), map[string][]etcdtest.Grant{
		"program": {etcdtest.ReadWrite("/a/read/"), etcdtest.ReadWrite("/a/write/")},
	})
	// Renewals are so far apart that each one needs a new login.
	session, err := rwlock.NewSession(t.Context(), s.Client("program"), 9*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = session.Close() }()
	holder, waiter := session.NewRWMutex("/a"), session.NewRWMutex("/a")
	if err := holder.RWLock(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() { got <- waiter.RLock(t.Context()) }()
	opened := session.Deadline()
	etcdtest.Eventually(t, "two renewals", func() bool { return session.Deadline().After(opened.Add(3500 * time.Millisecond)) })
	if err := errors.Join(holder.Unlock(), <-got, waiter.Unlock()); err != nil {
		t.Error(err)
	}
}

// TestRangePrefix: only a range of keys that begin alike has a prefix.
func TestRangePrefix(t *testing.T) {
	for r, want := range map[access.Range]string{
		{Key: "/a/", End: "/a0"}: "/a/", {Key: "\x00", End: "\x00"}: "", {End: "\x00"}: "", {Key: "\xff", End: "\x00"}: "\xff",
	} {
		if got, ok := r.Prefix(); got != want || !ok {
			t.Errorf("%q: %q, %t", r, got, ok)
		}
	}
	for _, r := range []access.Range{{Key: "/a/"}, {Key: "/a", End: "/c"}, {Key: "/a", End: "\x00"}} {
		if got, ok := r.Prefix(); ok {
			t.Errorf("%q: %q", r, got)
		}
	}
}
