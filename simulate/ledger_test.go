package simulate

import (
	"strings"
	"testing"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/outcome"
)

func locked(client string, mode rwlock.Mode, lock string, token int64) outcome.Event {
	return outcome.Event{Client: client, Locks: []rwlock.LockRequest{{Name: lock, Mode: mode}}, Token: token, Line: "got lock " + client}
}

// TestLedgerOrdersByCause lets a waiter hear of its grant while the release
// that it follows from is still on its way back.
func TestLedgerOrdersByCause(t *testing.T) {
	l := newLedger(&Clock{}, nil)
	granted := make(chan struct{})
	e := locked("y", rwlock.Write, "/a", 2)
	l.release(e.Locks, func() outcome.Event {
		go func() {
			l.granted(&outcome.StepResult{}, e)
			close(granted)
		}()
		l.say(outcome.Event{Line: "in flight"})
		return outcome.Event{Line: "released rlock for x"}
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
