package layout_test

import (
	"slices"
	"testing"

	"etcd-lock/internal/layout"
)

// TestReads wants the values only of keys whose names say that they may be requests or
// candidates: in an etcd with a million other keys, that is most of the cost.
func TestReads(t *testing.T) {
	for _, tt := range []struct {
		key     string
		reads   bool
		depends bool
	}{
		{"/config/app/feature", false, false},
		{"/jobs/" + leaseHex, true, false},
		{"/jobs/" + leaseDecimal, true, false}, // decimal digits are hexadecimal ones too
		{"/jobs/write/1", true, false},
		{"/service/demo/leader", true, true},
		{"/service/demo/members/pg1", true, false},
		{"/service/demo/config", false, false},
		{"/locks/nightly", true, false},
		{"/tooz/locksa", true, false},
		{"/registry/leases/ops/op", true, false},
		{"/registry/pods/ops/web-0", false, false},
		{"/registry/events/ops/" + leaseHex, false, false}, // its name is enough
		{"v1/instances/a/b/c/" + leaseHex, false, false},
		{"", false, false},
		{"a", false, false}, // a mutex's key has a slash
	} {
		if got := layout.Builtin().Reads(tt.key); got != tt.reads {
			t.Errorf("Reads(%q) = %v", tt.key, got)
		}
		if got := layout.Builtin().Find(layout.KV{Key: tt.key}, leasesOf(nil)).Depends; got != tt.depends {
			t.Errorf("Depends(%q) = %v", tt.key, got)
		}
	}
}

// TestLocks wants the names of all locks that a key can be a request for: the locks that
// commands look at when they are given the name of a key.
func TestLocks(t *testing.T) {
	for _, tt := range []struct {
		key  string
		want []string
	}{
		{"/jobs/write/1", []string{"/jobs", "/jobs/write"}},
		{"/jobs/" + leaseHex, []string{"/jobs"}},
		{"/service/demo/leader", []string{"/service/demo/leader", "/service/demo"}},
		{"/registry/leases/ops/op", []string{"/registry/leases/ops/op", "/registry/leases/ops"}},
		{"/vitess/ks/locks/" + leaseDecimal, []string{"/vitess/ks", "/vitess/ks/locks"}},
		{"key", nil},
	} {
		got := layout.Builtin().Locks(tt.key)
		slices.Sort(got)
		slices.Sort(tt.want)
		if !slices.Equal(got, tt.want) {
			t.Errorf("Locks(%q) = %q, want %q", tt.key, got, tt.want)
		}
	}
}

// TestDir wants the range of keys that a queue is in, which clients that wait look at.
func TestDir(t *testing.T) {
	for _, tt := range []struct{ rule, lock, want string }{
		{"mutex", "/jobs", "/jobs/"},
		{"mutex", "leader/", "leader//"},
		{"vitess", "/vitess/ks", "/vitess/ks/locks/"},
		{"stolon", "stolon/cluster/c1/sentinel-leader", "stolon/cluster/c1/sentinel-leader/"},
		{"tidb-owner", "/tidb/ddl/fg/owner", "/tidb/ddl/fg/owner/"},
		{"rwlock", "/jobs", "/jobs/"},
	} {
		if got := layout.Builtin().Rule(tt.rule).Dir(tt.lock); got != tt.want {
			t.Errorf("%s: Dir(%q) = %q, want %q", tt.rule, tt.lock, got, tt.want)
		}
	}
}

// TestWithHidden wants heartbeats of Kubernetes only if they are asked for.
func TestWithHidden(t *testing.T) {
	for _, c := range corpus(t) {
		if c.Name != "k8s-contended" {
			continue
		}
		kvs := c.keys(t)
		hidden := 0
		for _, kv := range kvs {
			_, shown := layout.Builtin().Match(kv, leasesOf(kvs))
			if m, ok := layout.Builtin().WithHidden().Match(kv, leasesOf(kvs)); ok && !shown {
				hidden++
				if m.Rule.Name != "kubernetes-node" && m.Rule.Name != "kubernetes-apiserver" || m.Term == nil || m.Term.Holder == "" {
					t.Errorf("%q is hidden: %+v", kv.Key, m)
				}
			}
		}
		if hidden != 2 {
			t.Errorf("%d keys are hidden, want a node and an API server", hidden)
		}
	}
}
