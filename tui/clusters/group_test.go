package clusters

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func rw(name string) inspect.LockID { return inspect.LockID{Layout: layout.RWLock, Name: name} }

// together begins with several contexts in one table, those without an etcd among them.
func together(t *testing.T, f *fleet, names ...string) *driver {
	t.Helper()
	return drive(t, func(ctx context.Context) *Model {
		var members []backend.Member
		for _, name := range names {
			o, end, err := f.Open(ctx, name, "")
			members = append(members, backend.Member{Name: name, Options: o, End: end, Err: err})
		}
		m := NewSeveral(ctx, members)
		m.retryAfter = time.Millisecond
		return m
	})
}

// devAndProd starts the UI on two contexts in one table, which shows the locks of both.
func devAndProd(t *testing.T) (*fleet, *driver) {
	t.Helper()
	f := newFleet("dev", "prod")
	d := together(t, f, "dev", "prod")
	d.shows("/lock-of-dev", "/lock-of-prod")
	return f, d
}

// put adds a request of a client to a lock of a cluster.
func (f *fleet) put(cluster, name string, lease int64, label string) {
	f.clusters[cluster].Put(inspect.Request{
		Lock: rw(name), Mode: keyspace.Write, Lease: lease, Owned: true, Since: f.Now().Add(-time.Hour),
		Owner: keyspace.Owner{Host: "host-" + cluster, PID: 42, Label: label}.Ref(),
	})
}

// press sends keys.
func (d *driver) press(keys ...string) {
	named := map[string]tea.Key{
		"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "tab": {Code: tea.KeyTab}, "down": {Code: tea.KeyDown},
		"space": {Code: tea.KeySpace, Text: " "},
	}
	for _, k := range keys {
		key, ok := named[k]
		switch letter, ctrl := strings.CutPrefix(k, "ctrl+"); {
		case ctrl:
			key = tea.Key{Code: rune(letter[0]), Mod: tea.ModCtrl}
		case !ok:
			key = tea.Key{Code: rune(k[0]), Text: k}
		}
		d.send(tea.KeyPressMsg(key))
	}
}

// cursorOn moves the cursor to the first row that shows all of these texts.
func (d *driver) cursorOn(texts ...string) {
	d.t.Helper()
	d.press("g")
	for range 40 {
		for _, l := range strings.Split(d.screen(), "\n") {
			if strings.HasPrefix(strings.TrimPrefix(l, "│ "), ">") && containsAll(l, texts) {
				return
			}
		}
		d.press("j")
	}
	d.t.Fatalf("no row shows %q:\n%s", texts, d.screen())
}

func containsAll(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// has checks that a line of the screen shows all of these texts.
func (d *driver) has(texts ...string) {
	d.t.Helper()
	for _, l := range strings.Split(d.screen(), "\n") {
		if containsAll(l, texts) {
			return
		}
	}
	d.t.Errorf("no line shows %q:\n%s", texts, d.screen())
}

func (d *driver) hasNot(text string) {
	d.t.Helper()
	if strings.Contains(d.screen(), text) {
		d.t.Errorf("the screen shows %q:\n%s", text, d.screen())
	}
}

// header is the first line of the screen.
func (d *driver) header() string {
	line, _, _ := strings.Cut(d.screen(), "\n")
	return line
}

// Rows of both clusters are in one table, and the row under the cursor says which cluster the
// header and the keys are about.
func TestSeveral(t *testing.T) {
	t.Parallel()
	f := newFleet("dev", "prod")
	for _, name := range []string{"dev", "prod"} {
		f.put(name, "/same", 7, "client-"+name)
	}
	d := together(t, f, "dev", "prod")
	d.shows("/lock-of-dev", "/lock-of-prod", "locks 4 · dev, prod", "/lock-of-prod")
	d.cursorOn("prod", "/same")
	if h := d.header(); !strings.Contains(h, " prod · read-only ") || !strings.Contains(h, "etcd-of-prod") {
		t.Errorf("header %q", h)
	}
	d.shows("client-prod")
	d.press("w")
	d.shows("w: read-only mode")
	d.cursorOn("dev", "/same")
	if h := d.header(); strings.Contains(h, "read-only") || !strings.Contains(h, "etcd-of-dev") {
		t.Errorf("header %q", h)
	}
	d.press("w")
	d.shows("dev: write lock on /same")
	d.press("y")
	d.until("the request is in dev", func() bool { return len(f.clusters["dev"].Queue(rw("/same"))) == 2 })
	if n := len(f.clusters["prod"].Queue(rw("/same"))); n != 1 {
		t.Errorf("%d requests in prod", n)
	}
	d.shows("* /same")
	for _, l := range strings.Split(d.screen(), "\n") {
		if strings.Contains(l, "* /same") && !strings.Contains(l, "dev") {
			t.Errorf("it is marked in the other cluster too: %q", l)
		}
	}
	d.press("enter")
	d.shows("→ lock")
	d.has("#", "client-dev")
	d.hasNot("client-prod")
	d.press("esc")
	d.shows("locks 4 · dev, prod")
	for _, field := range []string{"context", "ctx"} { // the heading is the shorter one
		d.types("/" + field + ":dev")
		d.shows("locks 2 of 4")
		d.press("esc")
	}
}

// The sessions and problems of clusters are kept apart, though leases and names are the same.
func TestSeveralProblems(t *testing.T) {
	t.Parallel()
	f := newFleet("dev", "prod")
	f.change = func(name string, o *backend.Options) {
		o.Releaser, o.ReadOnly = &backendtest.Releaser{Cluster: f.clusters[name]}, false
	}
	for _, name := range []string{"dev", "prod"} {
		f.put(name, "/same", 7, "holder-"+name)
		f.put(name, "/same", 8, "waiter-"+name)
	}
	d := together(t, f, "dev", "prod")
	d.shows("!4")
	d.press("2")
	d.shows("sessions 6 · dev, prod")
	d.cursorOn("dev", "holder-dev")
	d.cursorOn("prod", "holder-prod")
	d.press("ctrl+k")
	d.shows("prod: revoke session", "of holder-prod")
	d.press("n")
	d.shows("prod: revoke session 0000000000000007: not done")
	d.hasNot("prod: prod:")
	d.press("enter")
	d.shows("▸ prod: session 0000000000000007")
	d.press("enter")
	d.shows("▸ prod: /same · rwlock")
	d.press("3")
	d.shows("problems 6 · dev, prod")
	d.has("dev", "long-wait", "/same")
	d.has("prod", "long-wait", "/same")
	d.cursorOn("prod", "long-wait")
	d.shows("etcd-lock --context prod release --lease 0000000000000007")
	d.press("ctrl+k")
	d.shows("prod: revoke session", "Planned at")
	d.press("y")
	d.until("it is released in prod", func() bool { return len(f.clusters["prod"].Queue(rw("/same"))) == 1 })
	if n := len(f.clusters["dev"].Queue(rw("/same"))); n != 2 {
		t.Errorf("%d requests in dev", n)
	}
}

// A cluster that does not answer says so in a line of its own, and hides no other.
func TestSeveralDown(t *testing.T) {
	t.Parallel()
	f := newFleet("dev", "prod")
	d := together(t, f, "dev", "prod")
	d.shows("/lock-of-prod", "/lock-of-dev")
	d.cursorOn("/lock-of-dev")
	f.clusters["prod"].SetDown(errors.New("no route"))
	d.shows("✗ prod: not answering for", "prod: etcd not answering", "● connected")
	f.put("dev", "/new-in-dev", 1, "me")
	d.shows("/new-in-dev")
	d.has("prod", "/lock-of-prod") // as it was
	d.cursorOn("/lock-of-prod")
	if h := d.header(); !strings.Contains(h, "✗ not answering") {
		t.Errorf("header %q", h)
	}
	f.clusters["prod"].SetDown(nil)
	d.shows("prod: etcd answers again")
	d.hasNot("✗ prod")
}

// A context that cannot be connected to at first is tried again, and joins the others.
func TestSeveralAbsent(t *testing.T) {
	t.Parallel()
	f := newFleet("dev", "prod")
	f.refuse("prod", errors.New("nobody there"))
	d := together(t, f, "dev", "prod")
	d.shows("/lock-of-dev", "✗ prod: not connected for", "nobody there")
	f.refuse("prod", nil)
	d.shows("/lock-of-prod", "locks 2 · dev, prod")
	d.hasNot("✗ prod")
}

// A context that refuses the password is not tried again until its user says so.
func TestSeveralWrongPassword(t *testing.T) {
	t.Parallel()
	f := newFleet("dev", "prod")
	f.refuse("prod", errPassword)
	f.refuse("gone", errors.New("nobody there"))
	d := together(t, f, "dev", "gone", "prod")
	d.send(tea.WindowSizeMsg{Width: 100, Height: 30})
	d.shows("/lock-of-dev", "✗ prod: not connected, :ctx dev,gone,prod tries again: wrong password")
	tried := func(name string, more int) func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		at := f.tries[name] + more
		return func() bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.tries[name] >= at
		}
	}
	d.until("the other is tried again", tried("gone", 3))
	if f.tries["prod"] != 1 {
		t.Errorf("tried %d times with a wrong password", f.tries["prod"])
	}
	d.types(":ctx dev,gone,prod")
	d.shows("connecting to gone, prod …")
	d.until("prod is tried again", tried("prod", 0))
	d.shows("✗ prod: not connected, :ctx dev,gone,prod tries again: wrong password")
	f.refuse("prod", nil)
	d.types(":ctx dev,gone,prod")
	d.shows("/lock-of-prod")
	d.hasNot("✗ prod")
}

// Time travel shows one cluster, and going back shows all again.
func TestSeveralTravel(t *testing.T) {
	t.Parallel()
	f := newFleet("dev", "prod")
	f.change = func(name string, o *backend.Options) {
		o.Past = &backendtest.History{Cluster: f.clusters[name], Floor: 1}
	}
	f.put("dev", "/later", 1, "me")
	d := together(t, f, "dev", "prod")
	d.shows("/lock-of-prod", "/later")
	d.cursorOn("/later")
	d.press("[")
	d.shows("PAST · locks 1 · dev alone, while history is shown")
	d.hasNot("/lock-of-prod")
	d.press("b")
	d.shows("locks 3 · dev, prod", "/lock-of-prod")
	d.press("[")
	d.shows("dev alone")
	d.types(":ctx prod")
	d.shows("/lock-of-prod")
	d.hasNot("PAST")
	d.types(":ctx -") // as they are, and not as they were
	d.shows("locks 3 · dev, prod")
}

// What came while all were paused can be a row of another cluster than the one in front.
func TestSeveralResume(t *testing.T) {
	t.Parallel()
	f, d := devAndProd(t)
	d.cursorOn("/lock-of-dev")
	d.types("/new")
	d.press("space")
	f.put("prod", "/new", 1, "client")
	d.until("prod has seen it", func() bool { return len(d.m.group.clusters()[1].Live.Locks) == 2 })
	if at := d.m.front.At(); at != nil {
		t.Fatalf("a row of %s is under the cursor before", at.Etcd.Name)
	}
	d.press("space")
	d.shows("/new")
	if at := d.m.front.At(); at == nil || at != d.m.front.Context {
		t.Errorf("%s is in front, with a row of another under the cursor", d.m.front.Name())
	}
}

// All clusters are paused together.
func TestSeveralPause(t *testing.T) {
	t.Parallel()
	f, d := devAndProd(t)
	d.press("space")
	d.shows("PAUSED")
	for _, name := range []string{"dev", "prod"} {
		f.put(name, "/new-in-"+name, 1, "me")
	}
	d.until("both have seen it", func() bool {
		for _, c := range d.m.open {
			if len(c.Live.Locks) < 2 {
				return false
			}
		}
		return true
	})
	d.cursorOn("prod")
	d.hasNot("/new-in-")
	d.shows("PAUSED")
	d.press("space")
	d.shows("/new-in-dev", "/new-in-prod")
	d.hasNot("PAUSED")
}

// The user goes from several to one, and back.
func TestGoToSeveral(t *testing.T) {
	t.Parallel()
	f := newFleet("dev", "prod")
	d := newDriver(t, f, "dev")
	d.shows("/lock-of-dev")
	d.types(":ctx dev, prod")
	d.shows("locks 2 · dev, prod")
	d.types(":ctx dev")
	d.shows("locks 1 ·")
	d.hasNot("ctx ")
	d.types(":ctx -")
	d.shows("locks 2 · dev, prod")
	d.types(":ctx -")
	d.shows("locks 1 ·")
	d.types(":ctx all") // of which one cannot be connected to
	d.shows("✗ gone: not connected for", "locks 2 · dev, prod")
	d.types(":ctx dev,none")
	d.shows("ctx: no context none; contexts: dev, gone, prod")
	if len(d.m.open) != 2 {
		t.Errorf("%d clusters are open", len(d.m.open))
	}
}

// A lock of another cluster is opened by its name.
func TestSeveralJump(t *testing.T) {
	t.Parallel()
	f := newFleet("dev", "prod")
	f.put("prod", "/only/there", 1, "me")
	d := together(t, f, "dev", "prod")
	d.shows("/only/there", "/lock-of-dev")
	d.cursorOn("/lock-of-dev")
	d.types(":lock /only/there")
	d.shows("→ lock")
	d.has(" prod · read-only ")
	d.press("esc")
	d.shows("locks 3 · dev, prod")
	d.cursorOn("/lock-of-dev")
	d.press("ctrl+p")
	d.shows("/only/there · prod")
	d.types("only")
	d.shows("→ lock")
	d.has(" prod · read-only ")
}

// What is typed while rows of another cluster come under the cursor stays where it is.
func TestSeveralFilter(t *testing.T) {
	t.Parallel()
	_, d := devAndProd(t)
	d.cursorOn("/lock-of-dev")
	d.types("/context:prod")
	d.shows("locks 1 of 2 · dev, prod · filter “context:prod”")
	d.has(" prod · read-only ")
	d.press("esc")
	d.shows("locks 2 · dev, prod")
}

// Leases are looked up in the cluster of their row.
func TestSeveralLeases(t *testing.T) {
	t.Parallel()
	f := newFleet("dev", "prod")
	f.put("dev", "/a", 7, "me")
	f.put("prod", "/b", 8, "me")
	d := together(t, f, "dev", "prod")
	d.press("2")
	d.shows("sessions 4 · dev, prod")
	d.until("both are known", func() bool {
		for i, lease := range []int64{7, 8} {
			if _, known := d.m.group.clusters()[i].LeaseLeft(lease); !known {
				return false
			}
		}
		return true
	})
	for name, other := range map[string]int64{"dev": 8, "prod": 7} {
		for _, ids := range f.clusters[name].LookUps() {
			for _, id := range ids {
				if id == other {
					t.Errorf("a lease of the other cluster was looked up in %s", name)
				}
			}
		}
	}
}

// A screen that shows one of several clusters says so, also of one that nobody takes for all.
func TestSeveralOfOne(t *testing.T) {
	t.Parallel()
	_, d := devAndProd(t)
	for _, name := range []string{"prod", "dev"} {
		d.press("1")
		d.cursorOn("/lock-of-" + name)
		for _, open := range []struct{ key, title string }{
			{"4", "clients"}, {"7", "events"}, {"8", "hot classes"}, {"@", "commands 0"},
		} {
			d.press(open.key)
			d.has(open.title, " · of "+name+" only")
			d.press("esc")
		}
		d.types(":notifications")
		d.has("notifications 0 · of " + name + " only")
		d.press("esc")
	}
	d.types(":ctx dev")
	d.press("4")
	d.hasNot("only")
}

// What a table of two clusters looks like, and their problems, and one that is lost.
func TestSeveralGoldens(t *testing.T) {
	t.Parallel()
	f := newFleet("dev", "prod")
	f.set(time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC))
	f.change = func(name string, o *backend.Options) { o.Health, o.NoColor = f.clusters[name], true }
	for i, name := range []string{"dev", "prod"} {
		f.put(name, "/jobs/nightly", 0x694d8f9b0a1c0001, "batch-"+name)
		for n := range i + 1 {
			f.put(name, "/jobs/nightly", 0x694d8f9b0a1c0100+int64(n), fmt.Sprint("worker-", n+1))
		}
	}
	d := together(t, f, "dev", "prod")
	d.settled(f)
	d.cursorOn("prod", "/jobs/nightly")
	d.golden("locks")
	d.press("3")
	d.cursorOn("prod", "long-wait")
	d.golden("problems")
	d.press("1")
	f.clusters["dev"].SetDown(errors.New("no route"))
	d.until("it is lost", func() bool { return d.m.group.clusters()[0].Conn.Lost })
	d.golden("lost")
}

// settled goes on until all that the screen shows is known as of some seconds later: the
// verdicts and etcd's status of both clusters, and the lease of the first lock in prod.
func (d *driver) settled(f *fleet) {
	d.t.Helper()
	known := func() bool {
		for _, c := range d.m.open {
			v := c.Live.Verdict
			if !v.Known || v.Snapshot.Revision != c.Live.Revision || !v.At.Equal(f.Now()) || c.Status.At.IsZero() {
				return false
			}
		}
		left, found := d.m.find("prod").LeaseLeft(0x694d8f9b0a1c0001)
		return found && left == 9*time.Second
	}
	d.shows("/jobs/nightly")
	d.until("prod is there", func() bool { return d.m.find("prod").Live.Known() })
	d.cursorOn("prod", "/jobs/nightly")
	d.until("all is known", known)
	f.set(f.Now().Add(20 * time.Second))
	d.until("it is known again", known)
}

// golden compares the screen in several sizes with files.
func (d *driver) golden(name string) {
	d.t.Helper()
	for _, size := range []tea.WindowSizeMsg{{Width: 160, Height: 50}, {Width: 40, Height: 10}, {Width: 80, Height: 24}} {
		d.send(size)
		d.check(fmt.Sprintf("%s_%dx%d", name, size.Width, size.Height))
	}
}

// check compares the screen with a file, or writes it.
func (d *driver) check(name string) {
	d.t.Helper()
	path, got := filepath.Join("testdata", name+".golden"), d.screen()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			d.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	if got != string(want) {
		d.t.Errorf("%s: the screen has changed; -update writes it anew. Got:\n%s\nwant:\n%s", name, got, want)
	}
}

// Whatever is pressed, keys go to the cluster of the row under the cursor, and the screen has
// room.
func TestSeveralRandomKeys(t *testing.T) {
	t.Chdir(t.TempDir()) // tables are exported to where the program runs
	for seed := range uint64(2) {
		f := newFleet("dev", "prod")
		f.change = func(name string, o *backend.Options) {
			o.ReadOnly, o.Past = false, &backendtest.History{Cluster: f.clusters[name], Floor: 1}
			o.Releaser = &backendtest.Releaser{Cluster: f.clusters[name]}
		}
		for i := range 4 {
			f.put("dev", fmt.Sprint("/lock/", i/2), int64(i+1), "client")
			f.put("prod", fmt.Sprint("/lock/", i%3), int64(i+1), "client")
		}
		d := together(t, f, "dev", "prod")
		rng := rand.New(rand.NewPCG(seed, 15))
		keys := append(strings.Split("g G j k 1 2 3 3 2 1 7 / : [ ] b space r w u n d y ? ! @ o s H t S N", " "),
			"enter", "enter", "esc", "esc", "esc", "tab", "down", "ctrl+k", "ctrl+x", "ctrl+p")
		var done []string
		for range 500 {
			key := keys[rng.IntN(len(keys))]
			done = append(done, key)
			if d.m.front.Asks() {
				key = "esc"
			}
			d.press(key)
			select {
			case msg := <-d.loop.Messages:
				d.send(msg)
			default:
			}
			if n := strings.Count(d.screen(), "\n"); n >= 24 {
				t.Fatalf("%d lines after %q:\n%s", n+1, done, d.screen())
			}
			if at := d.m.front.At(); at != nil && !d.m.front.Busy() && at != d.m.front.Context {
				t.Fatalf("the row of %s is under the cursor, and %s is in front, after %q", at.Etcd.Name, d.m.front.Name(), done)
			}
		}
	}
}
