package outcome

import (
	"fmt"
	"slices"
	"strings"

	"etcd-lock/simulate/verify"

	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/scenario"
)

// Check is something that a run had to be.
type Check struct {
	Name     string
	Promise  bool      // of all locks, and not of the scenario
	Failures []Failure // none when it was so
}

// The names of what a scenario expects of the whole.
const (
	ofLog     = "log"
	ofMaxWait = "max_wait"
	ofFenced  = "fenced"
)

func ofStep(s StepResult) string { return fmt.Sprintf("line %d: %s", s.Step.Line, s) }

func ofOrder(chain []scenario.Occurrence) string {
	words := make([]string, len(chain))
	for i, o := range chain {
		words[i] = o.String()
	}
	return "order: " + strings.Join(words, ", ")
}

// Checks are all that the run had to be: what its scenario expects of the steps
// and of the whole, and what is checked of every run.
func (r Result) Checks(sc *scenario.Scenario) []Check {
	var checks []Check
	for _, name := range expectations(sc, r) {
		checks = append(checks, Check{Name: name})
	}
	for _, kind := range promises() {
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

// promises are what is checked of every run.
func promises() []verify.Kind {
	return []verify.Kind{
		verify.Overlap, verify.Unfenced, verify.Unfair, verify.Dead, verify.Phantom, verify.Untold,
		verify.Left, verify.Contradiction, verify.Undecided,
	}
}

// expectations are what a scenario expects, by name, each once.
func expectations(sc *scenario.Scenario, r Result) []string {
	var names []string
	for _, script := range plan.Scripts(sc, r.Seed) {
		for _, t := range script.Steps {
			if t.Expect != nil || t.Waits != (scenario.Bounds{}) {
				names = append(names, ofStep(StepResult{Client: script.Name, Step: t.Step, Round: t.Round}))
			}
		}
	}
	for _, chain := range sc.Expect.Order {
		names = append(names, ofOrder(chain))
	}
	if sc.Expect.Log != nil {
		names = append(names, ofLog)
	}
	if sc.Expect.MaxWait > 0 {
		names = append(names, ofMaxWait)
	}
	return unique(append(names, ofFenced))
}

// unique leaves out what came before.
func unique(names []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(names, func(n string) bool {
		defer func() { seen[n] = true }()
		return seen[n]
	})
}
