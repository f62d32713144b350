package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/ptytest"
)

// notRun are the documented commands that a test cannot run, by a part of their line or by their
// document, with what they need and what runs them instead.
var notRun = map[string]string{
	"--cacert":                "certificates: testdata/script/tls.txtar",
	"--user alice":            "a user: testdata/script/access.txtar",
	"ETCDCTL_PASSWORD":        "a user: testdata/script/access.txtar",
	"kubectl ":                "a cluster of Kubernetes",
	"kine.sock":               "k3s: TestRealKine has its kine",
	"paused-holder-is-fenced": "an etcd with long elections: TestLibraryOnASlowEtcd",
	"incidents.md":            "clients that die: testdata/script/incidents.txtar and TestIncident",
}

// notShown are the blocks that are not the output of a command of their document, by a part of
// them, with what they are.
var notShown = map[string]string{
	"ALLOWED  WHY":       "for a user: TestDocumentedTables",
	"waiting for /jobs/": "beside another client: testdata/script/exec.txtar",
	"failed in round 1":  "of a file that the reader changes: testdata/script/simulate.txtar",
	"|0s ":               "of a fault: internal/report",
	"deadlock until":     "of a file that deadlocks: testdata/script/simulate-check.txtar",
}

// documented is a command of a document, with what is shown of its output.
type documented struct {
	file, line string
	args       []string
	shown      []string // lines
}

// readDocuments returns the commands of the documents in their order, and the output that is
// shown without a command, by document.
func readDocuments(t *testing.T) (all []documented, shown map[string][][]string) {
	t.Helper()
	shown = map[string][][]string{}
	blocks := codeBlocks(t)
	for _, path := range slices.Sorted(maps.Keys(blocks)) {
		file := filepath.Base(path)
		for _, b := range blocks[path] {
			var alone []string
			before := len(all)
			for line := range linesOf([]block{b}) {
				typed, prompted := strings.CutPrefix(line, "$ ")
				if b.language == "text" && !prompted {
					if len(all) > before {
						all[len(all)-1].shown = append(all[len(all)-1].shown, line)
					} else {
						alone = append(alone, line)
					}
					continue
				}
				for _, args := range commandsIn(typed) {
					if !strings.HasPrefix(line, "go ") { // it is not what is built
						all = append(all, documented{file: file, line: line, args: args})
					}
				}
			}
			if len(alone) > 0 {
				shown[file] = append(shown[file], alone)
			}
		}
	}
	return all, shown
}

// reader runs what the documents tell to run, on an etcd with the locks that they are about.
type reader struct {
	*testing.T
	endpoint     string
	client       *clientv3.Client
	from, at, to string            // when the recording rec begins, has the incident, and ends
	revisions    string            // of the incident
	hook         string            // takes webhooks
	stuck        clientv3.LeaseID  // of a session of docs/stuck-locks.md
	printing     *sync.Mutex       // for printed
	printed      map[string]string // by document
}

// keep notes what a command of a document has printed.
func (r *reader) keep(file, out string) {
	r.printing.Lock()
	defer r.printing.Unlock()
	r.printed[file] += out
}

// TestDocumentedCommandsRun runs the commands of the documents, and compares what is shown of
// their output, but for its numbers, times and identities.
func TestDocumentedCommandsRun(t *testing.T) {
	commands, shown := readDocuments(t)
	r := newReader(t)
	unused := maps.Clone(notRun)
	t.Run("run", func(t *testing.T) { // over when all of them are
		for _, c := range commands {
			if part := exception(notRun, c.file+" "+c.line); part != "" {
				delete(unused, part)
				continue
			}
			t.Run(c.file+" "+strings.Join(c.args, " "), func(t *testing.T) {
				r := r
				if isApart(c.args) {
					t.Parallel()
					own := *r
					r = &own
				}
				r.T = t
				out := r.run(c)
				r.keep(c.file, out)
				compareShapes(t, c.shown, out)
			})
		}
	})
	for part, why := range unused {
		t.Errorf("no document has a command with %q, which needs %s", part, why)
	}
	unused = maps.Clone(notShown)
	for file, blocks := range shown {
		for _, block := range blocks {
			if part := exception(notShown, strings.Join(block, "\n")); part != "" {
				delete(unused, part)
			} else if r.printed[file] != "" {
				t.Run(file+" "+block[0], func(t *testing.T) { compareShapes(t, block, r.printed[file]) })
			}
		}
	}
	for part, what := range unused {
		t.Errorf("no document shows %q, %s", part, what)
	}
}

// exception returns which exception a text is, if it is one.
func exception(exceptions map[string]string, text string) string {
	for part := range exceptions {
		if strings.Contains(text, part) {
			return part
		}
	}
	return ""
}

func newReader(t *testing.T) *reader {
	t.Helper()
	r := &reader{T: t, endpoint: etcdtest.Start(t), printing: &sync.Mutex{}, printed: map[string]string{}}
	r.client = etcdtest.Client(t, r.endpoint)
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(hook.Close)
	r.hook = hook.URL
	r.files()
	var writers errgroup.Group
	for range 30 { // to be at revision 900: the documents go back to revision 812
		writers.Go(func() error {
			for range 30 {
				if _, err := r.client.Put(t.Context(), "revisions", ""); err != nil {
					return err
				}
			}
			return nil
		})
	}
	r.must(writers.Wait())
	r.record()
	return r
}

// files writes the files that the documents name.
func (r *reader) files() {
	r.Helper()
	doc, err := os.ReadFile("../../docs/scenarios.md")
	if err != nil {
		r.Fatal(err)
	}
	_, scenario, _ := strings.Cut(string(doc), "Save this as `first.yaml`:\n\n```yaml\n")
	scenario, _, _ = strings.Cut(scenario, "```")
	r.Chdir(r.TempDir())
	const (
		script   = "#!/bin/sh\n"
		context  = "{endpoints: ['%']}"
		contexts = "contexts: {dev: " + context + ", prod: " + context + "}"
		layouts  = "layouts: [{name: cron, about: Cron jobs, kind: single, key: '/cron/lock/{job}', lease: required}]"
	)
	for name, text := range map[string]string{
		"first.yaml": scenario, "my.yaml": scenario, "my-scenario.yaml": scenario,
		"contexts.yaml": strings.ReplaceAll(contexts, "%", r.endpoint), "my-layouts.yaml": layouts,
		"nightly.sh": script, "convert.sh": script, "report": script, "mutes": "",
	} {
		if err := os.WriteFile(name, []byte(text), 0o700); err != nil { //nolint:gosec // they are executed
			r.Fatal(err)
		}
	}
}

func (r *reader) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *reader) put(key, value string, lease clientv3.LeaseID) {
	r.Helper()
	_, err := r.client.Put(context.Background(), key, value, clientv3.WithLease(lease))
	r.must(err)
}

func (r *reader) del(prefix string) {
	r.Helper()
	_, err := r.client.Delete(context.Background(), prefix, clientv3.WithPrefix())
	r.must(err)
}

// request makes a request of a client of its own, which runs under a lock if a key of it is
// given, and returns the key and the lease.
func (r *reader) request(name, label, under string) (key string, lease clientv3.LeaseID) {
	r.Helper()
	granted, err := r.client.Grant(context.Background(), 3600)
	r.must(err)
	key = keyspace.Encode(name, keyspace.Write, label)
	owner := keyspace.Owner{Host: "vm", PID: 4711, Program: "etcd-lock", Label: label, Under: under, Time: time.Now()}
	r.put(key, owner.Encode(), granted.ID)
	return key, granted.ID
}

// revision returns the revision of etcd.
func (r *reader) revision() string {
	r.Helper()
	resp, err := r.client.Get(context.Background(), "revisions")
	r.must(err)
	return strconv.FormatInt(resp.Header.Revision, 10)
}

// incident makes the incident of docs/after-the-fact.md, and the locks of other documents.
func (r *reader) incident() {
	r.Helper()
	r.del("/")
	_, patroni := r.request("/patroni", "patroni", "")
	r.put("/service/demo/leader", "pg-1", patroni)
	stock, _ := r.request("/stock", "shipping", "")
	orders, _ := r.request("/orders", "billing", "")
	r.request("/orders", "shipping-orders", stock)
	r.request("/stock", "billing-stock", orders)
	for _, label := range []string{"nightly", "invoices", "report"} {
		r.request("/jobs/nightly", label, "")
	}
	r.request("/backup", "backup", "")
	r.request("/backup", "restore", "")
	r.request("/mylocks/a", "worker", "")
	r.request("/mylocks/a", "other", "")
}

// opposite has two clients acquire two locks in opposite orders, one after the other, as in
// docs/profile.md.
func (r *reader) opposite() {
	r.Helper()
	for label, names := range map[string][]string{"report": {"/from", "/to"}, "billing": {"/to", "/from"}} {
		granted, err := r.client.Grant(context.Background(), 3600)
		r.must(err)
		for _, name := range names {
			r.put(keyspace.Encode(name, keyspace.Write, label), keyspace.Owner{Label: label}.Encode(), granted.ID)
		}
		r.del("/from")
		r.del("/to")
	}
}

// deadlock makes the two problems of docs/stuck-locks.md.
func (r *reader) deadlock() {
	r.Helper()
	r.del("/")
	_, billing := r.request("/orders", "billing", "")
	holder, err := r.client.Grant(context.Background(), 3600)
	r.must(err)
	mutex := "/stock/" + strconv.FormatInt(int64(holder.ID), 16)
	r.put(mutex, "", holder.ID)
	r.put("/stock/"+strconv.FormatInt(int64(billing), 16), "", billing)
	_, r.stuck = r.request("/orders", "shipping", mutex)
	r.request("/orders", "third", "")
	r.put("/legacy/write/1", "", 0)
}

// record makes the recording rec of an incident.
func (r *reader) record() {
	r.Helper()
	ctx, stop := context.WithCancel(r.Context())
	var said bytes.Buffer
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, r.system(&said, "record", "rec")) }()
	recorded := func(what, text string, args ...string) {
		r.Helper()
		etcdtest.Eventually(r, what, func() bool {
			var out bytes.Buffer
			return run(r.Context(), r.system(&out, append(args, "--recording", "rec")...)) == exitDone && strings.Contains(out.String(), text)
		})
	}
	recorded("a recording", "", "ls")
	r.from = time.Now().Format(time.RFC3339Nano)
	r.opposite()
	r.revisions = r.revision() + ".."
	r.incident()
	r.revisions += r.revision()
	recorded("the incident", "restore", "show", "/backup")
	r.at = time.Now().Format(time.RFC3339Nano)
	r.put("/jobs/nightly/write/last", "", 0)
	recorded("what came after it", "last", "show", "/jobs/nightly")
	r.to = time.Now().Format(time.RFC3339Nano)
	stop()
	if code := <-ended; code != exitDone {
		r.Fatalf("record: %d, %s", code, &said)
	}
}

// signalled is a buffer that says when something is written to it.
type signalled struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	once sync.Once
	on   chan struct{}
}

func (s *signalled) Write(p []byte) (int, error) {
	s.once.Do(func() { close(s.on) })
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *signalled) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// system is what a command has that prints to out.
func (r *reader) system(out interface{ Write([]byte) (int, error) }, args ...string) System {
	return System{Args: args, In: &bytes.Buffer{}, Out: out, Err: out, Getenv: env(configEnv+"=contexts.yaml", "ETCDCTL_ENDPOINTS="+r.endpoint)}
}

// run runs a command, one that does not end until it has printed something, and returns what it
// has printed.
func (r *reader) run(c documented) string {
	r.Helper()
	args := r.here(c.args)
	switch {
	case isApart(args):
	case slices.Contains(args, "exec"):
		r.del("/") // which it would wait for
	case c.file == "stuck-locks.md":
		r.deadlock()
	default:
		r.incident()
	}
	if isScreen(args) {
		r.show(args)
		return ""
	}
	ctx, stop := context.WithTimeout(r.Context(), time.Minute)
	defer stop()
	out := &signalled{on: make(chan struct{})}
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, r.system(out, args...)) }()
	if isWatch(args) {
		defer r.changing()()
	}
	if isEndless(args) {
		<-out.on
		stop()
	}
	want := exitDone
	if slices.Contains(args, "--fail-on") {
		want = exitFound
	}
	if code := <-ended; code != want {
		r.Errorf("etcd-lock %q: exited with %d, want %d: %s", args, code, want, out)
	}
	if slices.Contains(args, "json") && !json.Valid([]byte(strings.SplitN(out.String()+"\n", "\n", 2)[0])) && !json.Valid([]byte(out.String())) {
		r.Errorf("etcd-lock %q printed no JSON: %s", args, out)
	}
	return out.String()
}

// isScreen reports whether arguments are those of the terminal UI.
func isScreen(args []string) bool {
	command := slices.IndexFunc(args, func(a string) bool { return !strings.HasPrefix(a, "-") })
	if command > 0 && (args[command-1] == "--endpoints" || args[command-1] == "--context") {
		command = -1 // it was a value
	}
	return command < 0 || args[command] == "tui" || args[command] == "demo"
}

// isApart reports whether arguments are those of a run on an etcd of its own, which runs beside
// others: it mostly waits for its steps.
func isApart(args []string) bool {
	return slices.Contains(args, "simulate") && slices.Contains(args, "--embedded")
}

// isWatch reports whether arguments are those of a command that needs something to happen.
func isWatch(args []string) bool {
	return !slices.Contains(args, "--recording") && (slices.Contains(args, "--for") || args[0] == "watch")
}

// isEndless reports whether arguments are those of a command that runs until it is interrupted.
func isEndless(args []string) bool {
	switch args[0] {
	case "record", "export":
		return true
	case "watch":
		return !slices.Contains(args, "--count") && !slices.Contains(args, "--recording")
	default:
		return slices.Contains(args, "--watch")
	}
}

// here returns the arguments with what stands here for what they name.
func (r *reader) here(args []string) []string {
	there := strings.NewReplacer(
		"127.0.0.1:2379", r.endpoint, "127.0.0.1:9378", "127.0.0.1:0", "https://alerts.example.com/locks", r.hook, "URL", r.hook,
		"/var/lib/etcd-lock", "rec", "$REC", "rec", "FILE", "contexts.yaml", "/etc/etcd-lock/mutes", "mutes",
		"<100ms", "<1m", "<250ms", "<1m", "72c7a20732ff0367", strconv.FormatInt(int64(r.stuck), 16))
	var here []string
	for _, arg := range args {
		arg = there.Replace(arg)
		if len(here) > 0 {
			switch here[len(here)-1] {
			case "--file":
				_ = os.Remove(arg) // it may have been written before
			case "--rev":
				if slices.Contains(args, "--recording") {
					arg = r.revisions
				}
			case "--at":
				arg = r.at
			case "--from":
				arg = r.from
			case "--to":
				arg = r.to
			case "--for":
				arg = "200ms"
			case "--at-least":
				arg = "1ms"
			case "--repeat":
				arg = "2"
			}
		}
		here = append(here, arg)
	}
	switch {
	case slices.Contains(here, "load"):
		return append(here, "--duration", "200ms")
	case len(here) > 0 && here[0] == "release":
		return append(here, "--dry-run")
	default:
		return here
	}
}

// changing has requests come and go until stop is called.
func (r *reader) changing() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			for _, key := range []string{"/jobs/nightly/write/passing", "/mylocks/a/write/passing"} {
				_, _ = r.client.Put(ctx, key, "")
				_, _ = r.client.Delete(ctx, key)
			}
		}
	})
	return func() { cancel(); done.Wait() }
}

// show runs the terminal UI until it shows locks.
func (r *reader) show(args []string) {
	r.Helper()
	cmd := terminalCmd("xterm-256color", r.TempDir(), args...)
	cmd.Env = append(cmd.Env, configEnv+"=contexts.yaml", "ETCDCTL_ENDPOINTS="+r.endpoint)
	u := ptytest.Start(r, cmd, 120, 30)
	u.WaitToShow("contended")
	u.Press(quitKey)
	if err := u.Wait(); err != nil {
		r.Errorf("etcd-lock %q: %v", args, err)
	}
}

// differing are what differs from one time to the next, with what stands for it.
var differing = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`[\w-]+\[\d+\]@[\w.-]+`), "PROCESS"},
	{regexp.MustCompile(`\b[0-9a-f]{15,16}\b`), "LEASE"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\dT[\d:.]+Z?`), "TIME"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d\b`), "TIME"},
	{regexp.MustCompile(`\b(\d+(\.\d+)?(ns|µs|ms|s|m|h|d))+\b`), "DURATION"},
	{regexp.MustCompile(`\d+(\.\d+)?%?`), "N"},
	{regexp.MustCompile(`(?m)^[✗!●] *`), ""},
	{regexp.MustCompile(`\s+`), " "},
}

// shape returns a text without what differs.
func shape(text string) string {
	for _, d := range differing {
		text = d.what.ReplaceAllString(text, d.as)
	}
	return strings.TrimSpace(text)
}

// compareShapes fails the test if a line that is shown is not in what was printed: a heading of
// a table with its columns, and any other line with its words. The rows of tables differ.
func compareShapes(t *testing.T, shown []string, printed string) {
	t.Helper()
	words := shape(printed)
	inTable := false
	for _, line := range shown {
		switch trimmed := strings.TrimSpace(line); {
		case trimmed == "":
			inTable = false
		case headings.MatchString(trimmed):
			inTable = true
			columns := column.Split(strings.TrimRight(trimmed, " …"), -1)
			if !hasColumns(printed, columns) {
				t.Errorf("no table with the columns %q in:\n%s", columns, printed)
			}
		case !inTable:
			for part := range strings.SplitSeq(trimmed, "…") {
				if part = shape(part); !strings.Contains(words, part) {
					t.Errorf("not printed: %q, of %q, in:\n%s", part, line, printed)
				}
			}
		}
	}
}

// hasColumns reports whether a line of what was printed has these columns, in their order.
func hasColumns(printed string, columns []string) bool {
	for line := range strings.Lines(printed) {
		if isSubsequence(columns, strings.Split(strings.TrimSpace(line), "\t")) {
			return true
		}
	}
	return false
}
