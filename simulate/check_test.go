package simulate

import (
	"errors"
	"strings"
	"testing"
	"time"

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
	l := newLedger(&Clock{}, nil)
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

// happened are events of client c, by their moments.
func happened(moments ...Moment) []Event {
	var events []Event
	for i, m := range moments {
		events = append(events, Event{Client: "c", Moment: m, At: time.Duration(i) * time.Second, Locks: []rwlock.Want{{Name: "/a"}}})
	}
	return events
}

func TestCheckOrder(t *testing.T) {
	occurrence := func(m Moment, lock string, nth int) Occurrence {
		return Occurrence{Moment: m, Client: "c", Lock: lock, Nth: nth, Place: Place{3, 1}}
	}
	tests := []struct {
		name   string
		chain  []Occurrence
		events []Event
		want   string
	}{
		{"as wanted", []Occurrence{occurrence(Asked, "", 1), occurrence(Granted, "", 1)}, happened(Asked, Granted), ""},
		{"of that lock", []Occurrence{occurrence(Asked, "/a", 1), occurrence(Granted, "/a", 1)}, happened(Asked, Granted), ""},
		{"the second time", []Occurrence{occurrence(Granted, "", 1), occurrence(Granted, "", 2)}, happened(Granted, Asked, Granted), ""},
		{"turned round", []Occurrence{occurrence(Granted, "", 1), occurrence(Asked, "", 1)}, happened(Asked, Granted), `f:3:1: "asked c" happened 1s before "granted c", want it after`},
		{"not so often", []Occurrence{occurrence(Asked, "", 1), occurrence(Granted, "", 2)}, happened(Asked, Granted), `f:3:1: "granted c #2" did not happen`},
		{"another lock", []Occurrence{occurrence(Asked, "", 1), occurrence(Granted, "/b", 1)}, happened(Asked, Granted), `f:3:1: "granted c /b" did not happen`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sc := &Scenario{File: "f", Expect: Expect{Order: [][]Occurrence{tt.chain}}}
			wantFailures(t, check(sc, Result{Events: tt.events}), tt.want)
		})
	}
}

func TestAsExpected(t *testing.T) {
	tests := []struct {
		name      string
		want, got []Moment
		ok        bool
	}{
		{"anything", nil, []Moment{Deadline}, true},
		{"granted", []Moment{Granted}, []Moment{Granted}, true},
		{"it may have waited", []Moment{Granted}, []Moment{Waiting, Granted}, true},
		{"it must have waited", []Moment{Waiting, Granted}, []Moment{Granted}, false},
		{"it waited, whatever came of that", []Moment{Waiting}, []Moment{Waiting, Deadline}, true},
		{"it was lost as well", []Moment{Granted}, []Moment{Granted, Lost}, false},
		{"it was to be lost", []Moment{Granted, Lost}, []Moment{Granted}, false},
		{"something went wrong", []Moment{Granted}, []Moment{Failed}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := asExpected(tt.want, tt.got); got != tt.ok {
				t.Errorf("asExpected = %v", got)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	step := StepResult{Client: "c", Step: Step{Do: Read, Waits: Bounds{AtLeast: time.Second, AtMost: 2 * time.Second}}}
	tests := []struct {
		name           string
		waited, passed time.Duration
		ok             bool
	}{
		{"as written", 1500 * time.Millisecond, 1500 * time.Millisecond, true},
		{"too short", 900 * time.Millisecond, 900 * time.Millisecond, false},
		{"too long", 2100 * time.Millisecond, 2100 * time.Millisecond, false},
		{"faster", 110 * time.Millisecond, 1100 * time.Millisecond, true},
		{"locks are no faster", 1900 * time.Millisecond, 19 * time.Second, true},
		{"faster, and too short", 90 * time.Millisecond, 900 * time.Millisecond, false},
		{"faster, and too long", 2100 * time.Millisecond, 21 * time.Second, false},
		{"slower", 3900 * time.Millisecond, 1950 * time.Millisecond, true},
		{"slower, and too short", 1900 * time.Millisecond, 950 * time.Millisecond, false},
		{"slower, and too long", 4100 * time.Millisecond, 2050 * time.Millisecond, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := step
			s.Waited, s.Passed = tt.waited, tt.passed
			if got := check(&Scenario{}, Result{Steps: []StepResult{s}}); (len(got) == 0) != tt.ok {
				t.Errorf("failures %v", got)
			}
		})
	}
}
