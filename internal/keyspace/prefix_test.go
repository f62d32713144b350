package keyspace_test

import (
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

func TestPrefixRange(t *testing.T) {
	for _, prefix := range []string{"a", "/a/", "a\xff", "a\xfe", "\xff", "\xff\xff", "\x00", "a\x00", "a\xff\xff/"} {
		start, end := keyspace.PrefixRange(prefix)
		if want := clientv3.GetPrefixRangeEnd(prefix); start != prefix || end != want {
			t.Errorf("PrefixRange(%q) = %q, %q, want %q", prefix, start, end, want)
		}
	}
	if start, end := keyspace.PrefixRange(""); start != "\x00" || end != "\x00" {
		t.Errorf("PrefixRange of nothing = %q, %q", start, end)
	}
}
