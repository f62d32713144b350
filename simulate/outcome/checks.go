package outcome

import (
	"slices"

	"etcd-lock/simulate/verify"
)

// Check is one thing that was checked of a run.
type Check struct {
	Name     string
	Promise  bool      // locks promise it, in every run; otherwise the scenario expects it
	Failures []Failure // none if it passed
}

// Checks returns all checks of the run: what its scenario expects, then what locks
// promise.
func (r Result) Checks() []Check {
	var checks []Check
	for _, name := range r.Expected {
		checks = append(checks, Check{Name: name})
	}
	for _, kind := range verify.Kinds() {
		checks = append(checks, Check{Name: string(kind), Promise: true})
	}
	for _, f := range r.Failures {
		i := slices.IndexFunc(checks, func(c Check) bool { return c.Name == f.Of })
		if i < 0 {
			i = len(checks)
			checks = append(checks, Check{Name: f.Of})
		}
		checks[i].Failures = append(checks[i].Failures, f)
	}
	return checks
}
