package simulate

import (
	"errors"
	"strings"
	"testing"

	"etcd-lock/rwlock"
)

func linesOf(s string) []Line {
	var lines []Line
	for _, f := range strings.Fields(s) {
		lines = append(lines, Line{Text: f})
	}
	return lines
}

func TestCheckLog(t *testing.T) {
	tests := []struct{ name, want, got, failure string }{
		{"same", "a b", "a b", ""},
		{"other line", "a b c", "a x c", `log line 2: want "b", got "x"`},
		{"too short", "a b", "a", `log line 2: want "b", got the end`},
		{"too long", "a", "a b", `log line 2: want the end, got "b"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(check(Expect{Log: strings.Fields(tt.want)}, linesOf(tt.got), nil), "; ")
			if got != tt.failure {
				t.Errorf("check = %q, want %q", got, tt.failure)
			}
		})
	}
	t.Run("nothing expected", func(t *testing.T) {
		if got := check(Expect{}, linesOf("a"), nil); len(got) != 0 {
			t.Errorf("check = %q", got)
		}
	})
	t.Run("violations count without expectations", func(t *testing.T) {
		if got := check(Expect{}, linesOf("a"), []string{"v"}); len(got) != 1 {
			t.Errorf("check = %q", got)
		}
	})
}

func TestResultErr(t *testing.T) {
	if err := (Result{}).Err(); err != nil {
		t.Errorf("Err of a good run = %v", err)
	}
	err := Result{Scenario: "s", Failures: []string{"x", "y"}}.Err()
	if !errors.Is(err, ErrExpectation) || err.Error() != "scenario s: expectation failed: x; y" {
		t.Errorf("Err = %v", err)
	}
}

// ledgerOf is a ledger for locks /a and /b.
func ledgerOf() *ledger {
	return newLedger(&Scenario{Clients: []Client{{Steps: []Step{{Lock: "/a"}, {Lock: "/b"}, {Do: Hold}}}}}, nil)
}

func want(mode rwlock.Mode, lock string) rwlock.Want { return rwlock.Want{Name: lock, Mode: mode} }

func TestLedgerFindsTwoHolders(t *testing.T) {
	tests := []struct {
		name  string
		do    func(l *ledger)
		wrong bool
	}{
		{"readers share", func(l *ledger) { l.hold("x", want(rwlock.Read, "/a")); l.hold("y", want(rwlock.Read, "/a")) }, false},
		{"writer and reader", func(l *ledger) { l.hold("x", want(rwlock.Write, "/a")); l.hold("y", want(rwlock.Read, "/a")) }, true},
		{"reader and writer", func(l *ledger) { l.hold("x", want(rwlock.Read, "/a")); l.hold("y", want(rwlock.Write, "/a")) }, true},
		{"one after the other", func(l *ledger) {
			l.hold("x", want(rwlock.Write, "/a"))
			l.drop("x", "/a")
			l.hold("y", want(rwlock.Write, "/a"))
		}, false},
		{"other locks", func(l *ledger) { l.hold("x", want(rwlock.Write, "/a")); l.hold("y", want(rwlock.Write, "/b")) }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := ledgerOf()
			tt.do(l)
			if (len(l.violations) > 0) != tt.wrong {
				t.Errorf("violations = %q", l.violations)
			}
		})
	}
}

// TestLedgerOrdersByCause lets a waiter hear of its grant while the release
// that it follows from is still on its way back.
func TestLedgerOrdersByCause(t *testing.T) {
	l := ledgerOf()
	granted := make(chan struct{})
	l.release("x", "/a", func() error {
		go func() {
			l.granted("y", want(rwlock.Write, "/a"))
			close(granted)
		}()
		l.say("", "in flight")
		l.released("x", nil)
		return nil
	})
	<-granted
	var got []string
	for _, line := range l.lines {
		got = append(got, line.Text)
	}
	if want := "in flight,released rlock for x,got lock y"; strings.Join(got, ",") != want {
		t.Errorf("log = %q, want %s", got, want)
	}
}

func TestEndOfSection(t *testing.T) {
	steps := []Step{
		{Do: RLock, Lock: "/a"},
		{Do: RWLock, Lock: "/b"},
		{Do: Hold},
		{Do: Unlock, Lock: "/b"},
		{Do: Unlock, Lock: "/a"},
		{Do: RLock, Lock: "/c"},
		{Do: Hold},
	}
	for i, want := range map[int]int{0: 4, 1: 3, 5: 6} {
		if got := endOfSection(steps, i); got != want {
			t.Errorf("endOfSection(%d) = %d, want %d", i, got, want)
		}
	}
}
