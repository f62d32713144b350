package clusters

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"go.uber.org/goleak"

	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
	"etcd-lock/tui/looptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a fact may take to come true on a busy machine.
const patience = 20 * time.Second

// fleet is clusters by name, of which one cannot be reached.
type fleet struct {
	clusters map[string]*backendtest.Cluster
	ended    chan string
	change   func(name string, o *backend.Options) // nil: nothing

	mu      sync.Mutex
	refused map[string]error // contexts that cannot be connected to for now
	tries   map[string]int   // to connect to a context
	now     time.Time        // zero: the present
}

// Now implements a clock that only tests move, if one has set it.
func (f *fleet) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now.IsZero() {
		return time.Now()
	}
	return f.now
}

// set sets the clock.
func (f *fleet) set(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = now
}

// refuse has a context not be connected to, until the error is nil.
func (f *fleet) refuse(name string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused[name] = err
}

func newFleet(names ...string) *fleet {
	f := &fleet{clusters: map[string]*backendtest.Cluster{}, ended: make(chan string, len(names)), refused: map[string]error{}, tries: map[string]int{}}
	for _, name := range names {
		c := backendtest.NewCluster(f.Now)
		c.Put(inspect.Request{Lock: inspect.LockID{Layout: layout.RWLock, Name: "/lock-of-" + name}, Mode: keyspace.Read})
		f.clusters[name] = c
	}
	return f
}

func (f *fleet) context(name string) backend.Context {
	return backend.Context{Name: name, Colour: "red", ReadOnly: name == "prod", Endpoints: "etcd-of-" + name}
}

func (f *fleet) options(name string) backend.Options {
	c := f.clusters[name]
	o := backend.Options{
		Source: c, Locker: c, Endpoint: "etcd-of-" + name, Prefixes: keyspace.NewPrefixes(),
		Context: f.context(name), Contexts: f, ReadOnly: name == "prod", Now: f.Now, Flags: cmdline.Flags{EtcdLock: []string{"--context", name}},
	}
	if f.change != nil {
		f.change(name, &o)
	}
	return o
}

func (f *fleet) List() []backend.Context {
	var all []backend.Context
	for _, name := range []string{"dev", "gone", "prod"} {
		all = append(all, f.context(name))
	}
	return all
}

func (f *fleet) Password(context.Context, string) (string, error) {
	return "", errors.New("no terminal")
}

func (f *fleet) Final(err error) bool { return errors.Is(err, errPassword) }

func (f *fleet) Open(_ context.Context, name, _ string) (backend.Options, func(), error) {
	f.mu.Lock()
	f.tries[name]++
	err := f.refused[name]
	f.mu.Unlock()
	if f.clusters[name] == nil {
		err = errors.New("no etcd there")
	}
	if err != nil {
		return backend.Options{}, nil, err
	}
	return f.options(name), func() { f.ended <- name }, nil
}

// errPassword is an error against which it does not help to try again.
var errPassword = errors.New("wrong password")

// driver is the event loop of a program without a terminal.
type driver struct {
	t    *testing.T
	m    *Model
	loop looptest.Loop
}

func newDriver(t *testing.T, f *fleet, name string) *driver {
	t.Helper()
	return drive(t, func(ctx context.Context) *Model { return New(ctx, f.options(name)) })
}

func drive(t *testing.T, begin func(context.Context) *Model) *driver {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	d := &driver{t: t, m: begin(ctx), loop: looptest.New(ctx)}
	t.Cleanup(func() {
		cancel()
		if err := d.m.Close(patience); err != nil {
			t.Error(err)
		}
	})
	d.loop.Start(d.m.Init())
	d.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	return d
}

func (d *driver) send(msg tea.Msg) {
	_, cmd := d.m.Update(msg)
	d.loop.Start(cmd)
}

func (d *driver) screen() string { return ansi.Strip(d.m.View().Content) }

// shows goes on until the screen shows each of these texts, one after the other.
func (d *driver) shows(texts ...string) {
	d.t.Helper()
	for _, text := range texts {
		d.until(text, func() bool { return strings.Contains(d.screen(), text) })
	}
}

// until goes on until a fact is true.
func (d *driver) until(what string, holds func() bool) {
	d.t.Helper()
	deadline := time.After(patience)
	for !holds() {
		select {
		case msg := <-d.loop.Messages:
			d.send(msg)
		case <-deadline:
			d.t.Fatalf("never: %s\n%s", what, d.screen())
		}
	}
}

func (d *driver) types(text string) {
	for _, c := range text {
		d.send(tea.KeyPressMsg{Code: c, Text: string(c)})
	}
	d.send(tea.KeyPressMsg{Code: tea.KeyEnter})
}

// The user goes from cluster to cluster, and each goes on by itself.
func TestGoTo(t *testing.T) {
	f := newFleet("dev", "prod")
	d := newDriver(t, f, "dev")
	d.shows("/lock-of-dev")
	d.types(":ctx prod")
	d.shows("/lock-of-prod")
	if s := d.screen(); strings.Contains(s, "/lock-of-dev") || !strings.Contains(s, " prod · read-only ") || !strings.Contains(s, "etcd-of-prod") {
		t.Errorf("the screen of prod:\n%s", s)
	}
	f.clusters["dev"].Put(inspect.Request{Lock: inspect.LockID{Layout: layout.RWLock, Name: "/new-in-dev"}, Mode: keyspace.Read})
	d.types(":ctx -")
	d.shows("/new-in-dev")
	d.types(":ctx prod") // it is open
	d.shows("/lock-of-prod")
	if len(d.m.open) != 2 {
		t.Errorf("%d clusters are open", len(d.m.open))
	}
}

// What the user holds in a cluster that is not shown ends with the UI too, so quitting and
// suspending ask.
func TestLeavingAsks(t *testing.T) {
	f := newFleet("dev", "prod")
	f.change = func(_ string, o *backend.Options) { o.Suspend = func() error { return nil } }
	d := newDriver(t, f, "dev")
	d.shows("/lock-of-dev")
	d.types("n/mine")
	d.shows("/mine", "free")
	d.press("r")
	d.shows("read lock on /mine: granted")
	d.types(":ctx prod")
	d.shows("/lock-of-prod")
	d.press("q")
	d.shows("▸ quit ─", "! dev: read lock on /mine: held for")
	d.press("n", "ctrl+z")
	d.shows("▸ suspend ─", "! dev: read lock on /mine: its session expires within 10s")
	d.press("n")
}

// A cluster that does not answer leaves the one in front there.
func TestGoToErrors(t *testing.T) {
	d := newDriver(t, newFleet("dev"), "dev")
	d.shows("/lock-of-dev")
	d.types(":ctx gone")
	d.shows("ctx gone: no etcd there")
	d.types(":ctx none")
	d.shows("ctx: no context none; contexts: dev, gone, prod")
	d.types(":ctx dev,")
	d.shows("ctx: a name is missing between commas; contexts: dev, gone, prod")
	d.shows("/lock-of-dev")
}

// Writing to a cluster that is only read is allowed by its name, and forbidden again.
func TestReadOnly(t *testing.T) {
	d := newDriver(t, newFleet("prod"), "prod")
	d.shows("/lock-of-prod")
	d.send(tea.KeyPressMsg{Code: 'r', Text: "r"})
	d.shows("r: read-only mode; :readonly off ends it")
	d.types(":readonly off")
	d.shows("type prod to go on")
	d.send(tea.KeyPressMsg{Code: tea.KeyEnter}) // nothing was typed: it stays
	d.shows("prod · read-only")
	d.types(":readonly off")
	d.shows("type prod to go on")
	d.types("prod")
	d.shows("prod · writable")
	d.shows("allowed, until :readonly on")
	d.types(":readonly on")
	d.shows("prod · read-only")
}

// When the UI ends, so do the connections that it has opened.
func TestClose(t *testing.T) {
	f := newFleet("dev", "prod")
	d := newDriver(t, f, "dev")
	d.shows("/lock-of-dev")
	d.types(":ctx prod")
	d.shows("/lock-of-prod")
	if err := d.m.Close(patience); err != nil {
		t.Error(err)
	}
	if name := <-f.ended; name != "prod" {
		t.Errorf("%s has ended", name)
	}
	f.ended = make(chan string, 2) // the test's end closes it again
}
