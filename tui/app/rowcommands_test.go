package app

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/nav"
)

// programs notes what would be run.
type programs struct {
	fail error // of those in the background
	all  []backend.Command
	ran  chan backend.CommandLine
}

func (p *programs) List() []backend.Command                 { return p.all }
func (p *programs) Terminal(line backend.CommandLine) error { p.ran <- line; return nil }

func (p *programs) Background(line backend.CommandLine, _ <-chan struct{}) (string, error) {
	p.ran <- line
	if p.fail != nil {
		return "", p.fail
	}
	return "all is well", nil
}

// line is a template of a program and the values of some fields.
func line(program string, fields ...string) func(map[string]string) (backend.CommandLine, error) {
	return func(values map[string]string) (backend.CommandLine, error) {
		args := []string{program}
		for _, f := range fields {
			if values[f] == "" {
				return backend.CommandLine{}, errors.New("the row has no " + f)
			}
			args = append(args, values[f])
		}
		return backend.CommandLine{Args: args}, nil
	}
}

func commandDriver(t *testing.T, change func(*backend.Options), all ...backend.Command) (*driver, *programs) {
	t.Helper()
	p := &programs{all: all, ran: make(chan backend.CommandLine, 1)}
	d := newDriver(t, func(o *backend.Options) {
		o.RowCommands, o.Context = p, backend.Context{Name: "staging"}
		if change != nil {
			change(o)
		}
	})
	d.put("/a", keyspace.Write, time.Minute)
	return d, p
}

// A program that is missing is named once.
func TestCommandMissing(t *testing.T) {
	t.Parallel()
	const name, path = "no-such-program", "/no/such/program"
	for program, of := range map[string]map[string]string{
		name: {name: "✗ no-such-program: executable file not found in $PATH", "logs": "✗ logs: no-such-program: executable file not found in $PATH"},
		path: {path: "✗ /no/such/program: no such file or directory", "logs": "✗ logs: /no/such/program: no such file or directory"},
	} {
		for title, want := range of {
			d, p := commandDriver(t, nil, backend.Command{Key: "P", Name: title, Screens: []string{"locks"}, Background: true, Line: line(program)})
			p.fail = exec.Command(program).Run() //nolint:noctx // it is not there
			d.press("P")
			d.until("its failure is shown", func() bool { return strings.Contains(d.plain(), want) })
		}
	}
}

func TestCommandOnARow(t *testing.T) {
	on := []string{"locks", "lock"}
	t.Run("Background", func(t *testing.T) {
		d, p := commandDriver(t, nil, backend.Command{
			Key: "P", Name: "processes", Screens: on, Background: true, Line: line("ps", "Host", "PID", "Lock", "Owner", "Context", "Lease", "Mode"),
		})
		d.press("P")
		if got := strings.Join((<-p.ran).Args, " "); got != "ps web-1 42 /a worker@web-1 staging 694d8f9b0a1c0001 write" {
			t.Errorf("it ran %s", got)
		}
		d.until("its last line is shown", func() bool { return strings.Contains(d.plain(), "processes: all is well") })
	})
	t.Run("AsksFirst", func(t *testing.T) {
		d, p := commandDriver(t, nil, backend.Command{
			Key: "P", Name: "page", Screens: on, Background: true, Dangerous: true,
			Prompts: []backend.CommandPrompt{{Name: "Reason", Label: "why", Default: "it is "}}, Line: line("page", "Reason", "Host"),
		})
		d.press("P")
		d.mustShow("why: it is ")
		d.typed("stuck")
		d.press("enter")
		d.mustShow("page 'it is stuck' web-1")
		d.press("n")
		if d.m.asked != nil || len(p.ran) > 0 {
			t.Error("it was not canceled")
		}
		d.press("P", "enter", "y")
		if got := (<-p.ran).Args; got[1] != "it is " {
			t.Errorf("it ran %q", got)
		}
	})
	t.Run("ValueMissing", func(t *testing.T) {
		d, p := commandDriver(t, nil, backend.Command{Key: "P", Name: "logs", Screens: on, Line: line("logs", "Label")})
		d.press("P")
		d.mustShow("logs: the row has no Label")
		if len(p.ran) > 0 {
			t.Error("it ran")
		}
	})
	t.Run("ReadOnly", func(t *testing.T) {
		d, _ := commandDriver(t, func(o *backend.Options) { o.ReadOnly = true },
			backend.Command{Key: "P", Name: "drain", Screens: on, Dangerous: true, Line: line("drain")},
			backend.Command{Key: "f9", Name: "look", Screens: on, Line: line("look")})
		d.press("P")
		d.mustShow("P: read-only mode")
		d.press("?")
		d.mustNotShow("drain")
	})
	t.Run("OtherScreen", func(t *testing.T) {
		d, p := commandDriver(t, nil, backend.Command{Key: "P", Name: "logs", Screens: []string{"lock"}, Background: true, Line: line("logs", "Host")})
		d.press("P")
		d.press("enter")
		d.in("lock")
		if len(p.ran) > 0 {
			t.Error("it ran on a screen that it is not for")
		}
		d.press("P")
		<-p.ran
	})
}

// Every text that names a key has the name that the user gives it.
func TestRenamedKeysInTexts(t *testing.T) {
	d := newDriver(t, func(o *backend.Options) {
		o.Tour = backend.Tour{After: "healed. `1`: all locks"}
		o.Keys = []backend.Key{
			{From: "1", To: []string{"alt+1"}}, {From: "n", To: []string{"alt+n"}}, {From: "esc", To: []string{"alt+e"}}, {From: "J", To: []string{"alt+j"}},
			{Screen: "problems", From: "ctrl+k", To: []string{"alt+k"}}, {Screen: "events", From: "g", To: []string{"alt+g"}},
			{Screen: "lock", From: "H", To: []string{"alt+h"}}, {Screen: "clients", From: "o", To: []string{"alt+o"}},
		}
	})
	d.idle()
	d.mustShow("alt+n to type a name and take it")
	d.mustShow(" alt+1 locks ")
	incident(d)
	d.press("/")
	d.typed("zzz")
	d.press("enter")
	d.mustShow("no row matches “zzz”; alt+e shows all")
	d.press("alt+e", "3")
	d.mustShow("more lines: alt+j")
	d.press("7", "j")
	d.mustShow("alt+g follows the newest")
}

// A table whose rows do not match the filter says so, and nothing that would be true only
// without it.
func TestNothingMatches(t *testing.T) {
	for kind := nav.KindLocks; kind <= nav.LastKind; kind++ {
		t.Run(kind.String(), func(t *testing.T) {
			d, _ := withForce(t)
			incident(d)
			locks := d.m.Live.Locks
			d.do(nav.Open{Ref: nav.Ref{
				Kind: kind, Lock: locks[0].ID, Session: inspect.SessionID{Lease: locks[0].Queue[0].Lease}, Text: &nav.Text{Lines: []string{"a"}},
			}})
			d.send(resize(160, 50))
			d.press("/")
			d.typed("zzzz")
			d.press("enter")
			d.mustShow("no row matches “zzzz”; esc shows all")
		})
	}
}

// Keys, help and bottom line have the names that the user gives keys.
func TestRenamedKeys(t *testing.T) {
	d := newDriver(t, func(o *backend.Options) {
		o.Keys = []backend.Key{
			{From: "/", To: []string{"f", "ctrl+w"}}, {From: "?", To: []string{"h"}}, {From: "y"},
			{Screen: "lock", From: "r", To: []string{"R"}}, {From: "r", To: []string{"x"}}, {From: "x"},
		}
	})
	d.put("/a", keyspace.Write, time.Minute)
	d.mustShow("x read")
	d.press("/")
	if d.m.line.open() {
		t.Error("/ still filters")
	}
	for _, key := range []string{"f", "ctrl+w"} {
		d.press(key)
		if !d.m.line.open() {
			t.Errorf("%s does not filter", key)
		}
		d.press("esc")
	}
	d.press("x")
	if d.m.asked == nil {
		t.Error("x does not ask for a read lock")
	}
	d.press("n", "y")
	d.mustNotShow("clipboard")
	d.press("enter")
	d.in("lock")
	d.mustShow("R read")
	d.press("h")
	if help := ansi.Strip(strings.Join(d.m.helpLines(), "\n")); !d.m.help.open || !strings.Contains(help, "f          filter") || strings.Contains(help, "copy: what") {
		t.Errorf("the help does not follow:\n%s", help)
	}
}
