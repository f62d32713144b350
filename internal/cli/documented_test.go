package cli

import (
	"bytes"
	"context"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/cobra"

	"etcd-lock/internal/etcdtest"
)

var (
	codeBlock = regexp.MustCompile("(?ms)^```(sh|text)\n(.*?)^```$")
	// commandLine is where a line runs the program, up to what the shell does with it.
	commandLine = regexp.MustCompile(`(?:^|[\s;&|(])(?:\./)?etcd-lock((?: +(?:'[^']*'|"[^"]*"|[^\s|&;#>)'"]+)+)*)`)
	word        = regexp.MustCompile(`(?:'[^']*'|"[^"]*"|[^\s'"])+`)
	// headings are the names of a table's columns.
	headings = regexp.MustCompile(`^[A-Z#][A-Z0-9]*( +[A-Z][A-Z0-9/]*)* {2,}[A-Z][A-Z0-9/ ]*…?$`)
	column   = regexp.MustCompile(` {2,}`)
)

// block is a code block, of commands of a shell or of text.
type block struct{ language, text string }

// codeBlocks returns the blocks of shell commands and output in the documents, by file.
func codeBlocks(t *testing.T) map[string][]block {
	t.Helper()
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatal("no documents: ", err)
	}
	blocks := map[string][]block{}
	for _, file := range append(files, "../../README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range codeBlock.FindAllStringSubmatch(string(text), -1) {
			blocks[file] = append(blocks[file], block{m[1], m[2]})
		}
	}
	return blocks
}

// linesOf returns the lines of blocks.
func linesOf(blocks []block) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, b := range blocks {
			for line := range strings.Lines(b.text) {
				if !yield(strings.TrimRight(line, "\n")) {
					return
				}
			}
		}
	}
}

// commandsIn returns the arguments of the program in a line of a code block.
func commandsIn(line string) (commands [][]string) {
	line, _, _ = strings.Cut(line, " # ")
	for _, m := range commandLine.FindAllStringSubmatchIndex(line, -1) {
		if rest := line[m[1]:]; rest != "" && !strings.ContainsAny(rest[:1], " |&;>)'\"") {
			continue // another name, such as that of a service
		}
		args := []string{} // not nil, for which cobra takes those of the test
		for _, arg := range word.FindAllString(line[m[2]:m[3]], -1) {
			args = append(args, strings.NewReplacer("'", "", `"`, "").Replace(arg))
		}
		commands = append(commands, args)
	}
	return commands
}

// TestDocumentedCommands: what the documents tell to run has commands, flags and arguments
// that the program takes.
func TestDocumentedCommands(t *testing.T) {
	var seen int
	contexts := filepath.Join(t.TempDir(), "c.yaml") // that the documents name
	if err := os.WriteFile(contexts, []byte("contexts: {dev: {endpoints: ['a:1']}, prod: {endpoints: ['b:1']}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, blocks := range codeBlocks(t) {
		for line := range linesOf(blocks) {
			if strings.HasPrefix(line, "etcd-lock: ") || strings.HasPrefix(line, "go ") { // a message of the program, and its build
				continue
			}
			for _, args := range commandsIn(line) {
				seen++
				if err := parseOnly(args, env(configEnv+"="+contexts)); err != nil {
					t.Errorf("%s: etcd-lock %q: %v", file, args, err)
				}
			}
		}
	}
	if seen < 80 {
		t.Errorf("only %d commands were found", seen)
	}
}

// parseOnly has the program take arguments, and do nothing.
func parseOnly(args []string, getenv func(string) string) error {
	root := newRootCmd(&app{System: System{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}, Getenv: getenv}})
	var disarm func(*cobra.Command)
	disarm = func(cmd *cobra.Command) {
		if cmd.RunE != nil {
			cmd.RunE = func(*cobra.Command, []string) error { return nil }
		}
		for _, sub := range cmd.Commands() {
			disarm(sub)
		}
	}
	disarm(root)
	root.SetArgs(args)
	return root.Execute()
}

// TestDocumentedTables: the tables that the documents show have columns that the commands
// print, on locks that are held and waited for, in their order.
func TestDocumentedTables(t *testing.T) {
	endpoint := etcdtest.Shared(t)
	l := &locks{tb: t, client: etcdtest.Client(t, endpoint)}
	l.request("write", "/documented", "holder")
	l.request("write", "/documented", "waiter")
	watched, stop := context.WithCancel(t.Context())
	var changes sync.WaitGroup
	changes.Go(func() {
		for watched.Err() == nil { // a watch shows what happens from its beginning on
			_, _ = l.client.Put(watched, "/documented/write/another", "")
			_, _ = l.client.Delete(watched, "/documented/write/another")
		}
	})
	defer changes.Wait()
	defer stop()
	var printed [][]string
	for _, args := range [][]string{
		{"ls"}, {"show", "/documented"}, {"watch", "/documented", "--count", "1"}, {"profile", "/documented", "--for", "1s"},
		{"access", "--check", "/documented", "--user", "root:documented"}, {"simulate", "check", "four-clients"},
		{"simulate", "load", "--impl", "rwlock", "--duration", "200ms", "--hold", "1ms", "--expect", "wait.p99<1m"},
	} {
		var out bytes.Buffer
		code := Main(System{Args: append(args, "--endpoints", endpoint), In: &bytes.Buffer{}, Out: &out, Err: &out, Getenv: env()})
		if code != 0 {
			t.Errorf("etcd-lock %q: %d, %s", args, code, &out)
		}
		for line := range strings.Lines(out.String()) {
			printed = append(printed, strings.Split(strings.TrimSpace(line), "\t"))
		}
	}
	// why --watch prints until it is interrupted; internal/cli/alert tests its lines.
	printed = append(printed, []string{"TIME", "REVISION", "EVENT", "PROBLEM"})
	for file, blocks := range codeBlocks(t) {
		for line := range linesOf(blocks) {
			if line = strings.TrimSpace(line); !headings.MatchString(line) {
				continue
			}
			shown := column.Split(strings.TrimRight(line, " …"), -1)
			if !slices.ContainsFunc(printed, func(all []string) bool { return isSubsequence(shown, all) }) {
				t.Errorf("%s has a table with the columns %q, which no command printed", file, shown)
			}
		}
	}
}

// isSubsequence reports whether some are in all, in that order.
func isSubsequence(some, all []string) bool {
	for _, s := range all {
		if len(some) > 0 && s == some[0] {
			some = some[1:]
		}
	}
	return len(some) == 0
}
