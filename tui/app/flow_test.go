package app

import (
	"io"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/teatest/v2"
	"github.com/charmbracelet/x/vt"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/ptytest"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
)

// terminal is a model in a terminal of teatest's, which is waited for by what it
// shows.
type terminal struct {
	*teatest.TestModel
	screen *vt.Emulator // draws what the model prints: that is only what changes
	t      *testing.T
	m      *Model
}

func startTerminal(t *testing.T, o backend.Options) terminal {
	t.Helper()
	o.NoColor = true
	m := New(t.Context(), o)
	screen := ptytest.NewScreen(t, 80, 24)
	_, _ = screen.WriteString(ansi.SetModeLineFeedNewLine) // as the driver of a terminal would have it
	return terminal{teatest.NewTestModel(t, m, teatest.WithInitialTermSize(80, 24)), screen, t, m}
}

func (tm terminal) shows(text string) {
	tm.t.Helper()
	shown := func([]byte) bool { return strings.Contains(tm.screen.String(), text) }
	teatest.WaitFor(tm.t, io.TeeReader(tm.Output(), tm.screen), shown, teatest.WithDuration(patience))
}

func (tm terminal) enter() { tm.Send(tea.KeyPressMsg{Code: tea.KeyEnter}) }

// leave quits, and has everything given back.
func (tm terminal) leave() {
	tm.t.Helper()
	tm.Send(keyPress("ctrl+c"))
	tm.WaitFinished(tm.t, teatest.WithFinalTimeout(patience))
	if err := tm.m.Close(patience); err != nil {
		tm.t.Fatal(err)
	}
}

// A whole session as its user has it: a holder is seen, we queue behind it,
// it goes, we hold, we leave.
func TestFlow(t *testing.T) {
	c := backendtest.NewCluster(time.Now)
	other := c.Put(inspect.Request{Lock: rw("/jobs"), Mode: keyspace.Write, Since: time.Now()})
	tm := startTerminal(t, backend.Options{Prefixes: keyspace.Prefixes{"/"}, Endpoint: "local", Source: c, Locker: c})
	tm.shows("/jobs")
	tm.Type("w")
	tm.shows("You would wait behind 1 holder")
	tm.Type("y")
	tm.shows("yours etcd-lock")
	c.Remove(other.Lock, other.Key)
	tm.shows("held")
	tm.Type("?")
	tm.shows("help: locks")
	tm.Send(keyPress("esc"))
	tm.leave()
	if len(c.Queue(rw("/jobs"))) != 0 {
		t.Errorf("left behind: %v", c.Queue(rw("/jobs")))
	}
}

// Somebody looks into what happened and changes nothing: whose session it is,
// what it has done, what the log says, and how it was before.
func TestFlowLooking(t *testing.T) {
	c := backendtest.NewCluster(time.Now)
	request := inspect.Request{
		Lock: rw("/jobs"), Mode: keyspace.Write, Lease: 0xb1, Since: time.Now(), Owned: true,
		Owner: keyspace.Owner{Host: "web-1", PID: 42, Program: "worker"}.Ref(),
	}
	first := c.Put(request)
	request.Lease, request.Owner = 0xb2, keyspace.Owner{Host: "web-1", PID: 43, Program: "worker"}.Ref()
	c.Put(request)
	tm := startTerminal(t, backend.Options{Prefixes: keyspace.Prefixes{"/"}, Source: c, Past: &backendtest.History{Cluster: c, Floor: 100}, ReadOnly: true})
	tm.shows("/jobs")
	tm.Type("2")
	tm.shows("sessions 2")
	tm.enter()
	tm.shows("gets write /jobs")
	tm.enter()
	tm.shows("behind 1: writer #1")
	c.Remove(first.Lock, first.Key)
	tm.shows("released write /jobs")
	tm.Type("7")
	tm.shows("events 2 lines")
	tm.Type("6")
	tm.shows("enter reads the latest")
	tm.enter()
	tm.shows("revisions 100 to 103")
	tm.Type("G")
	tm.enter()
	tm.shows("PAST rev 101")
	tm.Type("1")
	tm.shows("● write")
	tm.Type("b")
	tm.shows("connected")
	tm.leave()
	if len(c.Queue(rw("/jobs"))) != 1 {
		t.Errorf("changed: %v", c.Queue(rw("/jobs")))
	}
}
