package console

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/access"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
)

// connAs connects to a member as a user.
func connAs(s *etcdtest.Secure, user string) *connect.Conn {
	client := s.Client(user)
	return &connect.Conn{Client: client, Source: inspect.NewSource(client), Endpoint: s.Endpoint, User: user, Timeout: 20 * time.Second}
}

// The explanation of a refusal says what the user may read instead.
func TestRights(t *testing.T) {
	t.Parallel()
	s := etcdtest.StartSecure(t, false)
	etcdtest.EnableAuth(t, s.Client(""), map[string][]etcdtest.Grant{
		"bob":    {etcdtest.Read("/b/"), etcdtest.ReadWrite("/app/")},
		"many":   {etcdtest.Read("/1/"), etcdtest.Read("/2/"), etcdtest.Read("/3/"), etcdtest.Read("/4/"), etcdtest.Read("/5/")},
		"writer": {etcdtest.Write("/a/")},
	})
	for _, tt := range []struct {
		user, prefix string // or prefixes
		refusal      error
		want         backend.Refusal
	}{
		{"bob", "/", rpctypes.ErrPermissionDenied, backend.Refusal{Why: "user bob may not read /", Helps: "may read /app/ and /b/: etcd-lock tui /app/ /b/"}},
		{"bob", "/b", rpctypes.ErrPermissionDenied, backend.Refusal{Why: "user bob may not read /b", Helps: "may read /b/ and /app/: etcd-lock tui /b/ /app/"}},
		{"bob", "/app/ /gone/", rpctypes.ErrPermissionDenied, backend.Refusal{Why: "user bob may not read all of /app/ and /gone/", Helps: "may read /app/ and /b/: etcd-lock tui /app/ /b/"}},
		{"bob", "", rpctypes.ErrPermissionDenied, backend.Refusal{Why: "user bob may not read all keys", Helps: "may read /app/ and /b/: etcd-lock tui /app/ /b/"}},
		{"many", "/", rpctypes.ErrPermissionDenied, backend.Refusal{Why: "user many may not read /", Helps: "may read /1/, /2/, /3/ and 2 more: etcd-lock tui /1/ /2/ /3/"}},
		{"writer", "/a/", rpctypes.ErrPermissionDenied, backend.Refusal{Why: "user writer may not read /a/", Helps: "may read nothing; etcd-lock access /a/ prints the roles that are needed"}},
		{"bob", "/", rpctypes.ErrUserEmpty, backend.Refusal{Why: "etcd requires authentication", Helps: "restart with --user, or with --cert and --key"}},
		{"bob", "/", rpctypes.ErrAuthFailed, backend.Refusal{Why: "etcd no longer accepts user bob with this password", Helps: "restart with the new password; the old one is tried ever more rarely, at least every ten minutes"}},
	} {
		r := rights{connAs(s, tt.user)}
		if !r.Refused(tt.refusal) {
			t.Errorf("%v is no refusal", tt.refusal)
		}
		if got := r.Explain(t.Context(), keyspace.NewPrefixes(strings.Fields(tt.prefix)...), tt.refusal); got != tt.want {
			t.Errorf("%s on %q: %q, want %q", tt.user, tt.prefix, got, tt.want)
		}
	}
	if r := (rights{}); r.Refused(rpctypes.ErrNoLeader) || r.Refused(errors.New("connection refused")) {
		t.Error("an etcd that does not answer denies nothing")
	}
}

// Ranges that are not prefixes are left out, but for single keys, which can be locks.
func TestPrefixes(t *testing.T) {
	ranges := []access.Range{{Key: "/k"}, {Key: "/a", End: "/c"}, {Key: "/from", End: "\x00"}}
	if got := prefixes(ranges, nil); !slices.Equal(got, []string{"/k"}) {
		t.Errorf("%q", got)
	}
}

// TestWatchRefused: the watch of a user whose rights and login come and go says
// that it is refused, and goes on by itself.
func TestWatchRefused(t *testing.T) {
	t.Parallel()
	s := etcdtest.StartSecure(t, false)
	etcdtest.EnableAuth(t, s.Client(""), map[string][]etcdtest.Grant{"bob": {etcdtest.Read("/a/"), etcdtest.Read("/b/")}})
	root, c := s.Client("root"), connAs(s, "bob")
	r := rights{c}
	updates := source{c.Source}.Watch(t.Context(), "/a/", "/app/", "/b/")
	t.Cleanup(func() {
		for range updates {
		}
	})
	until := func(what string, holds func(inspect.Update) bool) {
		t.Helper()
		late := time.After(20 * time.Second)
		for {
			select {
			case u := <-updates:
				if holds(u) {
					return
				}
				if u.Err != nil && !r.Refused(u.Err) && !errors.Is(u.Err, inspect.ErrBehind) {
					t.Errorf("%s: %v", what, u.Err)
				}
			case <-late:
				t.Fatalf("never: %s", what)
			}
		}
	}
	refused := func(u inspect.Update) bool { return u.Err != nil && r.Refused(u.Err) }
	answered := func(u inspect.Update) bool { return u.Err == nil }
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	until("refused from the beginning", refused)
	end := clientv3.GetPrefixRangeEnd("/app/")
	must(root.RoleGrantPermission(t.Context(), "bob", "/app/", end, clientv3.PermissionType(clientv3.PermRead)))
	until("granted", answered)
	must(root.RoleRevokePermission(t.Context(), "bob", "/app/", end))
	until("revoked", refused)
	must(root.RoleGrantPermission(t.Context(), "bob", "/app/", end, clientv3.PermissionType(clientv3.PermRead)))
	until("granted again", answered)
	must(root.UserChangePassword(t.Context(), "bob", "another"))
	until("the login is no longer good", func(u inspect.Update) bool { return u.Err != nil && access.IsBadCredentials(u.Err) })
	must(root.UserChangePassword(t.Context(), "bob", etcdtest.Password))
	until("the login is good again", answered)
	must(root.UserDelete(t.Context(), "bob"))
	until("the user is gone", refused)
	must(root.UserAdd(t.Context(), "bob", etcdtest.Password))
	must(root.UserGrantRole(t.Context(), "bob", "bob"))
	until("the user is back", answered)
}
