package config

import (
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

// template reads the only command of a file.
func template(t *testing.T, fields string) Template {
	t.Helper()
	f, err := Parse("c.yaml", []byte("commands:\n  - key: P\n    name: n\n    prompts: [{name: Reason}]\n    "+fields+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return f.Commands[0].Run
}

func TestLine(t *testing.T) {
	for _, tt := range []struct {
		name, fields string
		values       []string
		want         string // arguments, or a part of the error
	}{
		{"Plain", "run: ssh {{.Host}} -- ps -fp {{.PID}}", []string{"Host", "web-1", "PID", "42"}, `["ssh" "web-1" "--" "ps" "-fp" "42"]`},
		{"Quotes", `run: page "for {{.Owner}}" '' -x='a b'`, []string{"Owner", "ü@h"}, `["page" "for ü@h" "" "-x=a b"]`},
		{"Empty", "run: ssh {{.Host}}", nil, "the row has no Host"},
		{"Option", "run: ssh {{.Host}}", []string{"Host", "-oProxyCommand=x"}, "Host begins with -, which a program would take for an option"},
		{"NoOption", "run: logs --label={{.Label}}", []string{"Label", "-x"}, `["logs" "--label=-x"]`},
		{"Control", "run: page {{.Label}}\n    any-text: true", []string{"Label", "a\x1b[2J"}, "Label has control characters"},
		{"NewLine", "run: page {{.Label}}\n    any-text: true", []string{"Label", "a\nb"}, "Label has control characters"},
		{"OfAShellElsewhere", "run: ssh h -- grep {{.Label}} f", []string{"Label", "x;reboot"}, `Label has ';', which a shell could take`},
		{"Space", "run: page {{.Label}}", []string{"Label", "a b"}, `Label has ' '`},
		{"AnyText", "run: page {{.Label}}\n    any-text: true", []string{"Label", "a b; $(c)"}, `["page" "a b; $(c)"]`},
		{"AnyTextIsNoOption", "run: page {{.Label}}\n    any-text: true", []string{"Label", "-x"}, "Label begins with -"},
		{"Typed", "run: page -m {{.Reason}}", []string{"Reason", "it's stuck; $(x)"}, `["page" "-m" "it's stuck; $(x)"]`},
		{"TypedEmpty", "run: page -m {{.Reason}}", nil, `["page" "-m" ""]`},
		{"TypedOption", "run: page {{.Reason}}", []string{"Reason", "-x"}, "Reason begins with -"},
		{"ShellOption", "run: page {{.Label}}\n    shell: true", []string{"Label", "-x"}, "Label begins with -"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			line, err := template(t, tt.fields).Line(pairs(tt.values))
			got := fmt.Sprintf("%q", line.Args)
			if err != nil {
				got = err.Error()
			}
			if got != tt.want && (err == nil || !strings.Contains(got, tt.want)) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func pairs(values []string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(values); i += 2 {
		m[values[i]] = values[i+1]
	}
	return m
}

// A script gets values as text, whatever quotes it has around them.
func TestScript(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh")
	}
	const hostile = `a'b"; echo hacked; $(echo hacked) ` + "`echo hacked`"
	for _, run := range []string{`printf '%s\n' {{.Label}} | cat`, `printf '%s\n' "{{.Label}}" | cat`, `printf '%s\n' '{{.Label}}' | cat`} {
		line, err := template(t, fmt.Sprintf("shell: true\n    any-text: true\n    run: %q", run)).Line(map[string]string{"Label": hostile})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), line.Args[0], line.Args[1:]...)
		cmd.Env = append(os.Environ(), line.Env...)
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Contains("\n"+string(out), "\nhacked\n") {
			t.Errorf("%s: %v\n%s", run, err, out)
		}
	}
}

func TestFields(t *testing.T) {
	got := template(t, "run: ssh {{.Host}} {{.PID}} {{.Host}}").Fields()
	if want := []string{"Host", "PID"}; !reflect.DeepEqual(got, want) {
		t.Errorf("Fields = %q, want %q", got, want)
	}
}
