package deterministic

import (
	"slices"
	"strings"
	"testing"
)

// TestReplay replays seeds that fail, shrunk, ten times: one seed is one story.
func TestReplay(t *testing.T) {
	if !replays {
		t.Skip("the race detector shuffles goroutines")
	}
	for seed := *first; seed < *first+5; seed++ {
		p := singles(newPlan(seed), "waits for nobody")
		o := run(t, p, false)
		if len(o.Failures) == 0 {
			continue // it has two holds of a name at no time
		}
		p, o = shrink(t, p, o)
		for range 9 {
			again := run(t, p, true)
			if i := differs(o.Story, again.Story); i >= 0 {
				t.Fatalf("seed %d has two stories, which differ from line %d on:\n%s\nand\n%s", seed, i, strings.Join(o.Story, "\n"), strings.Join(again.Story, "\n"))
			}
		}
	}
}

// differs returns the first line in which two stories differ, or -1.
func differs(a, b []string) int {
	if slices.Equal(a, b) {
		return -1
	}
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
