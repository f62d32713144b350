package layout_test

import (
	"fmt"
	"strings"
	"testing"

	"etcd-lock/internal/layout"
)

// explained returns what the rules say about a key whose patterns match it, one a line.
func explained(s *layout.Set, kv layout.KV, leases layout.Leases) string {
	var b strings.Builder
	for _, v := range s.Explain(kv, leases) {
		switch {
		case v.Candidate != nil:
			fmt.Fprintf(&b, "%s: candidate %s: %s\n", v.Rule, v.Candidate.Name, strings.Join(v.Evidence, "; "))
		case v.Decides:
			fmt.Fprintf(&b, "%s (%s): %s\n", v.Rule, v.Rule.Kind, strings.Join(v.Evidence, "; "))
		case v.Matched:
			fmt.Fprintf(&b, "%s matches too: %s\n", v.Rule, strings.Join(v.Evidence, "; "))
		case v.Named:
			fmt.Fprintf(&b, "%s: not, because %s\n", v.Rule, v.Problem)
		}
	}
	return b.String()
}

func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		kv     layout.KV
		beside []layout.KV
		want   string
	}{
		{
			name: "Evidence",
			kv:   layout.KV{Key: "/jobs/" + leaseHex, Lease: lease},
			want: "mutex (queue): the key matches {path:**}/{lease:hex}; its last part is its own lease in hexadecimal\n",
		},
		{
			name: "AnotherLease",
			kv:   layout.KV{Key: "/jobs/" + leaseHex, Lease: 7},
			want: "mutex: not, because its last part is not its own lease in hexadecimal\n",
		},
		{
			name:   "SameLease",
			kv:     layout.KV{Key: "/service/demo/leader", Value: []byte("pg1"), Lease: 7},
			beside: []layout.KV{{Key: "/service/demo/members/pg1", Lease: 7}},
			want:   "patroni (single): the key matches {path:**}/leader; the value is a line of text; the key \"/service/demo/members/pg1\" is on the same lease\n",
		},
		{
			name: "NoSibling",
			kv:   layout.KV{Key: "/service/demo/leader", Value: []byte("pg1"), Lease: 7},
			want: "patroni: not, because there is no key \"/service/demo/members/pg1\" on the same lease\n",
		},
		{
			name:   "SiblingDeletedFirst",
			kv:     layout.KV{Key: "/service/demo/leader", Value: []byte("pg1"), Lease: 7},
			beside: []layout.KV{{Key: "/service/demo/initialize"}},
			want:   "patroni (single): the key matches {path:**}/leader; the value is a line of text; there is a key \"/service/demo/initialize\" beside it\n",
		},
		{
			name: "Ignored",
			kv:   layout.KV{Key: "v1/instances/a/b/c/" + leaseHex, Lease: lease},
			want: "dynamo-instances (ignore): the key matches v1/instances/{path:**}\n" +
				"mutex matches too: the key matches {path:**}/{lease:hex}; its last part is its own lease in hexadecimal\n",
		},
		{
			name: "Candidate",
			kv:   layout.KV{Key: "/service/demo/members/pg1", Value: []byte(`{"conn_url":"postgres://a","state":"running"}`), Lease: 7},
			want: "patroni: candidate pg1: the key matches {path:**}/members/{member}; the value is a JSON object; the value has the field .conn_url; the value has the field .state\n",
		},
		{
			name: "Value",
			kv:   layout.KV{Key: "/locks/nightly", Value: []byte("web-1"), Lease: 7},
			want: "etcd3gw: not, because the value is not a UUID: it has 5 bytes\n" +
				"python-etcd3: not, because the value is not a UUID: it has 5 bytes\n",
		},
		{
			name: "Encrypted",
			kv:   layout.KV{Key: "/registry/leases/ops/tls", Value: []byte("k8s:enc:aescbc:v1:key1:x")},
			want: "kubernetes-lease (record): the key matches {path:**}/leases/{namespace}/{name}; the value begins with \"k8s:enc:\", so it is encrypted\n",
		},
		{name: "Nothing", kv: layout.KV{Key: "/config"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := explained(layout.Builtin(), tt.kv, leasesOf(append([]layout.KV{tt.kv}, tt.beside...)))
			if got != tt.want {
				t.Errorf("Explain(%q):\n%swant:\n%s", tt.kv.Key, got, tt.want)
			}
		})
	}
}

// TestExplainAll wants each rule once, and one that decides.
func TestExplainAll(t *testing.T) {
	all := layout.Builtin().Explain(layout.KV{Key: "/jobs/" + leaseHex, Lease: lease}, leasesOf(nil))
	if len(all) != len(layout.Builtin().Rules()) {
		t.Errorf("%d verdicts of %d rules", len(all), len(layout.Builtin().Rules()))
	}
	for i, v := range all {
		if v.Decides != (i == 0) || v.Matched == (v.Problem != "") {
			t.Errorf("verdict %d: %+v", i, v)
		}
	}
}

func TestInfo(t *testing.T) {
	const key = "terraform/prod/" + leaseHex
	lockinfo := func(path string) layout.KV {
		return layout.KV{Key: "terraform/prod.lockinfo", Value: []byte(
			`{"ID":"4ee1","Operation":"OperationTypeApply","Info":"","Who":"anna@laptop","Version":"1.2.9","Created":"2026-08-22T09:15:00Z","Path":"` + path + `"}`)}
	}
	mutex, valkeyrie := layout.Mutex, layout.Builtin().Rule("valkeyrie")
	for _, tt := range []struct {
		name      string
		rule      *layout.Rule
		lock, key string
		beside    layout.KV
		want      string
	}{
		{"Terraform", mutex, "terraform/prod", key, lockinfo(key), "anna@laptop terraform 1.2.9 2026-08-22"},
		{"OfAnEarlierLock", mutex, "terraform/prod", key, lockinfo("terraform/prod/7"), ""},
		{"OfAnotherLock", mutex, "terraform/test", key, lockinfo(key), ""},
		{"NotJSON", mutex, "terraform/prod", key, layout.KV{Key: "terraform/prod.lockinfo", Value: []byte("x")}, ""},
		{"Valkeyrie", valkeyrie, "traefik/lock___lock", "traefik/lock___lock/7", layout.KV{Key: "traefik/lock", Value: []byte("traefik-1")}, "traefik-1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if keys := tt.rule.InfoKeys(tt.lock); len(keys) != 1 {
				t.Errorf("InfoKeys(%q) = %q", tt.lock, keys)
			}
			got := ""
			if o, ok := tt.rule.InfoOwner(tt.lock, tt.key, tt.beside); ok {
				got = o.Label
				if o.Program != "" {
					got += " " + o.Program + " " + o.Time.Format("2006-01-02")
				}
			}
			if got != tt.want {
				t.Errorf("owner %q, want %q", got, tt.want)
			}
		})
	}
}

// TestLook wants the command that shows who holds a lock, where the holder itself releases it.
func TestLook(t *testing.T) {
	for _, tt := range []struct{ rule, lock, want string }{
		{"patroni", "/service/demo/leader", "patronictl list demo"},
		{"patroni", "/service/$(reboot)/leader", "patronictl list '$(reboot)'"},
		{"patroni-citus", "/service/demo/0/leader", "patronictl list --group 0 demo"},
		{"patroni", "/service/\x00/leader", ""},
		{"kubernetes-lease", "/registry/leases/kube-system/kube-scheduler", ""},
		{"etcd3gw", "/a", ""},
	} {
		if got := layout.Builtin().Rule(tt.rule).Look(tt.lock); got != tt.want {
			t.Errorf("%s %q: %q, want %q", tt.rule, tt.lock, got, tt.want)
		}
	}
}

// TestCommand wants the software's own command, which a shell reads as it is meant
// whatever the lock is called.
func TestCommand(t *testing.T) {
	for _, tt := range []struct{ rule, lock, want string }{
		{"patroni", "/service/demo/leader", "patronictl failover demo"},
		{"patroni", "/service/$(reboot)/leader", "patronictl failover '$(reboot)'"},
		{"patroni-citus", "/service/demo/0/leader", "patronictl failover --group 0 demo"},
		{"kubernetes-lease", "/registry/leases/kube-system/kube-scheduler", "kubectl delete lease --namespace kube-system kube-scheduler"},
		{"kubernetes-lease", "/registry/leases/a;b/x y", `kubectl delete lease --namespace 'a;b' 'x y'`},
		{"kubernetes-lease", "/registry/leases/a/x\ny", ""},
		{"kubernetes-lease", "/registry/leases/a/x'; reboot; '", ""},
		{"kubernetes-lease", "/registry/leases/a/--all", ""},
		{"patroni", "/service/\x00/leader", ""},
		{"tidb-owner", "/tidb/ddl/fg/owner", "tidb-ctl etcd delkey /tidb/ddl/fg/owner/LEASE"},
		{"pd", "/pd/7/leader", "pd-ctl member leader resign"},
		{"pulsar-bundle", "/namespace/public/default/0x00000000_0x40000000", "pulsar-admin namespaces unload --bundle 0x00000000_0x40000000 public/default"},
		{"mutex", "/jobs", ""},
	} {
		if got := layout.Builtin().Rule(tt.rule).Command(tt.lock); got != tt.want {
			t.Errorf("%s: Command(%q) = %q, want %q", tt.rule, tt.lock, got, tt.want)
		}
	}
}

func TestLockKeys(t *testing.T) {
	rules, err := layout.LockKeys("/cron/lock/*", "/a/**/lock", "{x}-*.lock", "of-*0*0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := layout.With(rules...)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		kv   layout.KV
		want string
	}{
		{layout.KV{Key: "/cron/lock/backup", Value: []byte("web-1")}, `lock-keys: write of "/cron/lock/backup", owner host="" pid=0 program="" label="web-1"`},
		{layout.KV{Key: "/cron/lock/backup", Value: []byte{0, 1}, Lease: 7}, `lock-keys: write of "/cron/lock/backup"`},
		{layout.KV{Key: "/cron/lock/a/b"}, ""},
		{layout.KV{Key: "/cron/lock/"}, ""},
		{layout.KV{Key: "/a/b/c/lock"}, `lock-keys-2: write of "/a/b/c/lock"`},
		{layout.KV{Key: "/a/lock"}, ""},
		{layout.KV{Key: "{x}-1.lock"}, `lock-keys-3: write of "{x}-1.lock"`},
		{layout.KV{Key: "of-x0x0"}, `lock-keys-4: write of "of-x0x0"`},
		{layout.KV{Key: "/cron/lock/" + leaseHex, Lease: lease}, `mutex: write of "/cron/lock"`},
	} {
		if got := describe(s, tt.kv, leasesOf(nil)); got != tt.want {
			t.Errorf("%q is %q, want %q", tt.kv.Key, got, tt.want)
		}
	}
	for _, bad := range []string{"", "*", "/**", "/*/*", "/a/***", "/a/**/b/**", "/**-*", "/a*b*c*", "/" + strings.Repeat("a", 2000), "/a/*/*/*/*/*/*/*"} {
		if _, err := layout.LockKeys(bad); err == nil {
			t.Errorf("LockKeys(%q) is no error", bad)
		}
	}
}
