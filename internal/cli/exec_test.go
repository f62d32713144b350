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

	"etcd-lock/internal/hint"
	"etcd-lock/rwlock"
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
		names: []string{"/a", "/b"}, mode: rwlock.Read, command: []string{"/bin/ls", "--wait", "-l", "--", "x"},
		wait: time.Minute, conflictCode: 3, ttl: 15 * time.Second, label: "ls", weight: 1, err: got.err,
	}
	if got.connect = nil; !reflect.DeepEqual(got, want) {
		t.Errorf("options\n%+v\nwant\n%+v", got, want)
	}
	got, err = parseExec(t, "/a", "--try", "--conflict-exit-code", "0", "--ttl", "1s", "--label", "l", "--quiet", "--", "x")
	if err != nil || !got.try || got.conflictCode != 0 || got.ttl != time.Second || got.label != "l" || !got.quiet || got.mode != rwlock.Write {
		t.Errorf("options %+v, %v", got, err)
	}
}

func TestExecErrUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"no command given":                               {"/a", "ls"},
		"unknown shorthand flag: 'l' in -l":              {"/a", "ls", "-l"},
		"no lock NAME before --":                         {"--", "ls"},
		"no command after --":                            {"/a", "--"},
		"rwlock: lock name is empty":                     {"/a", "", "--", "ls"},
		"lock /a is named twice":                         {"/a", "/b", "/a", "--", "ls"},
		"--wait 0s: must be more than 0":                 {"--wait", "0s", "/a", "--", "ls"},
		"--try and --wait are mutually exclusive":        {"--wait", "1s", "--try", "/a", "--", "ls"},
		"--conflict-exit-code 256: must be 0 to 255":     {"--conflict-exit-code", "256", "/a", "--", "ls"},
		"--ttl 1.5s: must be whole seconds, at least 1s": {"--ttl", "1500ms", "/a", "--", "ls"},
		"--lock-delay -1s: must not be negative":         {"--lock-delay", "-1s", "/a", "--", "ls"},
		"--ttl 0s: must be whole seconds, at least 1s":   {"--ttl", "0s", "/a", "--", "ls"},
	} {
		t.Run(want, func(t *testing.T) {
			if _, err := parseExec(t, args...); err == nil || err.Error() != want {
				t.Errorf("%q: %v", args, err)
			}
		})
	}
}

// A flag error before -- has a hint, because the flag may be the command's.
func TestExecDashHint(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"/a", "ls", "-l"}, dashHint},
		{[]string{"/a", "ls"}, dashHint},
		{[]string{"/a", "-l", "--", "ls"}, ""},
	} {
		if _, err := parseExec(t, tt.args...); hint.Of(err) != tt.want {
			t.Errorf("%q: hint %q, want %q", tt.args, hint.Of(err), tt.want)
		}
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
