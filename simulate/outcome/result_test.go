package outcome

import (
	"errors"
	"testing"
)

func TestResultErr(t *testing.T) {
	if err := (Result{}).Err(); err != nil {
		t.Errorf("Err of a good run = %v", err)
	}
	err := Result{Scenario: "s", Failures: []Failure{{Msg: "x"}, {Msg: "y"}}}.Err()
	if !errors.Is(err, ErrExpectation) || err.Error() != "scenario s: expectation failed: x; y" {
		t.Errorf("Err = %v", err)
	}
}
