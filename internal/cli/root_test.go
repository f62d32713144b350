package cli

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"etcd-lock/internal/console"
)

// TestRootIsTUI: without the word tui, the program takes the same flags and does the
// same.
func TestRootIsTUI(t *testing.T) {
	run := func(args ...string) (opts *tuiOptions, err error) {
		a := &app{System: System{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}, Getenv: env()}}
		tui := newTUICmd(a, func(_ context.Context, o *tuiOptions) error { opts = o; return nil })
		root := newRootCmdWith(a, tui)
		root.SetArgs(args)
		return opts, errors.Join(root.Execute(), err)
	}
	for _, args := range [][]string{{}, {"--ascii"}, {"--audit", "log"}, {"--class", "/a/**"}, {"--read-only", "--ascii=true", "--audit=log"}} {
		bare, err := run(args...)
		named, namedErr := run(append([]string{"tui"}, args...)...)
		if err != nil || namedErr != nil {
			t.Fatalf("%q: %v, %v", args, err, namedErr)
		}
		for _, o := range []*tuiOptions{bare, named} {
			o.connect, o.Now, o.Out = nil, nil, nil // which cannot be compared
		}
		if !reflect.DeepEqual(bare, named) || len(args) > 0 && reflect.DeepEqual(bare.Options, console.Options{}) {
			t.Errorf("%q: %+v, with tui: %+v", args, bare, named)
		}
	}
	if _, err := run("ls", "--ascii"); err == nil {
		t.Error("ls takes --ascii")
	}
}

// TestEmptyFlags: a flag that is given and empty is refused, and does not mean that it is not
// given.
func TestEmptyFlags(t *testing.T) {
	run := func(args ...string) error {
		a := &app{System: System{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}, Getenv: env()}}
		root := newRootCmdWith(a, newTUICmd(a, func(context.Context, *tuiOptions) error { return nil }))
		root.SetArgs(args)
		return root.Execute()
	}
	for _, args := range []string{
		"--audit=", "tui --audit=", "export --listen=", "why --fail-on=", "why --fail-on critical --mutes=", "profile --html=",
		"profile --recording=", "snapshot x --recording=", "record x --follow-from=", "release /a --audit=",
		"simulate run x --report=", "simulate run x --junit=", "simulate record --file=",
	} {
		if err := run(strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), "must not be empty") {
			t.Errorf("%s: %v", args, err)
		}
	}
	if err := run("--cacert=", "--user="); err != nil {
		t.Errorf("flags of etcdctl: %v", err)
	}
}
