package simulate

import (
	"errors"
	"strings"
	"testing"

	"etcd-lock/rwlock"
)

func linesOf(s string) []Event {
	var lines []Event
	for _, f := range strings.Fields(s) {
		lines = append(lines, Event{Line: f}, Event{Moment: Waiting})
	}
	return lines
}

func TestCheckLog(t *testing.T) {
	tests := []struct{ name, want, got, failure string }{
		{"same", "a b", "a b", ""},
		{"other line", "a b c", "a x c", `f:7:3: log line 2: want "b", got "x"`},
		{"too short", "a b", "a", `f:7:3: log line 2: want "b", got the end`},
		{"too long", "a", "a b", `f:7:3: log line 2: want the end, got "b"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sc := &Scenario{File: "f", Expect: Expect{Log: strings.Fields(tt.want), LogPlace: Place{7, 3}}}
			wantFailures(t, check(sc, Result{Events: linesOf(tt.got)}), tt.failure)
		})
	}
	t.Run("nothing expected", func(t *testing.T) {
		wantFailures(t, check(&Scenario{}, Result{Events: linesOf("a")}), "")
	})
}

func wantFailures(t *testing.T, got []Failure, want string) {
	t.Helper()
	var all []string
	for _, f := range got {
		all = append(all, f.String())
	}
	if s := strings.Join(all, "; "); s != want {
		t.Errorf("failures %q\nwant     %q", s, want)
	}
}

func TestResultErr(t *testing.T) {
	if err := (Result{}).Err(); err != nil {
		t.Errorf("Err of a good run = %v", err)
	}
	err := Result{Scenario: "s", Failures: []Failure{{Msg: "x"}, {Msg: "y"}}}.Err()
	if !errors.Is(err, ErrExpectation) || err.Error() != "scenario s: expectation failed: x; y" {
		t.Errorf("Err = %v", err)
	}
}

func locked(client string, mode rwlock.Mode, lock string, token int64) Event {
	return Event{Client: client, Locks: []rwlock.Want{{Name: lock, Mode: mode}}, Token: token, Line: "got lock " + client}
}

// TestLedgerOrdersByCause lets a waiter hear of its grant while the release
// that it follows from is still on its way back.
func TestLedgerOrdersByCause(t *testing.T) {
	l := newLedger(nil)
	granted := make(chan struct{})
	e := locked("y", rwlock.Write, "/a", 2)
	l.release(e.Locks, func() Event {
		go func() {
			l.granted(&StepResult{}, e)
			close(granted)
		}()
		l.say(Event{Line: "in flight"})
		return Event{Line: "released rlock for x"}
	})
	<-granted
	var got []string
	for _, e := range l.events {
		got = append(got, e.Line)
	}
	if want := "in flight,released rlock for x,got lock y"; strings.Join(got, ",") != want {
		t.Errorf("log = %q, want %s", got, want)
	}
}

func TestEndOfSection(t *testing.T) {
	lock := func(name string) []rwlock.Want { return []rwlock.Want{{Name: name}} }
	steps := []Step{
		{Do: Read, Locks: lock("/a")},
		{Do: Write, Locks: lock("/b")},
		{Do: Wait},
		{Do: Unlock, Locks: lock("/b")},
		{Do: Unlock, Locks: lock("/a")},
		{Do: Read, Locks: lock("/c")},
		{Do: Wait},
	}
	for i, want := range map[int]int{0: 4, 1: 3, 5: 6} {
		if got := endOfSection(steps, i); got != want {
			t.Errorf("endOfSection(%d) = %d, want %d", i, got, want)
		}
	}
}
