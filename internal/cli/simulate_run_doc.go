package cli

import (
	"time"

	"etcd-lock/internal/cli/predicting"
	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/report"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
	"etcd-lock/simulate/verify"
)

// runDoc is what simulate run prints as JSON; simulateRunLong documents it.
type runDoc struct {
	Scenario   string                 `json:"scenario"`
	Round      int                    `json:"round"`
	Passed     bool                   `json:"passed"`
	Seed       uint64                 `json:"seed"`
	Speed      float64                `json:"speed"`
	Command    string                 `json:"command"`
	Lines      []runLine              `json:"lines"`
	Events     []runEvent             `json:"events"`
	Steps      []runStep              `json:"steps"`
	Failures   []string               `json:"failures"`
	Violations []runViolation         `json:"violations"`
	Fenced     []runFence             `json:"fenced"`
	Note       string                 `json:"note,omitempty"`
	Potential  []predicting.Potential `json:"potential"`
}

type runLine struct {
	At     float64 `json:"at_seconds"`
	Client string  `json:"client,omitempty"`
	Text   string  `json:"text"`
}

type runEvent struct {
	At     float64         `json:"at_seconds"`
	Client string          `json:"client,omitempty"`
	Moment scenario.Moment `json:"moment"`
	Do     scenario.Action `json:"do,omitempty"`
	Line   int             `json:"line,omitempty"`
	Time   int             `json:"time,omitempty"`
	Locks  []runLock       `json:"locks,omitempty"`
	Token  int64           `json:"token,omitempty"`
	Waited float64         `json:"waited_seconds,omitempty"`
	Error  string          `json:"error,omitempty"`
}

type runLock struct {
	Name    string `json:"name"`
	Mode    string `json:"mode,omitempty"`
	Weight  int    `json:"weight,omitempty"`
	Permits int    `json:"permits,omitempty"`
}

type runStep struct {
	Client   string            `json:"client"`
	Do       scenario.Action   `json:"do"`
	Locks    []runLock         `json:"locks"`
	Line     int               `json:"line"`
	Time     int               `json:"time"`
	Expect   []scenario.Moment `json:"expect,omitempty"`
	Outcomes []scenario.Moment `json:"outcomes"`
	Waited   float64           `json:"waited_seconds"`
	Token    int64             `json:"token,omitempty"`
}

type runViolation struct {
	Kind    verify.Kind `json:"kind"`
	Lock    string      `json:"lock,omitempty"`
	Clients []string    `json:"clients"`
	Text    string      `json:"text"`
	Story   []string    `json:"story"`
}

type runFence struct {
	Lock   string `json:"lock"`
	Client string `json:"client"`
	Other  string `json:"other"`
	Text   string `json:"text"`
}

func newRunDoc(run report.Run, round int) runDoc {
	r := run.Result
	return runDoc{
		Scenario:   r.Scenario,
		Round:      round,
		Passed:     r.Err() == nil,
		Seed:       r.Seed,
		Speed:      r.Speed,
		Command:    run.Command,
		Note:       r.Note,
		Potential:  predicting.Documents(cmdline.Flags{}, predicting.Scenario(run.Scenario, r.Events)),
		Lines:      each(r.Lines(), func(e outcome.Event) runLine { return runLine{At: wholeMicros(e.At), Client: e.Client, Text: e.Line} }),
		Events:     each(r.Events, newRunEvent),
		Steps:      each(r.Steps, newRunStep),
		Failures:   outcome.Texts(r.Failures),
		Violations: each(r.Verdict.Violations, newRunViolation),
		Fenced: each(r.Verdict.Fenced, func(f verify.Fence) runFence {
			return runFence{Lock: f.Lock, Client: f.Late.Client, Other: f.Other.Client, Text: f.Text}
		}),
	}
}

// each returns f of each element. It is never nil, so that JSON has a list.
func each[T, D any](all []T, f func(T) D) []D {
	docs := make([]D, len(all))
	for i, v := range all {
		docs[i] = f(v)
	}
	return docs
}

func newRunEvent(e outcome.Event) runEvent {
	doc := runEvent{
		At: wholeMicros(e.At), Client: e.Client, Moment: e.Moment, Do: e.Do, Line: e.Place.Line, Time: e.Round,
		Locks: each(e.Locks, newRunLock), Token: e.Token, Waited: wholeMicros(e.Waited),
	}
	if e.Err != nil {
		doc.Error = e.Err.Error()
	}
	return doc
}

func newRunLock(w rwlock.LockRequest) runLock {
	if w.Mode == 0 {
		return runLock{Name: w.Name}
	}
	return runLock{Name: w.Name, Mode: w.Mode.String(), Weight: w.Weight, Permits: w.Permits}
}

func newRunStep(s outcome.StepResult) runStep {
	return runStep{
		Client: s.Client, Do: s.Step.Do, Locks: each(s.Step.Locks, newRunLock), Line: s.Step.Line, Time: s.Round,
		Expect: s.Step.Expect, Outcomes: append([]scenario.Moment{}, s.Outcomes...), Waited: wholeMicros(s.Waited), Token: s.Token,
	}
}

func newRunViolation(v verify.Violation) runViolation {
	return runViolation{
		Kind: v.Kind, Lock: v.Lock, Clients: append([]string{}, v.Clients...), Text: v.Text, Story: append([]string{}, v.Story()...),
	}
}

// wholeMicros returns d in seconds, rounded to microseconds.
func wholeMicros(d time.Duration) float64 { return d.Round(time.Microsecond).Seconds() }
