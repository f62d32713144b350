package app

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
	"etcd-lock/tui/effects"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
)

func resize(w, h int) tea.WindowSizeMsg { return tea.WindowSizeMsg{Width: w, Height: h} }

// view is something to look at, and the keys to it.
type view struct {
	name string
	keys []string
}

// everyScreen are the keys to each screen and to what may lie over it.
var everyScreen = []view{
	{"locks", []string{"1"}},
	{"lock", []string{"1", "enter"}},
	{"sessions", []string{"2"}},
	{"session", []string{"2", "enter"}},
	{"problems", []string{"3"}},
	{"clients", []string{"4"}},
	{"scenarios", []string{"5"}},
	{"events", []string{"7"}},
	{"hot", []string{"8"}},
	{"help", []string{"1", "?"}},
	{"filter", []string{"1", "/"}},
	{"command", []string{"1", ":"}},
	{"names of locks", []string{"1", ":", "l", "o", "c", "k", "space"}},
	{"name", []string{"1", "n"}},
	{"description", []string{"1", "d"}},
	{"description of a problem", []string{"3", "d"}},
	{"commands", []string{"@"}},
	{"notifications", []string{":", "n", "o", "t", "enter"}},
	{"what to notify of", []string{"1", "!"}},
	{"jump", []string{"1", "ctrl+p"}},
	{"path", []string{"1", "e"}},
}

// Whatever stands in etcd and however large the screen is, the view fits and
// holds no control character but our own styles.
func TestEveryScreenFits(t *testing.T) {
	states := map[string]func(d *driver){
		"hostile": func(d *driver) { d.show(hostile(d.clock.Now())) },
		"last":    func(d *driver) { d.show(hostile(d.clock.Now())); d.press("G") },
		"empty":   func(d *driver) { d.show(inspect.Snapshot{}) },
		"lost": func(d *driver) {
			d.show(hostile(d.clock.Now()))
			d.send(effects.UpdateMsg{Update: inspect.Update{Err: errors.New("a\x1b[31m " + strings.Repeat("reason ", 50))}, OK: true})
		},
	}
	for name, prepare := range states {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDriver(t, func(o *backend.Options) {
				o.Endpoint = strings.Repeat("etcd-0.example.com:2379,", 9) + "\x1b]0;title\a"
				o.Scenarios = hostilePlay()
			})
			for range 30 {
				d.m.Log.Add(state.EntryScenario, d.clock.Now(), "日本\x1b[2J\n"+strings.Repeat("語", 200))
			}
			d.press("5", "enter", "4", "a")
			d.typed("日本" + strings.Repeat("x", 100))
			d.press("enter", "enter")
			d.until("there is a second client", func() bool { return d.m.Clients[1].Doing == "" })
			d.do(nav.Take{Lock: rw(strings.Repeat("日本\x1b[2J", 40)), Mode: keyspace.Write, Client: d.m.Clients[1], Within: time.Hour})
			d.until("the scenario has failed", func() bool { return d.m.Run.Over })
			prepare(d)
			v := state.NewVerdict(d.m.Live.Snapshot, nil, d.clock.Now())
			d.send(effects.DiagnosedMsg{Verdict: v})
			for _, s := range everyScreen {
				d.visit(s.keys)
				d.fits(s.name, map[bool]int{true: 1, false: 3}[name == "hostile"])
				d.press("esc", "esc", "esc")
			}
		})
	}
}

// visit presses keys and opens what they open.
func (d *driver) visit(keys []string) {
	before := len(d.m.screens.Open)
	d.press(keys...)
	if keys[len(keys)-1] == "enter" {
		d.until("opened", func() bool { return len(d.m.screens.Open) != before || len(d.m.Live.Locks) == 0 })
	}
	if d.m.line.mode == linePrompt {
		d.send(tea.PasteMsg{Content: strings.Repeat("名前\x1b[2J\n", 50)})
	}
}

// fits checks the screen at many sizes: at all, or at one of so many, among
// which every width and every height is.
func (d *driver) fits(name string, oneOf int) {
	for i, w := range []int{20, 41, 80, 119, 120, 200} {
		for j, h := range []int{5, 9, 15, 24, 60} {
			if (i+j)%oneOf == 0 {
				d.send(resize(w, h))
				checkFits(d.t, name, d.m.screen(), w, h)
			}
		}
	}
	for w := 0; w < 30; w += 7 { // smaller is not pretty, but does not panic
		for h := range 9 {
			d.send(resize(w, h))
			checkFits(d.t, "tiny "+name, d.m.screen(), w, h)
		}
	}
	d.send(resize(80, 24))
}

func checkFits(t *testing.T, name, content string, w, h int) {
	t.Helper()
	plain := ansi.Strip(content)
	lines := strings.Split(plain, "\n")
	if len(lines) > max(h, 1) {
		t.Fatalf("%s %dx%d: %d lines", name, w, h, len(lines))
	}
	for _, l := range lines {
		if got := max(ansi.StringWidth(l), ansi.StringWidthWc(l)); got > w {
			t.Fatalf("%s %dx%d: a line is %d wide: %s", name, w, h, got, l)
		}
		if i := strings.IndexFunc(l, unicode.IsControl); i >= 0 {
			t.Fatalf("%s %dx%d: a control character in %q", name, w, h, l)
		}
	}
	if rest := sgr.ReplaceAllString(content, ""); strings.Contains(rest, "\x1b") {
		t.Fatalf("%s %dx%d: an escape that is no style: %q", name, w, h, rest)
	}
}

var sgr = regexp.MustCompile(`\x1b\[[0-9;:]*m`)

// Without colour nothing but bold and reverse is left.
func TestNoColor(t *testing.T) {
	d := newDriver(t, func(o *backend.Options) {
		o.NoColor = true
		o.Past = &backendtest.History{Cluster: o.Source.(*backendtest.Cluster), Floor: 1}
		o.Scenarios = backendtest.Scenarios{Scenarios: []backend.Scenario{{Name: "s"}}}
	})
	scene(d)
	d.mustShow("* /orders/eu")
	for _, s := range append(everyScreen, view{"past", []string{"6"}}, view{"in the past", []string{"1", "["}}) {
		d.visit(s.keys)
		for _, seq := range sgr.FindAllString(d.m.screen(), -1) {
			switch seq {
			case "\x1b[m", "\x1b[0m", "\x1b[1m", "\x1b[7m", "\x1b[1;7m":
			default:
				t.Errorf("%s: %q", s.name, seq)
			}
		}
		d.press("esc", "esc", "esc")
	}
}

// What the screens look like.
func TestGolden(t *testing.T) {
	golden(t, "locks_80x24", 80, 24, scene)
	golden(t, "locks_160x50", 160, 50, scene)
	golden(t, "locks_200x60_names", 200, 60, names)
	golden(t, "locks_80x24_lost", 80, 24, func(d *driver) {
		scene(d)
		d.cluster.SetDown(errors.New("connection refused"))
		d.until("lost", func() bool { return d.m.Conn.Lost })
		d.clock.add(7 * time.Second)
		d.send(tickMsg{})
	})
}

// golden compares the screen, as it is without colours after prepare, with a
// file of that name.
func golden(t *testing.T, name string, w, h int, prepare func(*driver), change ...func(*backend.Options)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		d := newDriver(t, func(o *backend.Options) {
			o.NoColor = true
			for _, c := range change {
				c(o)
			}
		})
		d.send(resize(w, h))
		prepare(d)
		checkGolden(t, name, d.plain())
	})
}

// updating reports whether files are written anew. The flag is teatest's.
func updating() bool { return flag.Lookup("update").Value.String() == "true" }

func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if updating() {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the screen has changed; -update writes it anew. Got:\n%s\nwant:\n%s", got, want)
	}
}

// scene is a cluster with a bit of everything, one of our waiters in it.
func scene(d *driver) {
	d.t.Helper()
	d.put("/billing", keyspace.Read, 3*time.Second)
	d.put("/billing", keyspace.Read, 2*time.Second)
	d.put("/orders/eu", keyspace.Read, 130*time.Second)
	d.put("/orders/eu", keyspace.Write, 125*time.Second)
	d.put("/orders/us", keyspace.Write, 4*time.Hour)
	d.put("/日本/\x1b[31m", keyspace.Write, 0)
	d.cluster.Put(inspect.Request{
		Lock: inspect.LockID{Layout: layout.Mutex, Name: "/leader"}, Mode: keyspace.Write,
		Key: "/leader/1f", Lease: 0x1f,
	})
	d.until("the mutex is there", func() bool { return strings.Contains(d.names(), "/leader") })
	d.do(nav.Select{Lock: rw("/orders/eu")})
	d.take("w")
	d.until("waiting", func() bool { return len(d.queue()) == 3 && d.seen() })
	d.diagnosed()
	d.diagnosed()
	d.until("looked up", func() bool {
		_, ok := d.m.LeaseLeft(0x1f)
		return ok && d.m.effects.Idle()
	})
	d.m.Now = d.clock.Now()
}

// names is locks with names of all lengths, as software other than this has them.
func names(d *driver) {
	d.t.Helper()
	for _, name := range []string{
		"/calico/openstack/region1/neutron_election", "cilium/state/identities/v1/locks/k8s:app=web;",
		"/jobs/import", "/taskflow/jobs/octavia/failover-7.lock", "/tenants/umbrella/import",
	} {
		d.put(name, keyspace.Write, 10*time.Second)
	}
	d.put("/jobs/import", keyspace.Write, 5*time.Second)
	d.until("all are there", func() bool { return len(d.m.Live.Locks) == 5 })
	d.diagnosed()
}

// On 80 columns no word is cut in its middle: the pictures of all screens, as far as they
// are kept, have none.
func TestWordsAreWhole(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("testdata", "*_80x24*.golden"))
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d screens, %v", len(paths), err)
	}
	for _, path := range paths {
		screen, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(screen), "\n") {
			if cutWord.MatchString(line) {
				t.Errorf("%s: %s", path, line)
			}
		}
	}
}

// cutWord is a word that ends in …, not a name that is cut in its middle.
var cutWord = regexp.MustCompile(`[\p{L}\p{N}\]]…( |│|$)`)
