package deterministic

import (
	"slices"
	"strings"
	"testing"

	"etcd-lock/simulate/scenario"
)

// TestReplay replays seeds ten times: one seed is one story, whether it fails or not.
func TestReplay(t *testing.T) {
	for seed := *first; seed < *first+8; seed++ {
		p := newPlan(seed)
		if seed%4 == 0 {
			p.Impl = "waits for nobody"
		}
		first := run(t, p, true)
		for range 9 {
			again := run(t, p, true)
			if i := differs(first.Story, again.Story); i >= 0 {
				t.Fatalf("seed %d has two stories, which differ from line %d on:\n%s\nand\n%s", seed, i,
					strings.Join(first.Story[max(i-12, 0):min(i+4, len(first.Story))], "\n"), strings.Join(again.Story[max(i-12, 0):min(i+4, len(again.Story))], "\n"))
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

// TestNegativeControls runs locks that are wrong. A judge that lets them pass judges
// nothing.
func TestNegativeControls(t *testing.T) {
	for impl, kinds := range map[scenario.Impl][]string{
		"waits for nobody":  {"granted too early", "overlap"},
		scenario.ImplMutex:  {"stuck", "overlap", "left behind"},
		scenario.ImplRecipe: {"stuck", "overlap", "left behind"},
	} {
		t.Run(string(impl), func(t *testing.T) {
			for seed := uint64(1); seed <= 300; seed++ {
				p := newPlan(seed)
				p.Impl, p.Inspect = impl, false
				o := run(t, p, false)
				if len(o.Failures) > 0 && slices.Contains(kinds, o.Failures[0].Kind) {
					small, so := shrink(t, p, o)
					t.Logf("seed %d is caught: %sshrunk from %d parts to %d:\n%s", seed, list(so.Failures), p.size(), small.size(), small)
					return
				}
			}
			t.Error("300 seeds have not caught it")
		})
	}
}
