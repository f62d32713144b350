package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"etcd-lock/internal/cli/contexts"
	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

func TestWatchOptions(t *testing.T) {
	tests := []struct {
		args string
		want watchOptions
		err  string
	}{
		{"", watchOptions{}, ""},
		{"/p /q --changes-only --count 3", watchOptions{prefixes: []string{"/p", "/q"}, changesOnly: true, count: 3}, ""},
		{"--count 0", watchOptions{}, "--count 0: must be more than 0"},
		{"--count -1", watchOptions{}, "--count -1: must be more than 0"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			var got *watchOptions
			a := &app{System: System{Getenv: func(string) string { return "" }}}
			cmd := newWatchCmd(a, func(_ context.Context, opts *watchOptions) error {
				got = opts
				return nil
			})
			if err := execute(cmd, tt.args); tt.err != "" || err != nil {
				if err == nil || err.Error() != tt.err {
					t.Errorf("err = %v, want %q", err, tt.err)
				}
				return
			}
			if !slices.Equal(got.prefixes, tt.want.prefixes) || got.changesOnly != tt.want.changesOnly || got.count != tt.want.count {
				t.Errorf("%+v; want %+v", got, tt.want)
			}
		})
	}
}

// lockAt is a snapshot of one lock with writers in its queue.
func lockAt(revision int64, writers ...int64) inspect.Snapshot {
	s := inspect.Snapshot{Revision: revision}
	if len(writers) == 0 {
		return s
	}
	id := inspect.LockID{Layout: layout.RWLock, Name: "/a"}
	l := inspect.Lock{ID: id}
	for i, w := range writers {
		l.Queue = append(l.Queue, inspect.Request{Key: fmt.Sprint("/a/write/", w), Lock: id, Mode: keyspace.Write, Revision: w, Holding: i == 0})
	}
	s.Locks = []inspect.Lock{l}
	return s
}

// TestFeed: whatever comes, what is told leads from what was told before to
// what there is.
func TestFeed(t *testing.T) {
	event := func(kind inspect.EventKind, revision, key int64) inspect.Event {
		return inspect.Event{Kind: kind, Revision: revision, Request: inspect.Request{Key: fmt.Sprint("/a/write/", key), Revision: key}}
	}
	errDown := errors.New("down")
	first := inspect.Update{Snapshot: lockAt(5, 2, 3)}
	next := inspect.Update{Snapshot: lockAt(7, 3), Events: []inspect.Event{event(inspect.EventReleased, 7, 2), event(inspect.EventGranted, 7, 3)}}
	gap, resynced := inspect.Update{Snapshot: lockAt(99, 3, 90), Events: next.Events, Missed: 10}, inspect.Update{Snapshot: lockAt(99), Resynced: inspect.Resync{Cause: inspect.ResyncCompacted, From: 98, To: 99}}
	begin := []string{"5 snapshot 2", "5 granted /a/write/2 summary", "5 waiting /a/write/3 summary"}
	tests := []struct {
		name    string
		feed    feed
		updates []inspect.Update
		want    []string
		done    bool
	}{
		{"first", feed{}, []inspect.Update{first}, begin, false},
		{"changes only", feed{changesOnly: true}, []inspect.Update{first, next}, []string{"7 released /a/write/2", "7 granted /a/write/3"}, false},
		{"nothing new", feed{}, []inspect.Update{first, {Snapshot: lockAt(6, 2, 3)}}, begin, false},
		{"gap", feed{}, []inspect.Update{first, gap}, append(begin[:3:3],
			"99 gap 3 missed 12", "99 released /a/write/2 summary", "99 granted /a/write/3 summary", "99 waiting /a/write/90 summary"), false},
		{"resynced", feed{}, []inspect.Update{first, resynced}, append(begin[:3:3],
			"99 resynced 2", "99 released /a/write/2 summary", "99 left /a/write/3 summary"), false},
		{"no etcd yet", feed{}, []inspect.Update{{Err: errDown}, first}, append([]string{"0 lost down", "5 back"}, begin...), false},
		{"lost and back", feed{changesOnly: true}, []inspect.Update{first, {Snapshot: first.Snapshot, Err: errDown}, {Snapshot: first.Snapshot, Err: errDown}, next},
			[]string{"0 lost down", "7 back", "7 released /a/write/2", "7 granted /a/write/3"}, false},
		{"what came before it was lost", feed{changesOnly: true}, []inspect.Update{first, {Snapshot: next.Snapshot, Events: next.Events[:1], Err: errDown}},
			[]string{"7 released /a/write/2", "0 lost down"}, false},
		{"count", feed{left: limit(1)}, []inspect.Update{first, next}, append(begin[:3:3], "7 released /a/write/2"), true},
		{"count not reached", feed{left: limit(3), changesOnly: true}, []inspect.Update{first, next}, []string{"7 released /a/write/2", "7 granted /a/write/3"}, false},
		{"count in a gap", feed{left: limit(2), changesOnly: true}, []inspect.Update{first, gap},
			[]string{"99 gap 3 missed 12", "99 released /a/write/2 summary", "99 granted /a/write/3 summary"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.feed
			f.now = func() time.Time { return noon }
			var got []string
			for _, u := range tt.updates {
				for _, e := range f.entries(u) {
					got = append(got, entryText(e))
				}
			}
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") || f.done != tt.done {
				t.Errorf("done: %v\n%s\nwant %v\n%s", f.done, strings.Join(got, "\n"), tt.done, strings.Join(tt.want, "\n"))
			}
		})
	}
}

func entryText(e output.Entry) string {
	switch e := e.(type) {
	case docs.Event:
		text := fmt.Sprint(e.Revision, " ", e.Event, " ", e.Request.Key)
		if e.Summary {
			text += " summary"
		}
		return text
	case docs.Notice:
		text := fmt.Sprint(e.Revision, " ", e.Event)
		if e.Summary != nil {
			text += fmt.Sprint(" ", *e.Summary)
		}
		if e.Missed > 0 {
			text += fmt.Sprint(" missed ", e.Missed)
		}
		return strings.TrimSuffix(text+" "+e.Error, " ")
	default:
		return fmt.Sprint(e)
	}
}

func TestStream(t *testing.T) {
	request := aSnapshot().Locks[0].Queue[0]
	n := 1
	entries := []output.Entry{
		docs.Notice{Event: "gap", Revision: 8, Missed: 3, Summary: &n, Text: "3 missed\n"},
		docs.NewEvent(inspect.Event{Kind: inspect.EventExpired, Revision: 9, Time: noon, Request: request, Session: inspect.LeaseGone}),
	}
	tests := []struct {
		name string
		out  output.Printer
		want string
	}{
		{"Terminal", output.Printer{Terminal: true}, `TIME      REVISION  EVENT       WAS      SESSION  MODE   NAME  WHO  KEY
-         8         ! gap       3 missed\n
12:00:00  9         ✗ expired   holding  gone     read   /a    l p[7]@h  /a/read/1
`},
		{"Pipe", output.Printer{}, "TIME\tREVISION\tEVENT\tWAS\tSESSION\tMODE\tNAME\tWHO\tKEY\n" +
			"-\t8\tgap\t3 missed\\n\n12:00:00\t9\texpired\tholding\tgone\tread\t/a\tl p[7]@h\t/a/read/1\n"},
		{"JSON", output.Printer{Format: output.JSON}, `{"event":"gap","revision":8,"missed":3,"summaries":1}
{"event":"expired","revision":9,"time":"2026-01-02T12:00:00Z","session":"gone","request":{"name":"/a","layout":"rwlock","mode":"read","state":"holding","key":"/a/read/1","lease":"000000000000001f","revision":2,"owner":{"host":"h","pid":7,"program":"p","label":"l"},"since":"2026-01-02T11:59:00Z","since_bound":"at_most"}}
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			tt.out.Writer = &b
			if err := output.NewStream(tt.out, true, docs.EventColumns()).Write(entries); err != nil || b.String() != tt.want {
				t.Errorf("%v\n%s\nwant\n%s", err, b.String(), tt.want)
			}
		})
	}
}

// watching starts the program's watch, and returns when it has begun.
func watching(t *testing.T, endpoint string) (cmd *exec.Cmd, lines *bufio.Scanner, stderr *bytes.Buffer) {
	t.Helper()
	cmd, lines, stderr = started(t, nil, "watch", "/w", "-o", "json", "--endpoints", endpoint)
	if !lines.Scan() || !strings.Contains(lines.Text(), `"snapshot"`) {
		t.Fatalf("first line: %q, stderr: %q", lines.Text(), stderr)
	}
	return cmd, lines, stderr
}

// started starts the program, and returns the lines that it prints.
func started(t *testing.T, env []string, args ...string) (cmd *exec.Cmd, lines *bufio.Scanner, stderr *bytes.Buffer) {
	t.Helper()
	cmd = exec.Command(os.Args[0], args...)
	cmd.Env = append(append(os.Environ(), programEnv+"=1", "GORACE=atexit_sleep_ms=0"), env...)
	stderr = &bytes.Buffer{}
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = out.Close() })
	return cmd, bufio.NewScanner(out), stderr
}

// TestWatchSeveral: of several contexts, one that does not answer at the start, dies and comes
// back is told of as such, and keeps no other from being watched.
func TestWatchSeveral(t *testing.T) {
	t.Parallel()
	late, there := etcdtest.StartProcess(t), etcdtest.Start(t)
	late.Kill()
	file := filepath.Join(t.TempDir(), "c.yaml")
	text := fmt.Sprintf("contexts: {late: {endpoints: ['%s'], dial-timeout: 1s}, there: {endpoints: ['%s']}}", late.Endpoint, there)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, lines, stderr := started(t, nil, "watch", "/w", "-o", "json", "--config", file, "--context", "late,there")
	until := func(wanted ...string) {
		t.Helper()
		for len(wanted) > 0 {
			if !lines.Scan() {
				t.Fatalf("no %q; stderr: %q", wanted, stderr)
			}
			wanted = slices.DeleteFunc(wanted, func(w string) bool { return strings.HasPrefix(lines.Text(), w) })
		}
	}
	put := func(endpoint, key string) {
		t.Helper()
		if _, err := etcdtest.Client(t, endpoint).Put(t.Context(), key, ""); err != nil {
			t.Fatal(err)
		}
	}
	until(`{"context":"late","event":"lost","time":`, `{"context":"there","event":"snapshot",`)
	put(there, "/w/write/1")
	until(`{"context":"there","event":"granted",`)
	late.Start()
	until(`{"context":"late","event":"back",`, `{"context":"late","event":"snapshot",`)
	put(late.Endpoint, "/w/write/1")
	until(`{"context":"late","event":"granted",`)
	late.Kill()
	until(`{"context":"late","event":"lost",`)
	put(there, "/w/write/2")
	until(`{"context":"there","event":"waiting",`)
	late.Start()
	until(`{"context":"late","event":"back",`)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if lines.Scan() {
		t.Errorf("line after the signal: %q", lines.Text())
	}
	if err := cmd.Wait(); err != nil || stderr.Len() > 0 {
		t.Errorf("ended: %v, %q; want a quiet end", err, stderr)
	}
}

// TestSeveralWatch: the contexts have one stream, and events are counted over all of them.
func TestSeveralWatch(t *testing.T) {
	event := func(key int64) inspect.Event {
		return inspect.Event{Kind: inspect.EventGranted, Revision: 7, Request: inspect.Request{Key: fmt.Sprint("/a/write/", key), Revision: key}}
	}
	first := inspect.Update{Snapshot: lockAt(5)}
	next := inspect.Update{Snapshot: lockAt(7, 3), Events: []inspect.Event{event(3), event(4)}}
	var b bytes.Buffer
	stopped := false
	opts := &watchOptions{count: 3, now: func() time.Time { return noon }, several: &contexts.Lasting{Terminal: &sync.Mutex{}}}
	left := opts.limit()
	w := &severalWatch{
		opts: opts, stop: func() { stopped = true }, feeds: map[string]*feed{"a": opts.feed(left), "b": opts.feed(left)},
		out: output.NewStream(output.Printer{Writer: &b}, false, []output.Column{docs.ContextColumn()}),
	}
	a, other := contexts.Member{Name: "a"}, contexts.Member{Name: "b"}
	w.take(a, first)
	w.Down(other, errors.New("gone"))
	w.take(a, next)
	w.take(other, first)
	if stopped {
		t.Error("it stopped too early")
	}
	if !w.take(other, next) || !stopped || !w.take(a, next) {
		t.Error("it goes on")
	}
	var got []string
	for line := range strings.Lines(b.String()) {
		words := strings.Fields(line)
		got = append(got, strings.Join(words[:min(3, len(words))], " "))
	}
	want := []string{
		"REVISION CONTEXT", "5 a snapshot", "- b lost", "7 a granted", "7 a granted", "5 b back", "5 b snapshot", "7 b granted",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestWatchInterrupted: to be interrupted is how a watch ends.
func TestWatchInterrupted(t *testing.T) {
	endpoint := etcdtest.Start(t)
	cmd, lines, stderr := watching(t, endpoint)
	if _, err := etcdtest.Client(t, endpoint).Put(t.Context(), "/w/write/1", ""); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), `{"event":"granted","revision":2,`) {
		t.Errorf("line: %q", lines.Text())
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if lines.Scan() {
		t.Errorf("line after the interrupt: %q", lines.Text())
	}
	if err := cmd.Wait(); err != nil || stderr.Len() > 0 {
		t.Errorf("interrupted: %v, %q; want a quiet end", err, stderr)
	}
}

// TestWatchBrokenPipe: who no longer reads needs no telling.
func TestWatchBrokenPipe(t *testing.T) {
	endpoint := etcdtest.Start(t)
	client := etcdtest.Client(t, endpoint)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	defer func() { _ = w.Close() }()
	var stderr bytes.Buffer
	cmd := exec.Command(os.Args[0], "watch", "/w", "--endpoints", endpoint)
	cmd.Env = append(os.Environ(), programEnv+"=1", "GORACE=atexit_sleep_ms=0")
	cmd.Stdout, cmd.Stderr = w, &stderr
	if _, err := client.Put(t.Context(), "/w/write/1", ""); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != exitFailed || stderr.Len() > 0 {
		t.Errorf("broken pipe: %v, %q; want a quiet end", err, &stderr)
	}
}

func limit(n int) *int { return &n }
