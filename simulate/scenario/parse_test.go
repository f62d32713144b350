package scenario_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/internal/simtest"
	"etcd-lock/simulate/scenario"
)

func TestParse(t *testing.T) {
	got, err := scenario.Parse("small.yaml", []byte(simtest.Small))
	if err != nil {
		t.Fatal(err)
	}
	want := &scenario.Scenario{
		File: "small.yaml",
		Name: "small",
		TTL:  scenario.DefaultTTL,
		Seed: scenario.DefaultSeed,
		Clients: []scenario.Client{{
			Name:   "c",
			Count:  1,
			TTL:    scenario.DefaultTTL,
			Repeat: 1,
			Steps: []scenario.Step{
				{Do: scenario.Write, Locks: write("/a"), Place: scenario.Place{Line: 5, Column: 9}},
				{Do: scenario.Wait, For: fixed(10 * time.Millisecond), Place: scenario.Place{Line: 6, Column: 9}},
				{Do: scenario.Unlock, Locks: []rwlock.LockRequest{{Name: "/a"}}, Place: scenario.Place{Line: 7, Column: 9}},
			},
		}},
		Expect: scenario.Expect{LogPlace: scenario.Place{Line: 1, Column: 1}, FencedPlace: scenario.Place{Line: 1, Column: 1}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Parse = %+v\nwant %+v", got, want)
	}
}

func write(name string) []rwlock.LockRequest {
	return []rwlock.LockRequest{{Name: name, Mode: rwlock.Write}}
}

func read(name string) []rwlock.LockRequest {
	return []rwlock.LockRequest{{Name: name, Mode: rwlock.Read}}
}

func slot(name string, weight, permits int) []rwlock.LockRequest {
	return []rwlock.LockRequest{{Name: name, Mode: rwlock.Slot, Weight: weight, Permits: permits}}
}

func fixed(d time.Duration) scenario.Span { return scenario.Span{From: d, To: d} }

func TestParseErrors(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"empty", "", "f.yaml:1:1: empty file"},
		{"only a comment", "# nothing\n", "f.yaml:1:1: empty file"},
		{"not a mapping", "- a\n- b\n", "f.yaml:1:1: "},
		{"syntax", "name: n\nclients: [\n", "f.yaml:2:10: "},
		{"tab", "name: n\nclients:\n\t- name: c\n", "f.yaml:3:1: "},
		{"two documents", simtest.Small + "---\n" + simtest.Small, "f.yaml:9:1: second document"},
		{"unknown field", "name: n\nclient: x\n", `f.yaml:2:1: unknown field "client"`},
		{"field twice", "name: n\nname: m\n", `f.yaml:2:1: mapping key "name" already defined`},
		{"list wanted", "name: n\nclients: none\n", "f.yaml:2:10: "},
		{"mapping wanted", "name: n\nclients:\n- c\n", "f.yaml:3:3: "},
		{"text wanted", "name: [n]\n", "f.yaml:1:7: wrong kind of value: want text"},
		{"no name", "clients:\n- name: c\n  steps:\n  - wait: 1s\n", "f.yaml:1:1: the scenario needs a name"},
		{"name of a path", "name: ../x\n", `f.yaml:1:7: the scenario name "../x"`},
		{"about of two lines", strings.Replace(simtest.Small, "clients:", "about: |\n  a\n  b\nclients:", 1), "f.yaml:2:8: about must be a single line"},
		{"no clients", "name: n\n", "f.yaml:1:1: a scenario needs at least one client"},
		{"empty clients", "name: n\nclients: []\n", "f.yaml:2:10: a scenario needs at least one client"},
		{"ttl in milliseconds", "name: n\nttl: 1500ms\n", "f.yaml:2:6: ttl 1.5s: want whole seconds"},
		{"ttl of centuries", "name: n\nttl: 2000000h\n", "f.yaml:2:6: ttl 2000000h0m0s: want at most 8760h0m0s"},
		{"ttl of zero", "name: n\nttl: 0s\n", "f.yaml:2:6: ttl 0s: want whole seconds"},
		{"no client name", "name: n\nclients:\n- steps:\n  - wait: 1s\n", "f.yaml:3:3: a client needs a name"},
		{"client name of two lines", "name: n\nclients:\n- name: \"a\\nb\"\n", `f.yaml:3:9: a client name "a\nb"`},
		{"client twice", simtest.Small + "  - name: c\n    steps:\n      - wait: 1s\n", `f.yaml:8:11: client "c" is defined twice`},
		{"no steps", "name: n\nclients:\n- name: c\n", `f.yaml:3:3: client "c" needs at least one step`},
		{"unknown step", simtest.Client("  - jump: 1s"), `f.yaml:5:5: unknown field "jump"`},
		{"step of nothing", simtest.Client("  - within: 1s"), "f.yaml:5:5: a step needs one of read, write, slot, together, wait, upgrade, downgrade, unlock, pause, resume, crash or close"},
		{"step of null", simtest.Client("  -"), "f.yaml:5:5: a step needs one of"},
		{"step of two things", simtest.Client("  - read: /a", "    wait: 1s"), "f.yaml:6:11: a step does one thing: this one has read and wait"},
		{"empty lock name", simtest.Client(`  - read: ""`), "f.yaml:5:11: lock name is empty"},
		{"unknown lock", simtest.Client("  - read: /a", "  - unlock: /b"), `f.yaml:6:13: unknown lock "/b"`},
		{"unlock twice", simtest.Client("  - read: /a", "  - unlock: /a", "  - unlock: /a"), `f.yaml:7:13: unknown lock "/a"`},
		{"lock twice", simtest.Client("  - read: /a", "  - write: /a"), `f.yaml:6:12: lock "/a" is held since an earlier step`},
		{"negative duration", simtest.Client("  - wait: -1s"), "f.yaml:5:11: negative duration -1s"},
		{"no unit", simtest.Client("  - wait: 5"), `f.yaml:5:11: "5" is not a duration`},
		{"within of wait", simtest.Client("  - wait: 1s", "    within: 1s"), "f.yaml:6:13: within cannot be set on wait, only on read, write, slot or together"},
		{"bad within", simtest.Client("  - read: /a", "    within: soon"), `f.yaml:6:13: "soon" is not a duration`},
		{"bad after", "name: n\nclients:\n- name: c\n  after: -1ms\n  steps:\n  - wait: 1s\n", "f.yaml:4:10: negative duration"},
		{"unknown client", simtest.Small + "expect:\n  log:\n    - got lock c\n    - got lock d\n", `f.yaml:11:7: unknown client "d"`},
		{"slot of an unknown semaphore", simtest.Client("  - slot: /p"), `f.yaml:5:11: unknown semaphore "/p": name it under semaphores`},
		{"slot without a name", simtest.Client("  - slot: {weight: 1}"), "f.yaml:5:12: a slot needs the name of a semaphore"},
		{"slot of no name", simtest.Client(`  - slot: ""`), "f.yaml:5:11: lock name is empty"},
		{"semaphore without a name", "semaphores: [{permits: 1}]\n" + simtest.Small, "f.yaml:1:15: a semaphore needs a name"},
		{"semaphore without permits", "semaphores: [{name: /p}]\n" + simtest.Small, `f.yaml:1:15: semaphore "/p" needs permits`},
		{"semaphore of no permits", "semaphores: [{name: /p, permits: 0}]\n" + simtest.Small, `f.yaml:1:34: "0": want a whole number, at least 1`},
		{"semaphore of too many permits", "semaphores: [{name: /p, permits: 1000000001}]\n" + simtest.Small, "f.yaml:1:34: 1000000001 is too many"},
		{"semaphore twice", "semaphores: [{name: /p, permits: 1}, {name: /p, permits: 2}]\n" + simtest.Small, `f.yaml:1:45: semaphore "/p" is defined twice`},
		{"semaphore that is not used", "semaphores: [{name: /p, permits: 1}]\n" + simtest.Small, `f.yaml:1:21: no step takes a slot of semaphore "/p"`},
		{"weight of zero", pool + simtest.Client("  - slot: {name: /p, weight: 0}"), `f.yaml:6:30: "0": want a whole number, at least 1`},
		{"more than all permits", pool + simtest.Client("  - slot: {name: /p, weight: 4}"), `f.yaml:6:30: weight 4 is more than the 3 permits of semaphore "/p"`},
		{"semaphore for reading", pool + simtest.Client("  - read: /p"), `f.yaml:6:11: "/p" is a semaphore`},
		{"semaphore for writing, together", pool + simtest.Client("  - together: {write: [/a, /p]}"), `f.yaml:6:28: "/p" is a semaphore`},
		{"upgrade of a slot", pool + simtest.Client("  - slot: /p", "  - upgrade: /p"), `f.yaml:7:14: "/p" is a semaphore`},
		{"slot twice", pool + simtest.Client("  - slot: /p", "  - slot: /p"), `f.yaml:7:11: lock "/p" is held since an earlier step`},
		{"slot twice together", pool + simtest.Client("  - together: {slot: [/p, /p]}"), `f.yaml:6:27: duplicate lock "/p"`},
		{"told of an unknown semaphore", simtest.Client("  - wait: 1s", "  semaphores: [{name: /p, permits: 1}]"), `f.yaml:6:23: unknown semaphore "/p"`},
		{"told twice", pool + simtest.Client("  - slot: /p", "  semaphores: [{name: /p, permits: 1}, {name: /p, permits: 2}]"), `f.yaml:7:47: semaphore "/p" is defined twice`},
		{"told for nothing", pool + simtest.Client("  - wait: 1s", "  semaphores: [{name: /p, permits: 1}]"), `f.yaml:7:23: client "c" takes no slot of semaphore "/p"`},
		{"more than it is told", pool + simtest.Client("  - slot: {name: /p, weight: 2}", "  semaphores: [{name: /p, permits: 1}]"), `f.yaml:6:30: weight 2 is more than the 1 permits`},
		{"slot of a recipe", pool + strings.Replace(simtest.Client("  - slot: /p"), "- name: c", "- name: c\n  impl: recipe", 1), "f.yaml:7:5: a client with impl recipe cannot use slot"},
		{"too large", strings.Repeat("#", 1<<20+1), "f.yaml:1:1: file is larger than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantParseError(t, tt.data, tt.want) })
	}
}

// pool declares a semaphore, in one line.
const pool = "semaphores: [{name: /p, permits: 3}]\n"

// wantParseError wants an error of one line that begins with want.
func wantParseError(t *testing.T, data, want string) {
	t.Helper()
	_, err := scenario.Parse("f.yaml", []byte(data))
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Fatalf("Parse = %v\nwant    %s…", err, want)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error of several lines: %q", err)
	}
}

// FuzzParse holds that Parse answers whatever it is given: with a scenario that
// can be run, or an error that says where in the file.
func FuzzParse(f *testing.F) {
	f.Add([]byte(simtest.Small))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("name: &n x\nclients: [{name: *n, steps: [{<<: {wait: 1s}}]}]\n"))
	f.Add([]byte("? [a]\n: b\n"))
	f.Add([]byte("!!binary x"))
	f.Add(everything)
	f.Fuzz(func(t *testing.T, data []byte) {
		sc, err := scenario.Parse("f", data)
		if err == nil {
			if sc.Name == "" || len(sc.Clients) == 0 || sc.TTL < time.Second {
				t.Fatalf("accepted %+v", sc)
			}
			return
		}
		var at *scenario.ParseError
		if !errors.As(err, &at) || at.Line < 1 || at.Column < 1 || at.Msg == "" {
			t.Fatalf("error without a position: %#v", err)
		}
	})
}

func TestFind(t *testing.T) {
	t.Run("OK", func(t *testing.T) {
		for _, sc := range scenario.Builtin() {
			if got, err := scenario.Find(sc.Name); err != nil || got != sc {
				t.Errorf("Find(%q) = %v, %v", sc.Name, got, err)
			}
		}
	})
	t.Run("ErrUnknown", func(t *testing.T) {
		if _, err := scenario.Find("no-such"); !errors.Is(err, scenario.ErrUnknown) {
			t.Errorf("Find = %v", err)
		}
	})
}
