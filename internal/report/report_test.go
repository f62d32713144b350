package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/lanes"
	"etcd-lock/internal/report"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
	"etcd-lock/simulate/verify"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("it has changed; -update writes it anew. Got:\n%s\nwant:\n%s", got, want)
	}
}

const nasty = "</title><script>\x1b[31m\u202e&\"'"

// events are of a run with a bit of everything.
func events() []outcome.Event {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	read, write := []rwlock.LockRequest{{Name: "/a", Mode: rwlock.Read}}, []rwlock.LockRequest{{Name: "/a", Mode: rwlock.Write}}
	other := []rwlock.LockRequest{{Name: "/b", Mode: rwlock.Write}}
	of := func(at int, client string, m scenario.Moment, line int, locks []rwlock.LockRequest) outcome.Event {
		e := outcome.Event{At: ms(at), Client: client, Moment: m, Place: scenario.Place{Line: line, Column: 3}, Locks: locks}
		if m != scenario.Waiting {
			e.Line = fmt.Sprintf("%s %s", m, client)
		}
		return e
	}
	return []outcome.Event{
		{Moment: scenario.Preparing, Line: "PREPARE MUTEXES"},
		of(2, "r1", scenario.Ready, 0, nil), of(4, "writer", scenario.Ready, 0, nil), of(6, nasty, scenario.Ready, 0, nil),
		of(10, "r1", scenario.Asked, 1, read), of(12, "r1", scenario.Granted, 1, read),
		of(100, "writer", scenario.Asked, 2, write), of(102, "writer", scenario.Waiting, 2, write),
		of(150, nasty, scenario.Asked, 3, other), of(151, nasty, scenario.Granted, 3, other), of(200, nasty, scenario.Asked, 4, write),
		{At: ms(300), Moment: scenario.Faulty, Line: "kill leader"},
		of(500, "r1", scenario.Released, 5, read), of(500, "writer", scenario.Granted, 2, write),
		of(600, "writer", scenario.Paused, 6, nil), of(700, nasty, scenario.Deadline, 4, write), of(800, nasty, scenario.Crashed, 7, nil),
		of(1200, "writer", scenario.Resumed, 8, nil), of(1230, "writer", scenario.Lost, 2, write), of(1100, "writer", scenario.Fenced, 2, nil),
	}
}

func run(failed bool) report.Run {
	r := report.Run{
		Scenario: &scenario.Scenario{
			Name: "mixed", About: nasty, File: "mixed.yaml",
			Clients: []scenario.Client{{Name: "r1", Count: 1, Repeat: 1, Steps: []scenario.Step{
				{Do: scenario.Read, Locks: []rwlock.LockRequest{{Name: nasty}}, Expect: []scenario.Moment{scenario.Granted}, Place: scenario.Place{Line: 5, Column: 9}},
			}}},
		},
		Result:  outcome.Result{Scenario: "mixed", Seed: 7, Speed: 1, Events: events(), Expected: []string{"line 5: r1: read " + strconv.Quote(nasty), "fenced"}},
		Command: "etcd-lock simulate run mixed.yaml --embedded --seed 7",
	}
	if failed {
		stage := verify.Stage{Mode: rwlock.Write, Token: 3, Asked: time.Millisecond, Granted: time.Second}
		hold := verify.Hold{Client: nasty, Lock: "/a", Stages: []verify.Stage{stage}, End: 2 * time.Second}
		r.Result.Note = "etcd granted other TTLs: " + nasty
		r.Result.Failures = []outcome.Failure{
			{File: "mixed.yaml", Place: scenario.Place{Line: 5, Column: 9}, Of: "fenced", Msg: "late holders: " + nasty},
			{Of: "overlap", Msg: "two at once"},
		}
		r.Result.Verdict.Violations = []verify.Violation{
			{Kind: verify.LeftBehind}, {Kind: verify.Overlap, Holds: []verify.Hold{hold, hold}}, {Kind: verify.Overlap, Holds: []verify.Hold{hold}},
		}
	}
	return r
}

func plain(_ lanes.Look, s string) string { return s }

func TestText(t *testing.T) {
	picture := outcome.Draw(events(), 1230*time.Millisecond)
	for _, width := range []int{80, 40} {
		lines := report.Text(picture, report.Canvas{Width: width, Paint: plain})
		for _, l := range lines {
			if w := ansi.StringWidth(l); w > width {
				t.Errorf("a line of %d columns, of %d: %q", w, width, l)
			}
		}
		golden(t, fmt.Sprintf("lanes-%d", width), strings.Join(lines, "\n")+"\n")
	}
	t.Run("no more lines than there is room for", func(t *testing.T) {
		for height := 4; height < 8; height++ {
			lines := report.Text(picture, report.Canvas{Width: 80, Height: height, Paint: plain})
			if more := strings.Contains(strings.Join(lines, "\n"), "more"); len(lines) > height || more != (height < 6) {
				t.Errorf("in %d lines:\n%s", height, strings.Join(lines, "\n"))
			}
		}
	})
	t.Run("nothing yet", func(t *testing.T) {
		if lines := report.Text(outcome.Picture{}, report.Canvas{Width: 1, Height: 1, Paint: plain}); len(lines) != 2 {
			t.Errorf("lines %q", lines)
		}
	})
	t.Run("painted by what they mean", func(t *testing.T) {
		seen := map[lanes.Look]bool{}
		report.Text(picture, report.Canvas{Width: 80, Paint: func(l lanes.Look, s string) string { seen[l] = true; return s }})
		for l := lanes.Nothing; l <= lanes.Fault; l++ {
			if !seen[l] && l != lanes.Failed && l != lanes.Holds && l != lanes.Slots {
				t.Errorf("look %d is not painted", l)
			}
		}
	})
}

// TestTextKeepsApart has two writers follow each other in less than a column:
// they never seem to hold at once.
func TestTextKeepsApart(t *testing.T) {
	stretch := func(from, to int, s outcome.State) outcome.Stretch {
		return outcome.Stretch{From: time.Duration(from) * time.Millisecond, To: time.Duration(to) * time.Millisecond, State: s}
	}
	writes, waits := outcome.State{Holds: rwlock.Write}, outcome.State{Waits: true}
	lines := report.Text(outcome.Picture{Until: 60 * time.Millisecond, Lanes: []outcome.Lane{
		{Client: "a", Stretches: []outcome.Stretch{stretch(0, 23, writes), stretch(23, 60, outcome.State{})}},
		{Client: "b", Stretches: []outcome.Stretch{stretch(0, 25, waits), stretch(25, 41, writes), stretch(41, 60, outcome.State{})}},
		{Client: "c", Stretches: []outcome.Stretch{stretch(0, 51, outcome.State{}), stretch(51, 52, writes), stretch(52, 60, outcome.State{})}},
	}}, report.Canvas{Width: 80, Paint: plain})
	want := []string{"a       ███···", "b       ░░░██·", "c       ·····█"}
	for i, w := range want {
		if lines[i+1] != w {
			t.Errorf("lane %q, want %q", lines[i+1], w)
		}
	}
}

func TestJUnit(t *testing.T) {
	broken := run(false)
	broken.Err = errors.New("etcd is gone: " + nasty)
	var b bytes.Buffer
	if err := report.JUnit(&b, []report.Run{run(false), run(true), broken}); err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(b.Bytes(), new(struct{})); err != nil {
		t.Error(err)
	}
	golden(t, "junit", b.String())
}

func TestPage(t *testing.T) {
	broken := run(false)
	broken.Err = errors.New("etcd is gone")
	for name, r := range map[string]report.Run{"passed": run(false), "failed": run(true), "broken": broken} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := report.Page(&b, r); err != nil {
				t.Fatal(err)
			}
			for _, bad := range []string{"<script", "\x1b", "\u202e", "http://", "https://", "src=", "href="} {
				if strings.Contains(b.String(), bad) {
					t.Errorf("%q is in the page", bad)
				}
			}
			golden(t, "page-"+name, b.String())
		})
	}
}

func TestStory(t *testing.T) {
	if got := run(false).Story(); got != nil {
		t.Errorf("story of a good run %q", got)
	}
	if got := run(true).Story(); len(got) != 3 {
		t.Errorf("story %q, want that of the one hold", got)
	}
}
