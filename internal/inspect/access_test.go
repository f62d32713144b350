package inspect

import (
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
)

// TestWatchAsViewer: a user who may read one prefix only sees its locks, by
// certificate as by password, and goes on to when the login is no longer good.
func TestWatchAsViewer(t *testing.T) {
	t.Parallel()
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

// TestOneKey: a user who may read one key only, or that and the keys below it, sees the
// lock that the key is, and what was not read.
func TestOneKey(t *testing.T) {
	t.Parallel()
	s := startWithPasswords(t, map[string][]etcdtest.Grant{"one": nil, "leader": nil, "both": {etcdtest.Read("shedlock:e:n/")}})
	root := s.Client("root")
	for user, key := range map[string]string{"one": "shedlock:e:n", "both": "shedlock:e:n", "leader": "/service/demo/leader"} {
		if _, err := root.RoleGrantPermission(t.Context(), user, key, "", clientv3.PermissionType(clientv3.PermRead)); err != nil {
			t.Fatal(err)
		}
	}
	lease, err := root.Grant(t.Context(), 3600)
	if err != nil {
		t.Fatal(err)
	}
	write := func(key, value string) {
		if _, err := root.Put(t.Context(), key, value, clientv3.WithLease(lease.ID)); err != nil {
			t.Fatal(err)
		}
	}
	write("shedlock:e:n", "ADDED:2026-08-22T09:15:00.123Z@host-a")
	write("/service/demo/members/pg1", `{"conn_url":"u","state":"running"}`)
	write("/service/demo/leader", "pg1")
	for _, tt := range []struct {
		user, prefix string
		locks        int
		partial      Partial
		unproven     string
	}{
		{"one", "shedlock:e:n", 1, Partial{Prefix: "shedlock:e:n"}, ""},
		{"both", "shedlock:e:n", 1, Partial{Prefix: "shedlock:e:n", Below: true}, ""},
		{"root", "/service/demo/leader", 1, Partial{}, ""},
		{"root", "/service/demo/le", 0, Partial{}, "/service/demo/members/pg1"},
		{"leader", "/service/demo/leader", 0, Partial{Prefix: "/service/demo/leader"}, "/service/demo/members/pg1"},
	} {
		source := newSource(s.Client(tt.user))
		read := snapshot(t, source, tt.prefix)
		v := watch(t, source, tt.prefix)
		for from, s := range map[string]Snapshot{"read": read, "watched": v.untilRevision(read.Revision).Snapshot} {
			var partial Partial
			if len(s.Partial) > 0 {
				partial = s.Partial[0]
			}
			if len(s.Locks) != tt.locks || partial != tt.partial || s.Other != 1-tt.locks {
				t.Errorf("%s, %q %s: %+v", tt.user, tt.prefix, from, s)
			}
		}
		if len(read.Unproven) > 0 != (tt.unproven != "") || tt.unproven != "" && read.Unproven[0].Unread != tt.unproven {
			t.Errorf("%s: unproven %+v", tt.user, read.Unproven)
		}
		h, err := source.History(t.Context(), 0, tt.prefix)
		if err != nil {
			t.Fatal(err)
		}
		granted := 0
		for e, err := range h.Events(t.Context()) {
			if err != nil {
				t.Fatal(tt.user, err)
			}
			if e.Kind == EventGranted {
				granted++
			}
		}
		if granted != tt.locks {
			t.Errorf("%s: %d grants", tt.user, granted)
		}
	}
	if _, err := newSource(s.Client("one")).Snapshot(t.Context(), "/service/demo/leader"); err == nil {
		t.Error("a key that the user may not read is read")
	}
}
