package check

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

func TestChecks(t *testing.T) {
	sc, err := scenario.Parse("f", []byte(`name: s
clients:
- name: c
  repeat: 2
  steps:
  - {read: /a, expect: [granted]}
  - unlock: /a
  - write: /a
  - unlock: /a
  - {write: /b, waits: {at_most: 1s}}
  - unlock: /b
expect:
  log: [a]
  max_wait: 1s
  order: [[granted c, released c]]
`))
	if err != nil {
		t.Fatal(err)
	}
	p := plan.New(sc, 1)
	r := outcome.Result{Seed: 1, Speed: 1, Expected: Names(sc, p)}
	r.Failures = append(Failures(sc, p, r), outcome.Failure{Of: "unfair", Msg: "out of turn"})
	var got []string
	for _, c := range r.Checks() {
		got = append(got, fmt.Sprintf("%s %v %v", c.Name, c.Promise, c.Failures))
	}
	want := []string{
		`line 6: c: read "/a" false [f:6:6: c: read "/a": want granted, but the step was not reached]`,
		`line 10: c: write "/b" false []`,
		`line 6: c: read "/a" (time 2) false [f:6:6: c: read "/a" (time 2): want granted, but the step was not reached]`,
		`line 10: c: write "/b" (time 2) false []`,
		`order: granted c, released c false [f:15:12: "granted c" did not happen]`,
		`log false [f:13:8: log line 1: want "a", got the end]`,
		"max_wait false []", "fenced false []",
		"overlap true []", "unfenced true []", "unfair true [out of turn]", "stale true []", "phantom true []",
		"not_notified true []", "left_behind true []", "contradiction true []", "undecided true []",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checks (-want +got)\n%s", diff)
	}
}
