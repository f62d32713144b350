package cli

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"reflect"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// parseExec runs a command line up to where the locks would be taken.
func parseExec(t *testing.T, args ...string) (*execOptions, error) {
	t.Helper()
	var got *execOptions
	a := &app{System: System{Args: args, Err: &bytes.Buffer{}}}
	cmd := newExecCmd(a, func(_ context.Context, opts *execOptions) error {
		got = opts
		return opts.check()
	})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	return got, cmd.Execute()
}

func TestExecOptions(t *testing.T) {
	got, err := parseExec(t, "--read", "/a", "--wait", "1m", "/b", "--", "/bin/ls", "--wait", "-l", "--", "x")
	if err != nil {
		t.Fatal(err)
	}
	want := &execOptions{
		names: []string{"/a", "/b"}, mode: keyspace.Read, command: []string{"/bin/ls", "--wait", "-l", "--", "x"},
		wait: time.Minute, conflictCode: 3, ttl: 15 * time.Second, label: "ls", err: got.err,
	}
	if got.connect = nil; !reflect.DeepEqual(got, want) {
		t.Errorf("options\n%+v\nwant\n%+v", got, want)
	}
	got, err = parseExec(t, "/a", "--try", "--conflict-exit-code", "0", "--ttl", "1s", "--label", "l", "--quiet", "--", "x")
	if err != nil || !got.try || got.conflictCode != 0 || got.ttl != time.Second || got.label != "l" || !got.quiet || got.mode != keyspace.Write {
		t.Errorf("options %+v, %v", got, err)
	}
}

func TestExecErrUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"put -- before the command: etcd-lock exec NAME -- CMD":                                    {"/a", "ls"},
		"unknown shorthand flag: 'l' in -l; put -- before the command: etcd-lock exec NAME -- CMD": {"/a", "ls", "-l"},
		"unknown shorthand flag: 'l' in -l":                                                        {"/a", "-l", "--", "ls"},
		"no lock NAME before --":                                                                   {"--", "ls"},
		"no command after --":                                                                      {"/a", "--"},
		"rwlock: lock name is empty":                                                               {"/a", "", "--", "ls"},
		"lock /a is named twice":                                                                   {"/a", "/b", "/a", "--", "ls"},
		"--wait 0s: must be more than 0; --try does not wait at all":                               {"--wait", "0s", "/a", "--", "ls"},
		"--try and --wait exclude each other":                                                      {"--wait", "1s", "--try", "/a", "--", "ls"},
		"--conflict-exit-code 256: must be 0 to 255":                                               {"--conflict-exit-code", "256", "/a", "--", "ls"},
		"--ttl 1.5s: must be whole seconds, 1s at least":                                           {"--ttl", "1500ms", "/a", "--", "ls"},
		"--ttl 0s: must be whole seconds, 1s at least":                                             {"--ttl", "0s", "/a", "--", "ls"},
	} {
		t.Run(want, func(t *testing.T) {
			if _, err := parseExec(t, args...); err == nil || err.Error() != want {
				t.Errorf("%q: %v", args, err)
			}
		})
	}
}

func TestCannotRun(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code int
		text string
	}{
		{&exec.Error{Name: "x", Err: exec.ErrNotFound}, 127, "x: command not found"},
		{&exec.Error{Name: "x", Err: fs.ErrNotExist}, 127, "x: command not found"},
		{&exec.Error{Name: "x", Err: fs.ErrPermission}, 126, "x: permission denied"},
		{errors.New("exec format error"), 126, "x: exec format error"},
	} {
		if err := runResult(cannotRun("x", tt.err)); exitCode(err) != tt.code || err.Error() != tt.text {
			t.Errorf("cannotRun(%v) = %v, exits with %d", tt.err, err, exitCode(err))
		}
	}
}

func TestExitError(t *testing.T) {
	for _, tt := range []struct {
		err    error
		code   int
		silent bool
	}{
		{exitError{code: 7}, 7, true},
		{runResult(exitError{code: 7}), 7, true},
		{runResult(exitError{code: 0, err: errors.New("e")}), 0, false},
		{runResult(errors.New("e")), 1, false},
	} {
		if exitCode(tt.err) != tt.code || isSilent(tt.err) != tt.silent {
			t.Errorf("%#v exits with %d, silent: %v", tt.err, exitCode(tt.err), isSilent(tt.err))
		}
	}
}

// TestDemand has a lease of 60 s that runs out at noon.
func TestDemand(t *testing.T) {
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	for _, tt := range []struct {
		name string
		lost time.Time
		now  time.Time
		want demand
		next time.Time
	}{
		{"renewed just now", time.Time{}, at(-60), goOn, at(-20)},
		{"two thirds gone", time.Time{}, at(-20), endIt, at(-3)},
		{"the rest gone, less a margin", time.Time{}, at(-3), killIt, time.Time{}},
		{"long gone, after a suspension", time.Time{}, at(3600), killIt, time.Time{}},
		{"deleted just now", at(-50), at(-50), endIt, at(-30)},
		{"deleted a third of the TTL ago", at(-50), at(-30), killIt, time.Time{}},
		{"deleted near the end", at(-10), at(-10), endIt, at(-3)},
		{"deleted near the end, later", at(-10), at(-3), killIt, time.Time{}},
		{"deleted at the end", at(0), at(0), killIt, time.Time{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := hold{deadline: noon, ttl: time.Minute, lost: tt.lost}
			if got, next := h.demand(tt.now); got != tt.want || !next.Equal(tt.next) {
				t.Errorf("demand = %d until %v, want %d until %v", got, next, tt.want, tt.next)
			}
		})
	}
}

func TestObstacle(t *testing.T) {
	id := inspect.LockID{Layout: keyspace.RWLock, Name: "/a"}
	const r, w = keyspace.Read, keyspace.Write
	queue := func(modes ...keyspace.Mode) inspect.Lock {
		l := inspect.Lock{ID: id}
		for i, m := range modes {
			l.Queue = append(l.Queue, inspect.Request{
				Key: string(rune('a' + i)), Lock: id, Mode: m, Lease: int64(0x10 + i), Revision: int64(i + 1), Holding: i == 0,
			})
		}
		return l
	}
	owned := queue(w)
	owned.Queue[0].Owner, owned.Queue[0].Owned = keyspace.Owner{Host: "web-1", PID: 4711, Label: "worker"}, true
	owned.Queue[0].Since = noon.Add(-12 * time.Second)
	bare := queue(w)
	bare.Queue[0].Lease = 0
	for _, tt := range []struct {
		name string
		lock inspect.Lock
		me   int64
		mode keyspace.Mode
		want string // empty for nobody in the way
	}{
		{"owner", owned, 0, w, "/a: held by worker 4711@web-1 (write, asked 12s ago)"},
		{"no owner", queue(w), 0, r, "/a: held by lease 10 (write)"},
		{"no owner and no lease", bare, 7, r, "/a: held by key a (write)"},
		{"free", inspect.Lock{}, 0, w, ""},
		{"reader beside readers", queue(r, r), 0, r, ""},
		{"reader that has its lock", queue(r, r, w), 0x11, r, ""},
		{"writer behind readers", queue(r, r, w), 0x12, w, "/a: held by lease 10 (read), 1 more before us"},
		{"reader behind a writer that waits", queue(r, w, r), 0x12, r, "/a: held by lease 10 (read), 1 more before us"},
		{"reader among readers behind a writer", queue(w, r, r), 0x12, r, "/a: held by lease 10 (write)"},
		{"those behind us", queue(w, w, w), 0x11, w, "/a: held by lease 10 (write)"},
		{"one that was not let in", queue(w, w), 0, w, "/a: held by lease 10 (write), 1 more before us"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, ok := newObstacle(tt.lock, tt.me, tt.mode)
			got := ""
			if ok {
				got = n.text(noon)
			}
			if got != tt.want {
				t.Errorf("text %q, want %q", got, tt.want)
			}
		})
	}
}
