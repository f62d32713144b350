package connect

import (
	"reflect"
	"testing"

	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/etcd"
)

// Printed commands reach an embedded etcd where it listens.
func TestReached(t *testing.T) {
	flags := cmdline.Flags{EtcdLock: []string{"--hidden"}, Unset: []string{"ETCDCTL_ENDPOINTS"}}
	cfg := etcd.Config{Endpoints: []string{"http://127.0.0.1:1"}}
	if got := (Options{Flags: flags}).reached(cfg); !reflect.DeepEqual(got, flags) {
		t.Errorf("%q", got)
	}
	want := cmdline.Flags{EtcdLock: []string{"--endpoints=http://127.0.0.1:1", "--hidden"}, Etcdctl: []string{"--endpoints=http://127.0.0.1:1"}, Unset: flags.Unset}
	if got := (Options{Flags: flags, Embedded: true}).reached(cfg); !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
