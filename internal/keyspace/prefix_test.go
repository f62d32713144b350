package keyspace_test

import (
	"math/rand/v2"
	"slices"
	"strings"
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

func TestPrefixes(t *testing.T) {
	for _, tt := range []struct{ given, want []string }{
		{nil, nil},
		{[]string{"/a/", ""}, nil},
		{[]string{"/z/", "/a/", "/z/"}, []string{"/a/", "/z/"}},
		{[]string{"/a/b/", "/a/", "/a/c", "/a", "/b"}, []string{"/a", "/b"}},
		{[]string{"/a!", "/a", "/a/"}, []string{"/a"}},
		{[]string{"\xff", "\xff\xff", "/"}, []string{"/", "\xff"}},
	} {
		p := keyspace.NewPrefixes(tt.given...)
		if !slices.Equal(p, tt.want) || p.All() != (tt.want == nil) {
			t.Errorf("NewPrefixes(%q) = %q, want %q", tt.given, p, tt.want)
		}
	}
}

// TestPrefixesRanges: each key with one of the prefixes is in one range, and no other key
// is in any.
func TestPrefixesRanges(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		b := make([]byte, rng.IntN(4))
		for i := range b {
			b[i] = "/a\xfe\xff"[rng.IntN(4)]
		}
		return string(b)
	}
	for range 20000 {
		given, key := []string{text(), text(), text()}, "/"+text()
		p, in := keyspace.NewPrefixes(given...), 0
		for _, r := range p.Ranges() {
			if key >= r.Start && (key < r.End || r.End == "\x00") {
				in++
			}
		}
		has := slices.ContainsFunc(given, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
		if p.Has(key) != has || has != (in == 1) || in > 1 {
			t.Fatalf("%q of %q: in %d ranges of %q", key, given, in, p)
		}
	}
}

func TestPrefixesBeside(t *testing.T) {
	p := keyspace.NewPrefixes("/app1/", "/locks/team1/")
	for key, want := range map[string]string{
		"/zoo/y/write/1": "/zoo/", "/locks/team2/x/write/1": "/locks/team2/", "/app10/x": "/app10/", "/app": "/app", "x/1": "x/", "x": "x", "": "",
	} {
		if got := p.Beside(key); got != want {
			t.Errorf("Beside(%q) = %q, want %q", key, got, want)
		}
	}
}
