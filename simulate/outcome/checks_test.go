package outcome

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	r := Result{Seed: 1, Speed: 1}
	r.Failures = append(Failures(sc, r), Failure{Of: "unfair", Msg: "out of turn"})
	var got []string
	for _, c := range r.Checks(sc) {
		got = append(got, fmt.Sprintf("%s %v %v", c.Name, c.Promise, c.Failures))
	}
	want := []string{
		`line 6: c: read "/a" false [f:6:6: c: read "/a": want granted, but it did not come to that]`,
		`line 10: c: write "/b" false []`,
		`line 6: c: read "/a" (time 2) false [f:6:6: c: read "/a" (time 2): want granted, but it did not come to that]`,
		`line 10: c: write "/b" (time 2) false []`,
		`order: granted c, released c false [f:15:12: "granted c" did not happen]`,
		`log false [f:13:8: log line 1: want "a", got the end]`,
		"max_wait false []", "fenced false []",
		"overlap true []", "unfenced true []", "unfair true [out of turn]", "dead true []", "phantom true []",
		"untold true []", "left true []", "contradiction true []", "undecided true []",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checks (-want +got)\n%s", diff)
	}
}
