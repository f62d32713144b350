package contexts

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"etcd-lock/internal/config"
)

func parse(t *testing.T, text string) config.File {
	t.Helper()
	f, err := config.Parse("c.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A key with two meanings is an error where it is in the file.
func TestCheckKeys(t *testing.T) {
	keys := func(lines string) string { return "keys:\n  locks:\n    " + lines + "\n" }
	command := func(key, fields string) string {
		return "  - key: " + key + "\n    name: mine\n    run: x\n    screens: [lock]\n" + fields
	}
	for _, tt := range []struct{ name, file, want string }{
		{"OK", keys("e: alt+9"), ""},
		{"Swapped", keys("r: R\n    R: r"), ""},
		{"Off", keys("x: none\n    e: x"), ""},
		{"Taken", keys("y: alt+9\n    e: r"), "c.yaml:4:8: r would have two meanings on locks: export, and read"},
		{"TakenTwice", keys("y: alt+9\n    e: alt+9"), "alt+9 would have two meanings on locks"},
		{"NoSuchKey", keys("alt+9: alt+0"), "there is no key alt+9 on locks"},
		{"Command", "commands:\n" + command("alt+9", ""), ""},
		{"CommandTaken", "commands:\n" + command("r", ""), "c.yaml:2:10: r would have two meanings on lock: read, and mine"},
		{"CommandOnAKeyThatWasMoved", "keys: {lock: {r: alt+9}}\ncommands:\n" + command("r", ""), ""},
		{"CommandsOfTwoContexts", "contexts: {a: {endpoints: [a]}, b: {endpoints: [b]}}\ncommands:\n" +
			command("alt+9", "    contexts: [a]\n") + command("alt+9", "    contexts: [b]\n"), ""},
		{"CommandsOfOne", "commands:\n" + command("alt+9", "") + command("alt+9", ""), "alt+9 would have two meanings on lock: mine, and mine"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := CheckKeys(parse(t, tt.file))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want %q", err, tt.want)
			}
		})
	}
}

// The examples of the documentation have no keys with two meanings.
func TestDocsExamples(t *testing.T) {
	t.Setenv("HOME", t.TempDir()) // which the examples are in
	page, err := os.ReadFile("../../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(page, -1) {
		if err := CheckKeys(parse(t, string(m[1]))); err != nil {
			t.Errorf("%v in\n%s", err, m[1])
		}
	}
}

// Contexts with the same cluster ID seem to be one etcd; where it is not known, nothing is said.
func TestAlike(t *testing.T) {
	var order []Member
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		order = append(order, Member{Name: name})
	}
	got := Alike(map[string]string{"a": "2", "b": "1", "c": "", "d": "", "e": "2", "f": "2"}, order)
	if len(got) != 1 || !strings.HasPrefix(got[0], "contexts a, e and f have the same cluster ID, 2: ") {
		t.Errorf("%q", got)
	}
}
