package cmdline

import (
	"slices"
	"testing"
)

func TestLines(t *testing.T) {
	f := Flags{EtcdLock: []string{"--context=prod"}, Etcdctl: []string{"--endpoints=https://a:1,https://b:2", "--cacert=/my ca"}}
	if got, want := f.Line("release", "--request", "/it's"), `etcd-lock --context=prod release --request '/it'\''s'`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := f.EtcdctlLine("del", "--", "-v"), "etcdctl --endpoints=https://a:1,https://b:2 '--cacert=/my ca' del -- -v"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	f.Unset = []string{"ETCDCTL_ENDPOINTS", "ETCDCTL_USER"}
	if got, want := f.EtcdctlLine("lease", "list"), "env -u ETCDCTL_ENDPOINTS -u ETCDCTL_USER etcdctl --endpoints=https://a:1,https://b:2 '--cacert=/my ca' lease list"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := (Flags{}).Line("ls")+"; "+(Flags{}).EtcdctlLine("version"), "etcd-lock ls; etcdctl version"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// The flags are not changed by the commands that are made with them.
func TestArgs(t *testing.T) {
	f := Flags{EtcdLock: append(make([]string, 0, 8), "--context=a")}
	one, two := f.Args("show", "/a"), f.Args("why", "/b")
	if !slices.Equal(one, []string{"--context=a", "show", "/a"}) || !slices.Equal(two, []string{"--context=a", "why", "/b"}) {
		t.Errorf("%q, %q", one, two)
	}
}
