package inspect

import (
	"strings"
	"testing"
	"time"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
)

// TestWatchAsViewer: a user who may read one prefix only sees its locks, by
// certificate as by password, and goes on to when the login is no longer good.
func TestWatchAsViewer(t *testing.T) {
	grants := map[string][]etcdtest.Grant{"viewer": {etcdtest.Read("/a/")}}
	t.Run("ByCertificate", func(t *testing.T) {
		s := etcdtest.StartSecure(t, true)
		etcdtest.EnableAuth(t, s.Client("root"), grants)
		root := s.Client("root")
		v := watch(t, newSource(s.Client("viewer")), "/a/")
		put(t, root, "/b/x/write/1")
		v.untilRevision(put(t, root, "/a/x/write/1"))
		u := v.untilRevision(put(t, root, "/a/x/write/2"))
		if len(u.Snapshot.Locks) != 1 || len(u.Snapshot.Locks[0].Queue) != 2 {
			t.Errorf("%+v", u.Snapshot)
		}
		watch(t, newSource(s.Client("viewer")), "").until("the refusal", down)
	})
	t.Run("LoginRunsOut", func(t *testing.T) {
		s := startWithPasswords(t, grants)
		source := newSource(s.Client("viewer"))
		source.tuning.probe = 3 * time.Second // in between, the login is not used
		v := watch(t, source, "/a/")
		v.untilRevision(1)
		// Only a probe brings the revision of a change elsewhere.
		v.untilRevision(put(t, s.Client("root"), "/b/x/write/1"))
	})
	t.Run("LoginIsCalledBack", func(t *testing.T) {
		s := startWithPasswords(t, grants)
		root := s.Client("root")
		k := newLink(t, strings.TrimPrefix(s.Endpoint, "https://"))
		cfg := s.Config("viewer")
		cfg.Endpoints = []string{"https://" + k.addr}
		v := watch(t, newSource(etcdtest.Connect(t, cfg)), "/a/")
		v.untilRevision(1)
		v.untilRevision(put(t, root, "/a/x/write/1"))
		forget := func() {
			if _, err := root.UserChangePassword(t.Context(), "viewer", etcdtest.Password); err != nil {
				t.Fatal(err)
			}
		}
		forget()
		v.untilRevision(put(t, root, "/a/x/write/2"))
		v.untilRevision(put(t, root, "/b/x/write/1"))
		k.cut()
		forget()
		put(t, root, "/a/x/write/3")
		v.until("the error", down)
		k.lead(strings.TrimPrefix(s.Endpoint, "https://"))
		v.untilRevision(put(t, root, "/a/x/write/4"))
		if len(v.events) != 4 || v.resynced > 0 {
			t.Errorf("%d resyncs, events %q", v.resynced, v.lines())
		}
	})
}

// startWithPasswords runs a member with auth on and logins that last a second.
func startWithPasswords(t *testing.T, grants map[string][]etcdtest.Grant) *etcdtest.Secure {
	t.Helper()
	s := etcdtest.StartSecure(t, false, func(c *etcd.EmbeddedConfig) { c.TokenTTL = time.Second })
	etcdtest.EnableAuth(t, s.Client(""), grants)
	return s
}
