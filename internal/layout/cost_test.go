package layout

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// noLeases is for keys whose rules look at no other key.
func noLeases(string) (int64, bool) { return 0, false }

// Every command parses the built-in rules when it starts. The goal is 2 ms.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		mustSet(parseBuiltin())
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, kv := range []KV{
		{Key: "/jobs/nightly/694d8f1b2c3d4e5f", Lease: 0x694d8f1b2c3d4e5f},
		{Key: "/config/app/feature-flags/checkout", Value: []byte("on")},
		{Key: "/jobs/nightly/write/0192", Value: []byte(`{"host":"a","pid":7}`), Lease: 7},
	} {
		b.Run(kv.Key, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if Builtin().Reads(kv.Key) {
					Builtin().Match(kv, noLeases)
				}
			}
		})
	}
}

// TestCostOfOtherRules wants a key to cost the same allocations however many rules there
// are that it does not match, and a mutex's key none.
func TestCostOfOtherRules(t *testing.T) {
	for _, kv := range []KV{
		{Key: "/jobs/nightly/694d8f1b2c3d4e5f", Lease: 0x694d8f1b2c3d4e5f},
		{Key: "/config/app/feature-flags/checkout", Value: []byte("on")},
		{Key: "plain", Value: []byte("on"), Lease: 7},
	} {
		t.Run(kv.Key, func(t *testing.T) {
			for _, n := range []int{0, 1, 50, 500} {
				s, err := With(otherRules(t, n)...)
				if err != nil {
					t.Fatal(err)
				}
				got := testing.AllocsPerRun(100, func() {
					s.Reads(kv.Key)
					s.Find(kv, noLeases)
					s.Dependents(kv.Key)
				})
				if got > 0 {
					t.Errorf("%v allocations with %d more rules", got, n)
				}
			}
		})
	}
}

func otherRules(t *testing.T, n int) []*Rule {
	t.Helper()
	if n == 0 {
		return nil
	}
	file := "layouts:\n"
	for i := range n {
		key := [...]string{
			"/app%d/locks/{name:**}", "{path:**}/app%d/{id}", "{path:**}/locks-of-app%d", "app%d:{name}",
		}[i%4]
		file += fmt.Sprintf("  - {name: app%d, kind: single, key: '"+key+"', value: {is: text, pattern: '^x'}}\n", i, i)
	}
	rules, err := Parse("other.yaml", []byte(file))
	if err != nil {
		t.Fatal(strconv.Itoa(n), err)
	}
	return rules
}

// BenchmarkLongKeys is about keys that are as long as etcd takes them, and made to be
// expensive.
func BenchmarkLongKeys(b *testing.B) {
	rules, err := Parse("f.yaml", []byte("layouts: [{name: n, kind: single, key: '/x/{a}-a-{b:decimal}'}, {name: m, kind: single, key: '{p:**}/x/{a}'}]"))
	if err != nil {
		b.Fatal(err)
	}
	s, err := With(rules...)
	if err != nil {
		b.Fatal(err)
	}
	for _, key := range []string{"/x/" + strings.Repeat("-a", 500_000), strings.Repeat("/", 1_000_000), "/x/" + strings.Repeat("a", 1_000_000)} {
		b.Run(key[:4], func(b *testing.B) {
			for b.Loop() {
				s.Match(KV{Key: key}, noLeases)
			}
		})
	}
}
