package connect

import (
	"slices"
	"strconv"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/access"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/inspect"
)

// TestReach: a user without permission for all keys reads what is permitted.
func TestReach(t *testing.T) {
	s := etcdtest.StartSecure(t, false)
	etcdtest.EnableAuth(t, s.Client(""), map[string][]etcdtest.Grant{
		"two":  {etcdtest.Read("/zoo/"), etcdtest.ReadWrite("/app1/"), etcdtest.Write("/w/"), etcdtest.Read("/zoo/a/")},
		"more": {etcdtest.Read("/a/")},
		"key":  nil,
		"none": {etcdtest.Write("/w/")},
	})
	root := s.Client("root")
	for _, user := range []string{"more", "key"} {
		if _, err := root.RoleGrantPermission(t.Context(), user, "/one", "", clientv3.PermissionType(clientv3.PermRead)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		user  string
		given []string
		want  []string
		note  string
	}{
		{"two", nil, []string{"/app1/", "/zoo/"}, "reading only /app1/ and /zoo/: user two may read nothing else"},
		{"two", []string{"/x/"}, []string{"/x/"}, ""},
		{"more", nil, []string{"/a/", "/one"}, "reading only /a/ and /one: user more may read nothing else"},
		{"root", nil, nil, ""},
		{"none", nil, nil, ""},
		{"key", nil, []string{"/one"}, "reading only /one: user key may read nothing else"},
	} {
		c := &Conn{Client: s.Client(tt.user), User: tt.user, Endpoint: s.Endpoint, Timeout: 20 * time.Second}
		r, err := c.Reach(t.Context(), tt.given)
		fails := tt.user == "none"
		if !slices.Equal(r.Prefixes, tt.want) || r.Limited != (tt.note != "") || r.Limited && r.Note() != tt.note || fails != (err != nil) {
			t.Errorf("%s: %+v, %v", tt.user, r, err)
		}
		if fails && (!access.IsPermissionDenied(err) || hint.Of(err) != "") {
			t.Errorf("%s: %v", tt.user, err)
		}
	}
}

// TestSnapshotOfALockBelowAnother: the key of a reader or writer of /v can be in the way of
// the mutex /v/write, and is read as what it is, if the user may read /v.
func TestSnapshotOfALockBelowAnother(t *testing.T) {
	t.Parallel()
	s := etcdtest.StartSecure(t, false)
	etcdtest.EnableAuth(t, s.Client(""), map[string][]etcdtest.Grant{"below": {etcdtest.Read("/v/write/")}})
	root := s.Client("root")
	lease, err := root.Grant(t.Context(), 600)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"/v/write/first", "/v/write/" + strconv.FormatInt(int64(lease.ID), 16)} {
		if _, err := root.Put(t.Context(), key, "", clientv3.WithLease(lease.ID)); err != nil {
			t.Fatal(err)
		}
	}
	for user, want := range map[string]string{"root": "/v", "below": ""} {
		client := s.Client(user)
		c := &Conn{Client: client, Source: inspect.NewSource(client), User: user, Endpoint: s.Endpoint, Timeout: 20 * time.Second}
		got, err := c.SnapshotOf(t.Context(), 0, "/v/write")
		if locks := got.Named("/v/write"); err != nil || len(locks) != 1 || len(locks[0].Others) != 1 || locks[0].Others[0].Lock.Name != want {
			t.Errorf("%s: %+v, %v, want a request for %q in the way", user, locks, err, want)
		}
	}
}
