package scenario_test

import (
	"strings"
	"testing"

	"etcd-lock/simulate/internal/simtest"
	"etcd-lock/simulate/scenario"
)

// TestPlainText: a name without quotes is the text of the file, whatever YAML would
// read in it.
func TestPlainText(t *testing.T) {
	for _, name := range []string{
		"7", "007", "0o7", "0x1F", "0b1", "1_000", "+5", "-0", "1.10", "1.1", ".5", "1e3", "1E3", ".inf", "-.INF", ".nan", ".NaN",
		"true", "True", "FALSE", "yes", "off", "y", "2001-01-01", "12345678901234567890123", "<<", "=",
	} {
		sc, err := scenario.Parse("f.yaml", []byte(simtest.Client(
			"  - write: "+name, "  - unlock: ["+name+"]",
			"  - together: {read: ["+name+"]}", "  - unlock: "+name,
			"  - write: &n "+name, "  - unlock: *n",
		)+"expect:\n  order:\n  - ["+strings.Join([]string{"granted c " + name, "released c " + name}, ", ")+"]\n"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := sc.Locks(); len(got) != 1 || got[0] != name {
			t.Errorf("%s: locks %q", name, got)
		}
	}
}

// TestPlainNull: a null that is written out may be meant as a name.
func TestPlainNull(t *testing.T) {
	for _, null := range []string{"null", "Null", "NULL", "~"} {
		want := ": " + null + ` means nothing to YAML: quote it if it is a name, as in "` + null + `"`
		wantParseError(t, simtest.Client("  - write: "+null), "f.yaml:5:12"+want)
		wantParseError(t, simtest.Client("  - together: {read: ["+null+"]}"), "f.yaml:5:23"+want)
		wantParseError(t, simtest.Client("  - write: /a", "  - unlock: ["+null+"]"), "f.yaml:6:14"+want)
		wantParseError(t, simtest.Client("  - "+null), "f.yaml:5:5"+want)
		if _, err := scenario.Parse("f.yaml", []byte(simtest.Client(`  - write: "`+null+`"`))); err != nil {
			t.Error(err)
		}
	}
}

// TestPlainTagged: a tag does not make a name another one.
func TestPlainTagged(t *testing.T) {
	for tagged, want := range map[string]string{
		"!!int 0x10": "0x10", "!!int 007": "007", "!!float 1.10": "1.10", "!!bool yes": "yes", "!!bool true": "true",
		"!!str 007": "007", "!!str /a": "/a", `!!int "7"`: "7",
	} {
		sc, err := scenario.Parse("f.yaml", []byte(simtest.Client("  - write: "+tagged, "  - unlock: ["+tagged+"]")))
		if err != nil {
			t.Errorf("%s: %v", tagged, err)
		} else if got := sc.Locks(); len(got) != 1 || got[0] != want {
			t.Errorf("%s: locks %q", tagged, got)
		}
	}
}
