package layout_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"etcd-lock/internal/layout"
)

// keysOfAll are all keys of the corpus and the fixtures, and some that were made up from
// parts of theirs.
func keysOfAll(tb testing.TB) ([]layout.KV, layout.Leases) {
	tb.Helper()
	var all []layout.KV
	for _, c := range corpus(tb) {
		all = append(all, c.keys(tb)...)
	}
	for _, f := range fixtures {
		all = append(append(all, f.kv), f.beside...)
	}
	all = append(all, otherKeys...)
	random := rand.New(rand.NewPCG(1, 2))
	var segments []string
	for _, kv := range all {
		segments = append(segments, strings.Split(kv.Key, "/")...)
	}
	leases := []int64{0, 7, lease, -lease}
	for _, kv := range all[:len(all):len(all)] {
		for range 3 {
			parts := strings.Split(kv.Key, "/")
			parts[random.IntN(len(parts))] = segments[random.IntN(len(segments))]
			l := leases[random.IntN(len(leases))]
			key := strings.Join(parts, "/")
			if random.IntN(2) == 0 {
				key += fmt.Sprintf([...]string{"/%x", "/%d"}[random.IntN(2)], l)
			}
			all = append(all, layout.KV{Key: key, Value: all[random.IntN(len(all))].Value, Lease: l})
		}
	}
	return all, leasesOf(all)
}

// No key is claimed by two rules: the rule that decides is the same whatever the order in
// which the rules are given.
func TestOrderOfRulesDoesNotMatter(t *testing.T) {
	all, leases := keysOfAll(t)
	more, err := layout.LockKeys("/locks/*", "/**/leader", "/registry/**", "/vitess/**")
	if err != nil {
		t.Fatal(err)
	}
	rules := append(layout.Builtin().Rules(), more...)
	s, err := layout.NewSet(rules...)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]string, len(all))
	for i, kv := range all {
		want[i] = describe(s, kv, leases)
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		random.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
		if s, err = layout.NewSet(rules...); err != nil {
			t.Fatal(err)
		}
		i := random.IntN(len(all)) // a run of keys for each order: together they see each key many times
		for range 50 {
			if got := describe(s, all[i], leases); got != want[i] {
				t.Fatalf("%q is %q, or in another order of rules %q", all[i].Key, want[i], got)
			}
			i = (i + 1) % len(all)
		}
	}
}

// Commands read the values of the keys only for which Reads is true, so it has to be true
// for all that Match or Candidates accept. A key that is a request has to be found by the
// name of its lock, and by nothing outside the range of keys that its lock is in.
func TestWhatIsReadBefore(t *testing.T) {
	all, leases := keysOfAll(t)
	requests := 0
	for _, kv := range all {
		checkRead(t, layout.Builtin(), kv, leases)
		if _, ok := layout.Builtin().Match(kv, leases); ok {
			requests++
		}
	}
	if requests < 200 {
		t.Errorf("only %d of %d keys are requests: too few to say that the law holds", requests, len(all))
	}
}
