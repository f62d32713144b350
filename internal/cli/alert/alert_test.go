package alert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/locktest"
	"etcd-lock/internal/patrol"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

// scene is a watcher whose clock the test sets.
type scene struct {
	*watcher
	t    *testing.T
	now  time.Time
	out  bytes.Buffer
	warn []string
	read int // of out
}

func newScene(t *testing.T, f Flags, name string) *scene {
	t.Helper()
	s := &scene{t: t, now: locktest.Epoch}
	s.watcher = newWatcher(s.teller(&Options{Flags: f, Name: name}), "")
	return s
}

// teller prints to the scene.
func (s *scene) teller(o *Options) *teller {
	s.t.Helper()
	o.Now, o.Warn = func() time.Time { return s.now }, func(text string) { s.warn = append(s.warn, text) }
	if err := o.parseFlags(s.now); err != nil {
		s.t.Fatal(err)
	}
	teller, err := newTeller(s.t.Context(), o)
	if err != nil {
		s.t.Fatal(err)
	}
	teller.stop = func() {}
	teller.stream = output.NewStream(output.New(&s.out, output.JSON, false), true, nil)
	return teller
}

// round is a round that finds these locks.
func (s *scene) round(locks string) {
	s.t.Helper()
	snapshot := locktest.Snapshot(s.t, locks)
	s.Round(patrol.Round{Snapshot: snapshot, Findings: diagnose.Locks(snapshot, nil, diagnose.Thresholds{}, locktest.Epoch).Findings})
}

// pass lets time pass, a tick each second.
func (s *scene) pass(d time.Duration) {
	for range d / time.Second {
		s.now = s.now.Add(time.Second)
		s.Tick()
	}
}

// said wants the lines since the last call: event, kind and locks, and whether muted.
func (s *scene) said(want ...string) {
	s.t.Helper()
	var got []string
	for line := range strings.Lines(s.out.String()[s.read:]) {
		var n docs.Notice
		if err := json.Unmarshal([]byte(line), &n); err != nil {
			s.t.Fatal(err)
		}
		text := fmt.Sprint(n.Context, " ", n.Event, " ", n.Finding.Severity, " ", n.Finding.Kind, " ", strings.Join(n.Finding.Locks, ","))
		if !n.MutedUntil.IsZero() {
			text += " muted"
		}
		got = append(got, strings.TrimSpace(text))
	}
	s.read = s.out.Len()
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Error(diff)
	}
}

const (
	waiting  = "/a A.w1 B.w2@5m"
	waiting2 = "/a A.w1 C.w3@5m" // another session
	deadlock = "/a A.w1 B.w4\n/b B.w2 A.r3"
	quiet    = "/a A.w1"
)

func TestRaisedAndCleared(t *testing.T) {
	s := newScene(t, Flags{ClearAfter: 30 * time.Second}, "")
	s.round(waiting)
	s.said("raised warning long-wait /a")
	s.pass(time.Minute)
	s.round(waiting2)
	s.said()
	s.round(quiet)
	s.pass(20 * time.Second)
	s.round(waiting)
	s.round(quiet)
	s.pass(29 * time.Second)
	s.said()
	s.pass(time.Second)
	s.said("cleared warning long-wait /a")
}

func TestWorse(t *testing.T) {
	s := newScene(t, Flags{}, "")
	s.round("/a -.w1")
	s.said("raised warning no-lease /a")
	s.round("/a -.w1 B.w2")
	s.said("worse critical no-lease /a")
	s.round("/a -.w1")
	s.round("/a -.w1 B.w2")
	s.said()
	s.round("/b B.w2")
	s.said("cleared critical no-lease /a")
}

// What is wrong is not known while etcd does not answer: nothing is cleared, and that it
// does not answer is a problem.
func TestNoContact(t *testing.T) {
	s := newScene(t, Flags{}, "")
	s.round(deadlock)
	s.said("raised critical deadlock /b,/a")
	s.Update(inspect.Update{Err: errors.New("gone")})
	s.pass(14 * time.Second)
	s.said()
	s.pass(time.Hour)
	s.said("raised critical no-contact")
	s.Update(inspect.Update{Snapshot: inspect.Snapshot{Revision: 3}})
	s.pass(time.Second)
	s.said("cleared critical no-contact")
	s.round(quiet)
	s.said("cleared critical deadlock /b,/a")
}

func TestName(t *testing.T) {
	s := newScene(t, Flags{}, "/b")
	s.round(waiting)
	s.said()
	s.round(deadlock)
	s.said("raised critical deadlock /b,/a")
}

// What is muted is not passed on, and raised when the mute is over. The file is read again.
func TestMuted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mutes")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	until := locktest.Epoch.Add(time.Minute).Format(time.RFC3339)
	write("# for a minute\n\n" + until + " long-wait:/a**\n")
	s := newScene(t, Flags{Mutes: file}, "")
	queue := make(chan docs.Notice, 10)
	s.senders = []*sender{{queue: queue}}
	s.round(waiting)
	s.said("raised warning long-wait /a muted")
	s.round(quiet)
	s.said("cleared warning long-wait /a")
	s.round(waiting)
	s.said("raised warning long-wait /a muted")
	s.pass(59 * time.Second)
	if s.said(); len(queue) != 0 {
		t.Error("what is muted was passed on")
	}
	s.pass(time.Second)
	s.said("raised warning long-wait /a")
	write("this is no mute, and the file is longer than before, so that it is read again\n")
	s.round(quiet)
	s.said("cleared warning long-wait /a")
	if len(queue) != 2 || len(s.warn) != 1 {
		t.Errorf("%d passed on; warnings: %q", len(queue), s.warn)
	}
	s.pass(3 * time.Second)
	if len(s.warn) != 1 {
		t.Errorf("warned again: %q", s.warn)
	}
}

func TestParseMute(t *testing.T) {
	of := func(kind diagnose.Kind, locks ...string) alert { return alert{kind: kind, locks: locks} }
	tests := []struct {
		line string
		a    alert
		want bool
	}{
		{"long-wait", of("long-wait", "/a"), true},
		{"long-wait", of("deadlock", "/a"), false},
		{"*", of("old-server"), true},
		{"*:/a/*", of("long-hold", "/b", "/a/x"), true},
		{"*:/a/*", of("long-hold", "/a/x/y"), false},
		{"*:/a/*", of("no-space"), false},
		{"no-contact", of(noContact), true},
		{"long-wait:/with: colon and space", of("long-wait", "/with: colon and space"), true},
	}
	for _, tt := range tests {
		m, err := parseMute("2026-11-28T14:00:00+01:00 " + tt.line)
		if err != nil || m.mutes(tt.a) != tt.want {
			t.Errorf("%s: mutes %v, %v; want %v", tt.line, m.mutes(tt.a), err, tt.want)
		}
	}
	for _, bad := range []string{"2026-11-28T14:00:00Z", "2026-11-28T14:00:00Z nonsense", "tomorrow long-wait", "2h *", "2026-11-28T14:00:00Z *:"} {
		if m, err := parseMute(bad); err == nil {
			t.Errorf("%s: %+v, want an error", bad, m)
		}
	}
}

func TestParseMuteFlag(t *testing.T) {
	now := locktest.Epoch
	for _, tt := range []struct {
		text  string
		watch bool
		until time.Time
		ok    bool
	}{
		{"long-wait=2h", true, now.Add(2 * time.Hour), true},
		{"long-wait=2h", false, now, false},
		{"long-wait=2100-01-01T00:00:00Z", false, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), true},
		{"*:/a=b/**=90m", true, now.Add(90 * time.Minute), true},
		{"long-wait", true, now, false},
		{"long-wait=", true, now, false},
		{"long-wait=-2h", true, now, false},
		{"long-wait=0", true, now, false},
		{"long-wait=tomorrow", true, now, false},
		{"nonsense=2h", true, now, false},
		{"=2h", true, now, false},
		{"long-wait:=2h", true, now, false},
		{"", true, now, false},
	} {
		f := Flags{Watch: tt.watch, Mute: []string{tt.text}}
		err := f.parseFlags(now)
		if (err == nil) != tt.ok || tt.ok && !f.muted[0].until.Equal(tt.until) {
			t.Errorf("%+v: %+v, %v", tt, f.muted, err)
		}
		if err != nil && !strings.Contains(err.Error(), "--mute "+tt.text) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

// TestMutedByFlag: what is muted for a time is passed on when that is over.
func TestMutedByFlag(t *testing.T) {
	s := newScene(t, Flags{Watch: true, Mute: []string{"long-wait:/b=1h", "long-wait:/a**=1m"}}, "")
	s.round(waiting)
	s.said("raised warning long-wait /a muted")
	s.pass(59 * time.Second)
	s.said()
	s.pass(time.Second)
	s.said("raised warning long-wait /a")
}

func TestJudge(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mutes")
	if err := os.WriteFile(file, []byte("2026-01-02T04:00:00Z deadlock"), 0o600); err != nil {
		t.Fatal(err)
	}
	findings := []diagnose.Finding{{Kind: diagnose.Deadlock, Severity: diagnose.Critical}, {Kind: diagnose.NoSpace, Severity: diagnose.Warning}}
	for _, tt := range []struct {
		f    Flags
		all  []diagnose.Finding
		want bool
	}{
		{Flags{}, findings[1:], false},
		{Flags{FailOn: "critical"}, findings[1:], false},
		{Flags{FailOn: "warning"}, findings[1:], true},
		{Flags{FailOn: "notice"}, findings[1:], true},
		{Flags{FailOn: "critical", Mutes: file}, findings[:0], false},
		{Flags{FailOn: "warning", Mute: []string{"no-space=2026-01-02T04:00:00Z"}}, findings[1:], false},
		{Flags{FailOn: "warning", Mute: []string{"deadlock=2026-01-02T04:00:00Z"}}, findings[1:], true},
		{Flags{FailOn: "warning", Mute: []string{"no-space=2020-01-02T04:00:00Z"}}, findings[1:], true},
	} {
		if err := tt.f.parseFlags(locktest.Epoch); err != nil {
			t.Fatal(err)
		}
		if err := tt.f.Judge(t.Context(), tt.all, locktest.Epoch); errors.Is(err, ErrFound) != tt.want {
			t.Errorf("%+v: %v", tt.f, err)
		}
	}
	if err := (&Flags{FailOn: "critical", Mutes: file + "x"}).Judge(t.Context(), nil, locktest.Epoch); err == nil || errors.Is(err, ErrFound) {
		t.Errorf("without the file: %v", err)
	}
}

func TestCheck(t *testing.T) {
	for args, ok := range map[string]bool{
		"": true, "--watch": true, "--fail-on critical": true, "--fail-on bad": false, "--watch --fail-on notice": false,
		"--exec true": false, "--watch --exec go": true, "--watch --exec /there/is/none": false, "--watch --webhook http://h/x": true,
		"--watch --webhook ftp://h/x": false, "--watch --webhook http:": false, "--mutes f": false, "--watch --mutes f": true, "--watch --clear-after -1s": false,
		"--clear-after 1s": false, "--mute long-wait=2h": false, "--watch --mute long-wait=2h": true, "--watch --mute long-wait": false,
		"--fail-on notice --mute long-wait=2h": false,
	} {
		var f Flags
		fs := pflag.NewFlagSet("why", pflag.ContinueOnError)
		f.Register(fs)
		if err := fs.Parse(strings.Fields(args)); err != nil {
			t.Fatal(err)
		}
		if err := f.Check(fs, false); (err == nil) != ok {
			t.Errorf("%q: %v", args, err)
		}
	}
	if err := (&Flags{Watch: true}).Check(pflag.NewFlagSet("why", pflag.ContinueOnError), true); err == nil {
		t.Error("the past is watched")
	}
}
