package printable

import (
	"os/exec"
	"strings"
	"testing"
)

func TestShell(t *testing.T) {
	for in, want := range map[string]string{
		"":                  "''",
		"/a/b-1_2.c":        "/a/b-1_2.c",
		"--key=x":           "--key=x",
		"a b":               "'a b'",
		"it's":              `'it'\''s'`,
		"$(rm -rf)":         "'$(rm -rf)'",
		"~/x":               "'~/x'",
		"日本":                "日本",
		"=ls":               "'=ls'", // the path of ls to zsh
		"a=b":               "a=b",
		"^a":                "'^a'", // all files but a to zsh with EXTENDED_GLOB
		"a\u00a0b":          `$'a\302\240b'`,
		"\x1b[2J\n'\\\xff1": `$'\033[2J\012\'\\\3771'`,
	} {
		if got := Shell(in); got != want {
			t.Errorf("Shell(%q) = %s, want %s", in, got, want)
		}
	}
}

// FuzzShell has a real shell read words back.
func FuzzShell(f *testing.F) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		f.Skip("needs bash, which reads all that Shell writes")
	}
	for _, seed := range []string{"", "a b", "it's", "$x `y` \"z\" !a *?[", "\x1b\n\t\xff1", "~", "#", "{a,b}", "a\\"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, word string) {
		if strings.ContainsRune(word, 0) {
			t.Skip("no program's argument holds a zero")
		}
		line := Shell("x", word)
		if i := strings.IndexFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }); i >= 0 {
			t.Errorf("Shell(%q) = %q, which has control characters", word, line)
		}
		got, err := exec.Command(bash, "-c", "printf '%s|' "+line).Output()
		if want := "x|" + word + "|"; err != nil || string(got) != want {
			t.Errorf("bash reads %s as %q, %v; want %q", line, got, err, want)
		}
	})
}
