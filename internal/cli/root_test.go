package cli

import (
	"bytes"
	"context"
	"errors"
	"reflect"
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
	for _, args := range [][]string{nil, {"--ascii"}, {"--audit", "log"}, {"--class", "/a/**"}, {"--read-only", "--ascii=true", "--audit=log"}} {
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
