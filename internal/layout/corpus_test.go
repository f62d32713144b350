package layout_test

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"etcd-lock/internal/layout"
)

// capture is what a real program left in etcd at one moment.
type capture struct {
	Name string     `json:"-"`
	KVs  []captured `json:"kvs"`
}

// captured is a key of a capture.
type captured struct {
	Key      string `json:"key_b64"`
	Value    string `json:"value_b64"`
	Lease    string `json:"lease_hex"`
	Revision int64  `json:"create_revision"`
}

// corpus returns what real programs left in etcd.
func corpus(tb testing.TB) []capture {
	tb.Helper()
	files, err := filepath.Glob("testdata/corpus/*.json")
	if err != nil || len(files) == 0 {
		tb.Fatal("no corpus", err)
	}
	var all []capture
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		c := capture{Name: strings.TrimSuffix(filepath.Base(file), ".json")}
		if err := json.Unmarshal(data, &c); err != nil {
			tb.Fatal(file, err)
		}
		all = append(all, c)
	}
	return all
}

// keys returns the keys of a capture in the order in which they were created.
func (c capture) keys(tb testing.TB) []layout.KV {
	tb.Helper()
	slices.SortFunc(c.KVs, func(a, b captured) int { return cmp.Compare(a.Revision, b.Revision) })
	decode := func(s string) []byte {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			tb.Fatal(c.Name, err)
		}
		return b
	}
	var all []layout.KV
	for _, kv := range c.KVs {
		var lease int64
		if kv.Lease != "" {
			var err error
			if lease, err = strconv.ParseInt(kv.Lease, 16, 64); err != nil {
				tb.Fatal(c.Name, err)
			}
		}
		all = append(all, layout.KV{Key: string(decode(kv.Key)), Value: decode(kv.Value), Lease: lease})
	}
	return all
}

// leasesOf answers which lease one of some keys is on.
func leasesOf(kvs []layout.KV) layout.Leases {
	return func(key string) (int64, bool) {
		i := slices.IndexFunc(kvs, func(kv layout.KV) bool { return kv.Key == key })
		if i < 0 {
			return 0, false
		}
		return kvs[i].Lease, true
	}
}

// describe says what a set of rules makes of a key, or nothing if it is nothing.
func describe(s *layout.Set, kv layout.KV, leases layout.Leases) string {
	var b strings.Builder
	if m, ok := s.Match(kv, leases); ok {
		fmt.Fprintf(&b, "%s: %s of %q", m.Rule, m.Mode, m.Lock)
		describeHolder(&b, m)
	}
	for _, c := range s.Find(kv, leases).Candidates {
		fmt.Fprintf(&b, "%s: candidate %q for %q", c.Rule, c.Name, c.Lock)
	}
	return b.String()
}

func describeHolder(b *strings.Builder, m layout.Match) {
	if m.Owned {
		fmt.Fprintf(b, ", owner host=%q pid=%d program=%q label=%q", m.Owner.Host, m.Owner.PID, m.Owner.Program, m.Owner.Label)
		if !m.Owner.Time.IsZero() {
			fmt.Fprintf(b, " time=%s", m.Owner.Time.Format(time.RFC3339))
		}
	}
	if m.Term != nil {
		fmt.Fprintf(b, ", held by %q for %v", m.Term.Holder, m.Term.Duration)
		if ends := m.Term.Ends(); !ends.IsZero() {
			fmt.Fprintf(b, " until %s", ends.Format(time.RFC3339))
		}
	}
	if m.Slots != nil {
		fmt.Fprintf(b, ", %d slots: %q", m.Slots.Total, m.Slots.Holders)
	}
	if m.Vacant() {
		b.WriteString(", vacant")
	}
	if m.Encrypted {
		b.WriteString(", encrypted")
	}
}

// TestCorpus wants of every key that a real program left in etcd what it is. The file was
// compared with the truth in each capture by hand.
func TestCorpus(t *testing.T) {
	var b strings.Builder
	for _, c := range corpus(t) {
		fmt.Fprintf(&b, "# %s\n", c.Name)
		kvs := c.keys(t)
		for _, kv := range kvs {
			what := describe(layout.Builtin(), kv, leasesOf(kvs))
			if what == "" {
				what = "no lock"
			}
			fmt.Fprintf(&b, "%q\n\t%s\n", kv.Key, what)
		}
	}
	golden(t, "testdata/corpus.txt", b.String())
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs: run with -update and look at the difference. Got:\n%s", file, got)
	}
}
