package check

import (
	"fmt"
	"slices"
	"strings"

	"etcd-lock/simulate/internal/plan"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// The names of the checks of a whole run.
const (
	ofLog     = "log"
	ofMaxWait = "max_wait"
	ofFenced  = "fenced"
)

// ofStep returns the name of the check of a step.
func ofStep(s outcome.StepResult) string { return fmt.Sprintf("line %d: %s", s.Step.Line, s) }

// ofOrder returns the name of the check of a chain of moments.
func ofOrder(chain []scenario.Occurrence) string {
	words := make([]string, len(chain))
	for i, o := range chain {
		words[i] = o.String()
	}
	return "order: " + strings.Join(words, ", ")
}

// Names returns the names of the checks that a scenario asks for, each once.
func Names(sc *scenario.Scenario, p plan.Plan) []string {
	var names []string
	for _, script := range p.Scripts {
		for _, s := range script.Steps {
			if s.Expect != nil || s.Waits != (scenario.Bounds{}) {
				names = append(names, ofStep(*s.Result(script.Name)))
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

// unique keeps the first of equal names.
func unique(names []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(names, func(n string) bool {
		defer func() { seen[n] = true }()
		return seen[n]
	})
}
