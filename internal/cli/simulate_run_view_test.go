package cli

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/report"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
	"etcd-lock/simulate/verify"
)

func shownRun(failures ...outcome.Failure) report.Run {
	locks := []rwlock.LockRequest{{Name: "/a\x1b", Mode: rwlock.Write}}
	stage := verify.Stage{Mode: rwlock.Write, Token: 3, Asked: time.Millisecond, Granted: time.Second}
	hold := verify.Hold{Client: "c", Lock: "/a", Stages: []verify.Stage{stage}, End: 2 * time.Second}
	step := scenario.Step{Do: scenario.Write, Locks: locks, Expect: []scenario.Moment{scenario.Granted}, Place: scenario.Place{Line: 5, Column: 9}}
	r := outcome.Result{
		Scenario: "s", Seed: 7, Speed: 2,
		Events: []outcome.Event{
			{Moment: scenario.Preparing, Line: "PREPARE MUTEXES"},
			{At: time.Millisecond, Client: "c", Moment: scenario.Ready, Line: "LOCK1"},
			{At: 2 * time.Millisecond, Client: "c", Moment: scenario.Asked, Do: scenario.Write, Place: step.Place, Round: 1, Locks: locks, Line: "waiting lock c"},
			{At: 2 * time.Millisecond, Client: "c", Moment: scenario.Waiting, Do: scenario.Write, Place: step.Place, Round: 1, Locks: locks},
			{At: time.Second, Client: "c", Moment: scenario.Granted, Do: scenario.Write, Place: step.Place, Round: 1, Locks: locks, Token: 3, Waited: 998 * time.Millisecond, Line: "got lock c"},
			{At: 2 * time.Second, Client: "c", Moment: scenario.Lost, Do: scenario.Write, Place: step.Place, Round: 1, Locks: locks, Token: 3, Err: rwlock.ErrLost, Line: "c lost"},
		},
		Steps:    []outcome.StepResult{{Client: "c", Step: step, Round: 1, Outcomes: []scenario.Moment{scenario.Waiting, scenario.Granted}, Waited: 998 * time.Millisecond, Token: 3}},
		Failures: failures,
	}
	if len(failures) > 0 {
		r.Verdict.Violations = []verify.Violation{{Kind: verify.Overlap, Lock: "/a", Clients: []string{"c"}, Holds: []verify.Hold{hold}, Text: "two at once"}, {Kind: verify.LeftBehind, Text: "left"}}
		r.Verdict.Fenced = []verify.Fence{{Lock: "/a", Late: hold, Other: hold, Text: "late"}}
	}
	return report.Run{Scenario: &scenario.Scenario{Name: "s"}, Result: r, Command: "etcd-lock simulate run s --seed 7"}
}

// TestRunDoc holds the fields that simulateRunLong documents.
func TestRunDoc(t *testing.T) {
	var b bytes.Buffer
	v := jsonView{out: output.Printer{Writer: &b}}
	if err := v.end(shownRun(outcome.Failure{Of: "overlap", Msg: "two at once"}), 2, false); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/run.json")
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("JSON\n%s\nwant\n%s", b.String(), want)
	}
}

func TestRunDocWithoutEnd(t *testing.T) {
	var b bytes.Buffer
	r := shownRun()
	r.Err = errors.New("etcd is gone")
	if err := (jsonView{out: output.Printer{Writer: &b}}).end(r, 1, false); err != nil || b.Len() > 0 {
		t.Errorf("of a run that was none: %v, %s", err, b.String())
	}
}

// TestSimulateTells has the shortest story, the seed and the command.
func TestSimulateTells(t *testing.T) {
	var b bytes.Buffer
	o := simulateRunOptions{err: &b}
	o.printFailure(shownRun(outcome.Failure{Of: "overlap", Msg: "two at once"}), 2)
	want := `0.001s c asks to write /a
1.000s c is granted it to write, token 3
2.000s c no longer claims it
failed in round 2 with seed 7; reproduce with: etcd-lock simulate run s --seed 7
`
	if b.String() != want {
		t.Errorf("tells\n%s\nwant\n%s", b.String(), want)
	}
}

func TestLaneView(t *testing.T) {
	const lanes = `        |0s             |500ms           |1s              |1.5s           |2s
c        ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░████████████████████████████████✗
░ waits  █ writes  ✗ lost
`
	bad := outcome.Failure{Msg: "bad"}
	tests := []struct {
		name string
		run  report.Run
		more bool
		want string
	}{
		{"the last", shownRun(), false, lanes + "● passed  s: round 3, seed 7, 2s\n"},
		{"one of several", shownRun(), true, "● passed  s: round 3, seed 7, 2s\n"},
		{"a failure", shownRun(bad), true, lanes + "✗ failed  s: round 3, seed 7, 2s\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			v := newLaneView(output.Printer{Writer: &b, Terminal: true})
			for _, e := range tt.run.Result.Events {
				if err := v.log(e); err != nil {
					t.Fatal(err)
				}
			}
			if err := v.end(tt.run, 3, tt.more); err != nil {
				t.Fatal(err)
			}
			got := b.String()[strings.LastIndex(b.String(), "\x1b[J")+1:]
			if got = strings.TrimPrefix(got, "[J"); got != tt.want {
				t.Errorf("shows\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
	t.Run("it takes back what a narrower terminal has broken", func(t *testing.T) {
		var b bytes.Buffer
		v := &laneView{out: output.Printer{Writer: &b}, drawn: []string{strings.Repeat("x", 41), ""}}
		v.replace(nil, 20)
		if want := "\r\x1b[4A\x1b[J"; b.String() != want {
			t.Errorf("writes %q, want %q", b.String(), want)
		}
	})
	t.Run("nobody reads on", func(t *testing.T) {
		v := &laneView{out: output.Printer{Writer: brokenWriter{}}}
		v.replace([]string{"x"}, 20)
		if err := v.log(outcome.Event{}); !errors.Is(err, errBroken) {
			t.Errorf("log = %v", err)
		}
	})
}

var errBroken = errors.New("broken")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }
