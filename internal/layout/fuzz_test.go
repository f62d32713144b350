package layout_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/klauspost/compress/snappy"

	"etcd-lock/internal/layout"
	"etcd-lock/internal/yamlfile"
)

// checkRead holds the laws between what says what a key is by its name and by its value.
func checkRead(t *testing.T, s *layout.Set, kv layout.KV, leases layout.Leases) {
	t.Helper()
	m, ok := s.Match(kv, leases)
	candidates := s.Find(kv, leases).Candidates
	if ok && !s.Reads(kv.Key) {
		t.Errorf("%q is a request of %s, and its value would not be read", kv.Key, m.Rule)
	}
	if ok && !slices.Contains(s.Locks(kv.Key), m.Lock) && m.Rule.Kind != layout.RW {
		t.Errorf("%q is a request for %q, which is none of %q", kv.Key, m.Lock, s.Locks(kv.Key))
	}
	if ok && m.Lock == "" && kv.Key != "" && m.Rule.OneKey() {
		t.Errorf("%q is a request of %s for a lock without a name", kv.Key, m.Rule)
	}
	if ok && m.Rule.Kind == layout.Queue && !strings.HasPrefix(kv.Key, m.Rule.Dir(m.Lock)) {
		t.Errorf("%q is not in %q, where all requests for its lock are", kv.Key, m.Rule.Dir(m.Lock))
	}
	if ok && m.Rule.OneKey() && m.Lock != kv.Key {
		t.Errorf("the lock of %q is %q", kv.Key, m.Lock)
	}
	checkTexts(t, m)
	for _, c := range candidates {
		if len(c.Name) > 300 || !utf8.ValidString(c.Name) {
			t.Errorf("%q is a candidate of the name %q", kv.Key, c.Name)
		}
	}
	if ok {
		m.Rule.Command(m.Lock)
		m.Rule.InfoKeys(m.Lock)
	}
}

// checkTexts wants all that was read from a value to be short text.
func checkTexts(t *testing.T, m layout.Match) {
	t.Helper()
	var texts []string
	if m.Rule != nil && m.Rule != layout.RWLock { // which takes the owners of its own clients as they are
		texts = append(texts, m.Owner.Host, m.Owner.Program, m.Owner.Label)
	}
	if m.Term != nil {
		texts = append(texts, m.Term.Holder)
	}
	if m.Slots != nil {
		texts = append(texts, m.Slots.Holders...)
	}
	for _, s := range texts {
		if len(s) > 1<<10 || !utf8.ValidString(s) {
			t.Errorf("%s has %d bytes of %q", m.Rule, len(s), s)
		}
	}
}

// hostile are values that somebody could put under a lock's key.
func hostile() [][]byte {
	bomb := snappy.Encode(nil, make([]byte, 1<<20))
	liar := append(binary.AppendUvarint(nil, 1<<32-1), 0)
	return [][]byte{
		nil, []byte("\xff\xfe"), []byte(strings.Repeat("[", 60<<10)), []byte(`{"a":` + strings.Repeat(`{"a":`, 9000)),
		bytes.Repeat([]byte("x"), 1<<20), []byte(`{"Who":"` + strings.Repeat("a", 1<<20) + `"}`), bomb, liar,
		[]byte("k8s\x00\x0a\xff\xff\xff\xff\xff"), []byte("k8s\x00" + strings.Repeat("\x0b", 60<<10)), []byte("k8s:enc:"),
		[]byte(`{"ServerName":"x","LeaseID":7,"Exclusive":true}`), []byte(`{"total_slots":-1,"holders":null}`),
		[]byte("ADDED:9999999-99@"), []byte(base64.StdEncoding.EncodeToString(make([]byte, 16))), make([]byte, 16),
	}
}

// TestHostileValues wants no panic and no text without bounds, under any rule's keys.
func TestHostileValues(t *testing.T) {
	all, leases := keysOfAll(t)
	for _, value := range hostile() {
		for _, kv := range all {
			kv.Value = value
			checkRead(t, layout.Builtin(), kv, leases)
		}
	}
}

func FuzzMatch(f *testing.F) {
	all, _ := keysOfAll(f)
	for _, kv := range all {
		f.Add(kv.Key, kv.Value, kv.Lease)
	}
	for _, value := range hostile() {
		if len(value) < 1<<10 {
			f.Add("/registry/leases/a/b", value, int64(0))
		}
	}
	s := layout.Builtin().WithHidden()
	f.Fuzz(func(t *testing.T, key string, value []byte, id int64) {
		kv := layout.KV{Key: key, Value: value, Lease: id}
		checkRead(t, s, kv, func(string) (int64, bool) { return id, true })
		if id%8 != 0 { // it costs as much as all else
			return
		}
		for _, v := range s.Explain(kv, leasesOf(nil)) {
			if v.Matched == (v.Problem != "") {
				t.Errorf("verdict of %s: %+v", v.Rule, v)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("layouts: [{name: n, kind: single, key: '/a/{x}', value: {is: text, pattern: '(?P<a>.)'}, owner: {label: '{a}'}}]", "/a/b", "c")
	f.Add("layouts: [{name: n, kind: queue, key: '{p:**}/{lease:hex}', lock: '{p}'}]", "/a/7", "")
	f.Add("layouts:\n  - {name: n, kind: record, key: a, value: {is: json}, record: {holder: .a, renewed: .b, duration: 3s}}\n", "a", `{"a":"b","b":7}`)
	f.Fuzz(func(t *testing.T, file, key, value string) {
		rules, err := layout.Parse("f.yaml", []byte(file))
		var at *yamlfile.Error
		if err != nil {
			if !errors.As(err, &at) || at.Line < 1 || at.Column < 1 {
				t.Fatalf("error %v has no position", err)
			}
			return
		}
		s, err := layout.NewSet(rules...)
		if err != nil {
			t.Fatal(err)
		}
		checkRead(t, s, layout.KV{Key: key, Value: []byte(value), Lease: 7}, func(string) (int64, bool) { return 7, true })
	})
}

func FuzzPattern(f *testing.F) {
	f.Add("/cron/lock/*", "/cron/lock/a")
	f.Add("/a/**/b", "/a/x/y/b")
	f.Add("a*b/**", "axb/")
	f.Fuzz(func(t *testing.T, pattern, key string) {
		rules, err := layout.LockKeys(pattern)
		if err != nil {
			return
		}
		s, err := layout.NewSet(rules...)
		if err != nil {
			t.Fatal(err)
		}
		kv := layout.KV{Key: key}
		checkRead(t, s, kv, leasesOf(nil))
		if _, ok := s.Match(kv, leasesOf(nil)); ok != s.Reads(key) {
			t.Errorf("%q and %q: Match says %v", pattern, key, ok)
		}
		if _, ok := s.Match(layout.KV{Key: strings.NewReplacer("**", "x", "*", "x").Replace(pattern)}, leasesOf(nil)); !ok {
			t.Errorf("%q does not match with x for each star", pattern)
		}
	})
}
