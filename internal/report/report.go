// Package report tells of runs of scenarios: as lanes of text, for the machines
// that run tests, and as a page.
//
// What scenarios and etcd call things is untrusted, and is made safe here for
// whoever reads it.
package report

import (
	"time"

	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// Run is a run to tell of.
type Run struct {
	Scenario *scenario.Scenario
	Result   outcome.Result
	Err      error  // why it could not be run to its end; nil if it was
	Command  string // that runs it again, printable as it is
}

// Until is where the run's picture ends.
func (r Run) Until() time.Duration {
	var last time.Duration
	for _, e := range r.Result.Events {
		last = max(last, e.At)
	}
	return last
}

// Story is the shortest of those that tell of a violation, a line each; none
// when there was no violation.
func (r Run) Story() []string {
	var shortest []string
	for _, v := range r.Result.Verdict.Violations {
		if story := v.Story(); len(shortest) == 0 || len(story) > 0 && len(story) < len(shortest) {
			shortest = story
		}
	}
	return shortest
}
