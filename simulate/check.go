package simulate

import (
	"errors"
	"fmt"
	"strings"
)

// ErrExpectation says that a run was not as its scenario expects it to be, or
// broke a promise of the locks: two held that exclude each other.
var ErrExpectation = errors.New("expectation failed")

// Result is what came of a run.
type Result struct {
	Scenario string
	Lines    []Line
	Failures []string // what was not as expected, a line of text each
}

// Err is nil, or an error that wraps ErrExpectation and names every failure.
func (r Result) Err() error {
	if len(r.Failures) == 0 {
		return nil
	}
	return fmt.Errorf("scenario %s: %w: %s", r.Scenario, ErrExpectation, strings.Join(r.Failures, "; "))
}

// check compares a run with what was expected of it.
func check(want Expect, lines []Line, violations []string) []string {
	failures := append([]string(nil), violations...)
	if want.Log == nil {
		return failures
	}
	if diff := firstDifference(want.Log, lines); diff != "" {
		failures = append(failures, diff)
	}
	return failures
}

// firstDifference says where a log leaves what was expected; what follows is
// mostly shifted, and would only hide it.
func firstDifference(want []string, lines []Line) string {
	for i := range max(len(want), len(lines)) {
		w, g := "the end", "the end"
		if i < len(want) {
			w = fmt.Sprintf("%q", want[i])
		}
		if i < len(lines) {
			g = fmt.Sprintf("%q", lines[i].Text)
		}
		if w != g {
			return fmt.Sprintf("log line %d: want %s, got %s", i+1, w, g)
		}
	}
	return ""
}
