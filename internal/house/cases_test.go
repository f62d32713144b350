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
	"time"
)

var (
	update   = flag.Bool("update", false, "write docs/cases.md anew")
	runCases = flag.Bool("cases", false, "play all cases")
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
	scripts, _ := filepath.Glob(filepath.Join(root, pkg, "testdata/*", own+".txtar"))
	if own != "" && len(scripts) == 0 && !has(`"`+own+`"`) {
		t.Errorf("%s: %s of %s has no test %s", c, name, pkg, own)
	}
}

// caseTable returns the text of docs/cases.md.
func caseTable() string {
	var b strings.Builder
	b.WriteString(`# Cases

Each of these was once answered wrongly. The tests beside each hold the right answer, and at least one of them plays the case with the whole program, on the server that it is about. ` + "`make cases`" + ` runs them and prints for each case whether it passed, failed or was skipped, and why. ` + "`TIMES=3`" + ` plays all of them three times, ` + "`BUSY=1`" + ` beside two programs that want all of the processor, and ` + "`CASE=C12`" + ` one of them. This page is written from ` + "`internal/house/caselist_test.go`" + `.

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

// TestCases plays all cases, one after the other, and prints a line for each. Nothing of
// them may remain.
func TestCases(t *testing.T) {
	if !*runCases {
		t.Skip("run with -cases")
	}
	p := &player{dir: t.TempDir(), outcomes: map[string]outcome{}}
	counts := map[verdict]int{}
	for i, c := range cases {
		name := fmt.Sprintf("C%d", i+1)
		t.Run(name, func(t *testing.T) {
			tmp, err := os.MkdirTemp("", "etcd-lock-case-*") //nolint:usetesting // what a test leaves in it is looked for
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = os.RemoveAll(tmp) }()
			began := time.Now()
			verdict, reason := p.play(t, c, tmp)
			if left := leftBehind(t, tmp); left != "" && verdict != failed {
				verdict, reason = failed, left
			}
			counts[verdict]++
			line := name + " " + string(verdict)
			if reason != "" {
				line += ": " + reason
			}
			fmt.Printf("%s (%s)\n", line, time.Since(began).Round(time.Second))
			switch verdict {
			case failed:
				t.Fail()
			case skipped:
				t.SkipNow()
			}
		})
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", counts[passed], counts[failed], counts[skipped])
}

// verdict is the result of a case.
type verdict string

const (
	passed  verdict = "passed"
	failed  verdict = "failed"
	skipped verdict = "skipped"
)

// player runs the tests of cases. It builds the tests of a package once, and runs a test
// once that holds several cases.
type player struct {
	dir      string
	outcomes map[string]outcome
}

// outcome is what a test printed, and the error that it ended with.
type outcome struct {
	out string
	err error
}

// play runs the tests of a case with tmp for their temporary files. A case whose tests
// were skipped in part has passed, with a reason too.
func (p *player) play(t *testing.T, c aCase, tmp string) (verdict, string) {
	t.Helper()
	var ran int
	var missing []string
	for _, h := range c.held {
		for _, name := range h.tests {
			o := p.test(t, h, name, tmp)
			if o.err != nil {
				t.Logf("%s", o.out)
				return failed, fmt.Sprintf("%s %s: %s", h.pkg, name, firstOf(complaint, o.out, o.err.Error()))
			}
			pass, skip := results(o.out, name)
			switch {
			case pass == 0 && skip == 0:
				return failed, fmt.Sprintf("%s %s: there is no such test", h.pkg, name)
			case skip > 0:
				missing = append(missing, firstOf(complaint, o.out, name))
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

// test runs a test, unless it has run.
func (p *player) test(t *testing.T, h held, name, tmp string) outcome {
	t.Helper()
	key := h.pkg + " " + name
	o, ran := p.outcomes[key]
	if !ran {
		pattern := "^" + strings.ReplaceAll(name, "/", "$/^") + "$"
		args := append([]string{"-test.run=" + pattern, fmt.Sprintf("-test.count=%d", max(1, h.times))}, h.flags...)
		if h.own > 0 {
			args = append(args, fmt.Sprintf("-test.parallel=%d", h.own))
		}
		o = p.run(t, h, tmp, args)
		p.outcomes[key] = o
	}
	return o
}

// run runs the tests of a package, in its folder as go test does.
func (p *player) run(t *testing.T, h held, tmp string, args []string) outcome {
	t.Helper()
	path := filepath.Join(p.dir, strings.ReplaceAll(h.pkg, "/", "-")+".test")
	if _, err := os.Stat(path); err != nil {
		build := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-o", path, "./"+h.pkg)
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			return outcome{string(out), err}
		}
	}
	cmd := exec.CommandContext(t.Context(), path, append([]string{"-test.v=true", "-test.timeout=40m"}, args...)...)
	cmd.Dir, cmd.Env = filepath.Join(root, h.pkg), append(os.Environ(), "TMPDIR="+tmp)
	out, err := cmd.CombinedOutput()
	return outcome{string(out), err}
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
