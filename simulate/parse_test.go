package simulate_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"etcd-lock/simulate"
)

const small = `name: small
clients:
  - name: c
    steps:
      - rwlock: /a
      - hold: 10ms
      - unlock: /a
`

func TestParse(t *testing.T) {
	got, err := simulate.Parse("small.yaml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	want := &simulate.Scenario{
		Name: "small",
		TTL:  simulate.DefaultTTL,
		Clients: []simulate.Client{{
			Name: "c",
			Steps: []simulate.Step{
				{Do: simulate.RWLock, Lock: "/a", Within: simulate.DefaultWithin},
				{Do: simulate.Hold, For: 10 * time.Millisecond},
				{Do: simulate.Unlock, Lock: "/a"},
			},
		}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Parse = %+v\nwant %+v", got, want)
	}
}

// client is a file with one client of the given steps, whose first line is 5.
func client(steps ...string) string {
	return "name: n\nclients:\n- name: c\n  steps:\n" + strings.Join(steps, "\n") + "\n"
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"empty", "", "f.yaml:1:1: empty"},
		{"only a comment", "# nothing\n", "f.yaml:1:1: empty"},
		{"not a mapping", "- a\n- b\n", "f.yaml:1:1: "},
		{"syntax", "name: n\nclients: [\n", "f.yaml:2:10: "},
		{"tab", "name: n\nclients:\n\t- name: c\n", "f.yaml:3:1: "},
		{"two documents", small + "---\n" + small, "f.yaml:9:1: a second document"},
		{"unknown field", "name: n\nclient: x\n", `f.yaml:2:1: unknown field "client"`},
		{"field twice", "name: n\nname: m\n", `f.yaml:2:1: mapping key "name" already defined`},
		{"list wanted", "name: n\nclients: none\n", "f.yaml:2:10: "},
		{"mapping wanted", "name: n\nclients:\n- c\n", "f.yaml:3:3: "},
		{"text wanted", "name: [n]\n", "f.yaml:1:7: wrong kind of value: want text"},
		{"no name", "clients:\n- name: c\n  steps:\n  - hold: 1s\n", "f.yaml:1:1: the scenario needs a name"},
		{"name of a path", "name: ../x\n", `f.yaml:1:7: the scenario name "../x"`},
		{"about of two lines", strings.Replace(small, "clients:", "about: |\n  a\n  b\nclients:", 1), "f.yaml:2:8: about must be one line"},
		{"no clients", "name: n\n", "f.yaml:1:1: a scenario needs at least one client"},
		{"empty clients", "name: n\nclients: []\n", "f.yaml:2:10: a scenario needs at least one client"},
		{"ttl in milliseconds", "name: n\nttl: 1500ms\n", "f.yaml:2:6: ttl 1.5s: want whole seconds"},
		{"ttl of zero", "name: n\nttl: 0s\n", "f.yaml:2:6: ttl 0s: want whole seconds"},
		{"no client name", "name: n\nclients:\n- steps:\n  - hold: 1s\n", "f.yaml:3:3: a client needs a name"},
		{"client name of two lines", "name: n\nclients:\n- name: \"a\\nb\"\n", `f.yaml:3:9: a client name "a\nb"`},
		{"client twice", small + "  - name: c\n    steps:\n      - hold: 1s\n", `f.yaml:8:11: client "c" is there twice`},
		{"no steps", "name: n\nclients:\n- name: c\n", `f.yaml:3:3: client "c" needs at least one step`},
		{"unknown step", client("  - jump: 1s"), `f.yaml:5:5: unknown field "jump"`},
		{"step of nothing", client("  - within: 1s"), "f.yaml:5:5: a step needs one of rlock, rwlock, unlock, hold"},
		{"step of null", client("  -"), "f.yaml:"},
		{"step of two things", client("  - rlock: /a", "    hold: 1s"), "f.yaml:6:11: a step does one thing: this one has both rlock and hold"},
		{"empty lock name", client(`  - rlock: ""`), "f.yaml:5:12: lock name is empty"},
		{"unknown lock", client("  - rlock: /a", "  - unlock: /b"), `f.yaml:6:13: unknown lock "/b"`},
		{"unlock twice", client("  - rlock: /a", "  - unlock: /a", "  - unlock: /a"), `f.yaml:7:13: unknown lock "/a"`},
		{"lock twice", client("  - rlock: /a", "  - rwlock: /a"), `f.yaml:6:13: lock "/a" is taken by an earlier step`},
		{"negative duration", client("  - hold: -1s"), "f.yaml:5:11: negative duration -1s"},
		{"no unit", client("  - hold: 5"), `f.yaml:5:11: "5" is no duration`},
		{"within of hold", client("  - hold: 1s", "    within: 1s"), "f.yaml:6:13: within belongs to rlock and rwlock"},
		{"bad within", client("  - rlock: /a", "    within: soon"), `f.yaml:6:13: "soon" is no duration`},
		{"bad after", "name: n\nclients:\n- name: c\n  after: -1ms\n  steps:\n  - hold: 1s\n", "f.yaml:4:10: negative duration"},
		{"unknown client", small + "expect:\n  log:\n    - got lock c\n    - got lock d\n", `f.yaml:11:7: unknown client "d"`},
		{"too large", strings.Repeat("#", 1<<20+1), "f.yaml:1:1: larger than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := simulate.Parse("f.yaml", []byte(tt.data))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Fatalf("Parse = %v\nwant    %s…", err, tt.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %q", err)
			}
		})
	}
}

// FuzzParse holds that Parse answers whatever it is given: with a scenario that
// can be run, or an error that says where in the file.
func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("name: &n x\nclients: [{name: *n, steps: [{<<: {hold: 1s}}]}]\n"))
	f.Add([]byte("? [a]\n: b\n"))
	f.Add([]byte("!!binary x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		sc, err := simulate.Parse("f", data)
		if err == nil {
			if sc.Name == "" || len(sc.Clients) == 0 || sc.TTL < time.Second {
				t.Fatalf("accepted %+v", sc)
			}
			return
		}
		var at *simulate.ParseError
		if !errors.As(err, &at) || at.Line < 1 || at.Column < 1 || at.Msg == "" {
			t.Fatalf("error without a position: %#v", err)
		}
	})
}

func TestFind(t *testing.T) {
	t.Run("OK", func(t *testing.T) {
		for _, sc := range simulate.Builtin() {
			if got, err := simulate.Find(sc.Name); err != nil || got != sc {
				t.Errorf("Find(%q) = %v, %v", sc.Name, got, err)
			}
		}
	})
	t.Run("ErrUnknown", func(t *testing.T) {
		if _, err := simulate.Find("no-such"); !errors.Is(err, simulate.ErrUnknown) {
			t.Errorf("Find = %v", err)
		}
	})
}
