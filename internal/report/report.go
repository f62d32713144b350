// Package report reports runs of scenarios: as lanes for terminals, as JUnit's XML for CI,
// and as an HTML page.
//
// Names from scenarios and from etcd are untrusted. This package escapes them.
package report

import (
	"time"

	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// Run is a run to report.
type Run struct {
	Scenario *scenario.Scenario
	Result   outcome.Result
	Err      error  // why the run ended early; nil if it did not
	Command  string // that runs it again, escaped
}

// Until returns when the last event happened: its picture ends there.
func (r Run) Until() time.Duration {
	var last time.Duration
	for _, e := range r.Result.Events {
		last = max(last, e.At)
	}
	return last
}

// Story returns the shortest story of a violation, a line for each event; nil if there
// was no violation.
func (r Run) Story() []string {
	var shortest []string
	for _, v := range r.Result.Verdict.Violations {
		if story := v.Story(); len(shortest) == 0 || len(story) > 0 && len(story) < len(shortest) {
			shortest = story
		}
	}
	return shortest
}
