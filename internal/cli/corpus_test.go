package cli

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
)

var update = flag.Bool("update", false, "write the golden files anew")

// varies is what differs from run to run: times left, and times since.
var varies = regexp.MustCompile(`([ \t≤≥])(\d+(\.\d+)?(ms|s|m|h|d))+\b`)

// TestCorpus pins what the commands say of all that real programs left in etcd: who holds
// which lock, and what releases it. It was compared with what was known when it was
// captured.
func TestCorpus(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts an etcd for each capture")
	}
	var b strings.Builder
	for _, c := range etcdtest.Corpus(t) {
		endpoint := etcdtest.Start(t)
		client := etcdtest.Client(t, endpoint)
		c.Restore(t, client)
		run := func(args ...string) string {
			var out bytes.Buffer
			code := Main(System{
				Args: slices.Concat(args, []string{"--endpoints", endpoint}), In: strings.NewReader(""),
				Out: &out, Err: &out, Getenv: func(string) string { return "" },
			})
			text := varies.ReplaceAllString(strings.ReplaceAll(out.String(), endpoint, "$ENDPOINT"), "${1}N")
			fmt.Fprintf(&b, "$ etcd-lock %s (exit %d)\n%s\n", strings.Join(args, " "), code, text)
			return text
		}
		fmt.Fprintf(&b, "# %s\n", c.Name)
		run("ls")
		s, err := inspect.NewSource(client).Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range s.Locks {
			if i > 0 && s.Locks[i-1].ID.Name == l.ID.Name {
				continue
			}
			run("show", l.ID.Name)
			run("why", l.ID.Name)
			says := run("release", l.ID.Name, "--holder", "--dry-run")
			if how := l.ID.Layout.Release.How; how == layout.Advise && !strings.Contains(says, "run: ") && !l.Queue[0].Vacant() && !l.Queue[0].Encrypted {
				t.Errorf("%s: release of %s names no command:\n%s", c.Name, l.ID.Name, says)
			}
		}
		releaseAll(t, c, inspect.NewSource(client), run)
	}
	const golden = "testdata/corpus.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != b.String() {
		t.Errorf("%s differs: -update writes it anew", golden)
	}
}

// releaseAll releases the holder of each lock that may be released, and wants it to hold no
// more.
func releaseAll(t *testing.T, c etcdtest.Capture, source *inspect.Source, run func(args ...string) string) {
	t.Helper()
	read := func() inspect.Snapshot {
		s, err := source.Snapshot(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, l := range read().Locks {
		now, ok := read().Find(l.ID)
		if how := l.ID.Layout.Release.How; !ok || !now.Queue[0].Holding || how != layout.Revoke && how != layout.Delete {
			continue
		}
		holder := now.Queue[0].Key
		says := run("release", "--request", holder, "--yes")
		if after, _ := read().Find(l.ID); slices.ContainsFunc(after.Queue, func(r inspect.Request) bool { return r.Key == holder }) {
			t.Errorf("%s: %s is still there:\n%s", c.Name, holder, says)
		}
	}
}
