package house

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	update   = flag.Bool("update", false, "write docs/cases.md anew")
	runCases = flag.Bool("cases", false, "run the cases that need real clusters")
)

// The tests that hold the cases exist, and docs/cases.md names them.
func TestCasesAreHeld(t *testing.T) {
	for i, c := range cases {
		for _, h := range c.held {
			for _, name := range h.tests {
				wantTest(t, fmt.Sprintf("C%d", i+1), h.pkg, name)
			}
		}
	}
	const file = "docs/cases.md"
	if *update {
		if err := os.WriteFile(filepath.Join(root, file), []byte(caseTable()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if read(t, file) != caseTable() {
		t.Errorf("%s differs from the cases: go test ./internal/house -run '^TestCasesAreHeld$' -update", file)
	}
}

// wantTest fails the test unless a package has that test. One of a test's own tests is
// a text in the package's tests, or the name of a script.
func wantTest(t *testing.T, c, pkg, name string) {
	t.Helper()
	name, own, _ := strings.Cut(name, "/")
	files, _ := filepath.Glob(filepath.Join(root, pkg, "*_test.go"))
	has := func(text string) bool {
		return slices.ContainsFunc(files, func(file string) bool {
			b, err := os.ReadFile(file)
			return err == nil && bytes.Contains(b, []byte(text))
		})
	}
	if !has("\nfunc " + name + "(t *testing.T) {") {
		t.Errorf("%s: %s has no test %s", c, pkg, name)
	}
	if _, err := os.Stat(filepath.Join(root, pkg, "testdata/script", own+".txtar")); own != "" && err != nil && !has(`"`+own+`"`) {
		t.Errorf("%s: %s of %s has no test %s", c, name, pkg, own)
	}
}

// caseTable returns the text of docs/cases.md.
func caseTable() string {
	var b strings.Builder
	b.WriteString(`# Cases

Each of these was once answered wrongly. The tests beside each hold the right answer. ` + "`make cases`" + ` runs those of the cases from ` + fmt.Sprintf("C%d", firstReal) + ` on, which need real clusters, proxies and servers of several versions, and prints for each whether it passed, failed or was skipped. This page is written from ` + "`internal/house/caselist_test.go`" + `.

| case | make it | what is true | held by |
|---|---|---|---|
`)
	for i, c := range cases {
		var tests []string
		for _, h := range c.held {
			for _, name := range h.tests {
				tests = append(tests, fmt.Sprintf("`%s` %s", h.pkg, name))
			}
		}
		fmt.Fprintf(&b, "| C%d | %s | %s | %s |\n", i+1, c.made, c.truth, strings.Join(tests, ", "))
	}
	return b.String()
}

// TestCases runs the tests of the cases that need more than the test binary, one case
// after the other, and prints a line for each. Nothing of them may remain.
func TestCases(t *testing.T) {
	if !*runCases {
		t.Skip("run with -cases")
	}
	for i := firstReal; i <= len(cases); i++ {
		name := fmt.Sprintf("C%d", i)
		t.Run(name, func(t *testing.T) {
			tmp, err := os.MkdirTemp("", "etcd-lock-case-*") //nolint:usetesting // what a test leaves in it is looked for
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = os.RemoveAll(tmp) }()
			verdict, reason := cases[i-1].run(t, tmp)
			if left := leftBehind(t, tmp); left != "" && verdict != failed {
				verdict, reason = failed, left
			}
			line := name + " " + string(verdict)
			if reason != "" {
				line += ": " + reason
			}
			fmt.Println(line)
			switch verdict {
			case failed:
				t.Fail()
			case skipped:
				t.SkipNow()
			}
		})
	}
}

// verdict is the result of a case.
type verdict string

const (
	passed  verdict = "passed"
	failed  verdict = "failed"
	skipped verdict = "skipped"
)

// run runs the tests of a case with tmp for their temporary files. A case whose tests
// were skipped in part has passed, with a reason too.
func (c aCase) run(t *testing.T, tmp string) (verdict, string) {
	t.Helper()
	var ran int
	var missing []string
	for _, h := range c.held {
		for _, name := range h.tests {
			out, err := h.run(t, name, tmp)
			if err != nil {
				t.Logf("%s", out)
				return failed, fmt.Sprintf("%s %s: %s", h.pkg, name, firstOf(complaint, out, err.Error()))
			}
			pass, skip := results(out, name)
			switch {
			case pass == 0 && skip == 0:
				return failed, fmt.Sprintf("%s %s: there is no such test", h.pkg, name)
			case skip > 0:
				missing = append(missing, firstOf(complaint, out, name))
			}
			ran += pass
		}
	}
	why := strings.Join(slices.Compact(missing), "; ")
	switch {
	case ran == 0:
		return skipped, why
	case why != "":
		return passed, "without what was skipped: " + why
	default:
		return passed, ""
	}
}

func (h held) run(t *testing.T, name, tmp string) (string, error) {
	t.Helper()
	pattern := "^" + strings.ReplaceAll(name, "/", "$/^") + "$"
	args := append([]string{"test", "-count=1", "-v", "-timeout=40m", "./" + h.pkg, "-run", pattern}, h.flags...)
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "TMPDIR="+tmp)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

var (
	result    = regexp.MustCompile(`(?m)^ *--- (PASS|SKIP): (\S+)`)
	complaint = regexp.MustCompile(`(?m)^ +\w+_test\.go:\d+: (.*)$`)
)

// results counts the results of a test and of its own tests, if it has some.
func results(out, name string) (pass, skip int) {
	for _, m := range result.FindAllStringSubmatch(out, -1) {
		switch {
		case m[2] != name && !strings.HasPrefix(m[2], name+"/"):
		case m[1] == "SKIP":
			skip++
		default:
			pass++
		}
	}
	return pass, skip
}

// firstOf returns what the pattern finds first, or other.
func firstOf(pattern *regexp.Regexp, text, other string) string {
	if m := pattern.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return other
}

// leftBehind says which files are in tmp, or which processes have it for their
// temporary files.
func leftBehind(t *testing.T, tmp string) string {
	t.Helper()
	files, err := os.ReadDir(tmp)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if len(files) > 0 {
		return "left behind: " + files[0].Name()
	}
	environs, _ := filepath.Glob("/proc/[0-9]*/environ") // none where there is no /proc
	for _, file := range environs {
		if env, err := os.ReadFile(file); err == nil && bytes.Contains(env, []byte("TMPDIR="+tmp)) {
			return "left running: process " + strings.Split(file, "/")[2]
		}
	}
	return ""
}
