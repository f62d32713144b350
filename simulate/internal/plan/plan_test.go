package plan

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/scenario"
)

const dicey = `name: dicey
seed: 7
clients:
  - name: r
    count: 2
    after: {from: 0s, to: 1h}
    repeat: 2
    steps:
      - read: /a
        within: {from: 1h, to: 2h}
        cancel: {from: 1s, to: 1h}
      - wait: {from: 0s, to: 1h}
      - unlock: /a
  - name: w
    after: 1s
    steps: [{write: /a}, {downgrade: /a}, {unlock: /a}, {write: /a}, {unlock: /a}]
faults: [{at: {from: 0s, to: 1h}, compact: true}]
`

func planOf(t *testing.T, data string, seed uint64) []Script {
	t.Helper()
	sc, err := scenario.Parse("dicey.yaml", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return New(sc, seed).Scripts
}

// TestPlanIsDrawnFromTheSeed wants the same seed to draw the same times for a
// client, whoever else there is, and another one others.
func TestPlanIsDrawnFromTheSeed(t *testing.T) {
	first := planOf(t, dicey, 7)
	if again := planOf(t, dicey, 7); !reflect.DeepEqual(first, again) {
		t.Error("the same seed draws other times")
	}
	if other := planOf(t, dicey, 8); reflect.DeepEqual(first[0], other[0]) {
		t.Error("another seed draws the same times")
	}
	if first[0].After == first[1].After || first[0].Steps[1].WaitFor == first[0].Steps[4].WaitFor {
		t.Error("alike clients, or repeats, draw the same times")
	}
	more := planOf(t, strings.Replace(dicey, "count: 2", "count: 3", 1), 7)
	if !reflect.DeepEqual(first[:2], more[:2]) {
		t.Error("another client changes what the others draw")
	}
}

func TestPlan(t *testing.T) {
	scripts := planOf(t, dicey, 7)
	if len(scripts) != 3 || scripts[0].Name != "r-1" || scripts[2].Name != "w" {
		t.Fatalf("scripts %+v", scripts)
	}
	r, w := scripts[0].Steps, scripts[2].Steps
	if len(r) != 6 || r[0].Round != 1 || r[3].Round != 2 || r[0].End != 2 || r[3].End != 5 {
		t.Errorf("r repeats as %+v", r)
	}
	if !w[0].Downgradable || w[3].Downgradable {
		t.Errorf("downgradable: %v and %v, want the first only", w[0].Downgradable, w[3].Downgradable)
	}
	if w[0].GiveUpAfter != scenario.DefaultWithin || w[0].CancelAfter != 0 {
		t.Errorf("left out: within %s, cancel %s", w[0].GiveUpAfter, w[0].CancelAfter)
	}
	for _, turn := range []Step{r[0], r[3]} {
		if turn.GiveUpAfter < time.Hour || turn.GiveUpAfter >= 2*time.Hour || turn.CancelAfter < time.Second || turn.CancelAfter >= time.Hour {
			t.Errorf("drawn: within %s, cancel %s", turn.GiveUpAfter, turn.CancelAfter)
		}
	}
}

func TestEndOfSection(t *testing.T) {
	lock := func(name string) []rwlock.LockRequest { return []rwlock.LockRequest{{Name: name}} }
	steps := []scenario.Step{
		{Do: scenario.Read, Locks: lock("/a")},
		{Do: scenario.Write, Locks: lock("/b")},
		{Do: scenario.Wait},
		{Do: scenario.Unlock, Locks: lock("/b")},
		{Do: scenario.Unlock, Locks: lock("/a")},
		{Do: scenario.Read, Locks: lock("/c")},
		{Do: scenario.Wait},
	}
	for i, want := range map[int]int{0: 4, 1: 3, 5: 6} {
		if got := endOfSection(steps, i); got != want {
			t.Errorf("endOfSection(%d) = %d, want %d", i, got, want)
		}
	}
}
