package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/hint"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/outcome"
)

func TestPrintError(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		err  error
		want string
	}{
		{"None", t.Context(), nil, ""},
		{"Usage", t.Context(), errors.New("unknown flag"), "error: unknown flag\nhint: see \"ls --help\"\n"},
		{"UsageWithHint", t.Context(), hint.Add(errors.New("e"), "h"), "error: e\nhint: h\n"},
		{"Run", t.Context(), runResult(errors.New("e\x1b")), "error: e\\x1b\n"},
		{"RunWithHint", t.Context(), runResult(fmt.Errorf("e: %w", hint.Add(errors.New("f"), "h"))), "error: e: f\nhint: h\n"},
		{"Silent", t.Context(), runResult(exitError{code: 7}), ""},
		{"ClosedPipe", t.Context(), runResult(syscall.EPIPE), ""},
		{"Interrupted", cancelled, runResult(context.Canceled), "error: interrupted\n"},
		{"InterruptedOtherwise", cancelled, runResult(errors.New("e")), "error: e\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			printError(tt.ctx, &b, &cobra.Command{Use: "ls"}, tt.err)
			if got := string(bytes.ReplaceAll(b.Bytes(), []byte("etcd-lock: "), nil)); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// What is tried again is said with what helps: where the user may read nothing, that is who
// may.
func TestRetrying(t *testing.T) {
	var said bytes.Buffer
	a := &app{System: System{Err: &said}}
	a.retrying(fmt.Errorf("list: %w", rpctypes.ErrPermissionDenied))
	a.retrying(errors.New("e"))
	a.retryingIn("prod", hint.Add(errors.New("e"), "h"))
	const want = "etcd-lock: warning: list: etcdserver: permission denied; trying again until it answers\n" +
		"etcd-lock: hint: etcd-lock access --check says which permissions the user has, and etcd-lock access which ones it takes\n" +
		"etcd-lock: warning: e; trying again until it answers\n" +
		"etcd-lock: warning: context prod: e; trying again until it answers\n" +
		"etcd-lock: hint: context prod: h\n"
	if said.String() != want {
		t.Errorf("%q, want %q", said.String(), want)
	}
}

func TestExitCode(t *testing.T) {
	for _, tt := range []struct {
		err    error
		code   int
		silent bool
	}{
		{nil, exitDone, false},
		{exitError{code: 7}, 7, true},
		{runResult(exitError{code: 7}), 7, true},
		{runResult(exitError{code: 0, err: errors.New("e")}), 0, false},
		{errors.New("a flag"), exitUsage, false},
		{runResult(errors.New("e")), exitFailed, false},
		{runResult(usagef("e")), exitUsage, false},
		{runResult(&connect.OptionError{Err: errors.New("e")}), exitUsage, false},
		{fmt.Errorf("configuration: %w", context.Canceled), exitFailed, false},
		{runResult(rwlock.ErrLost), exitLost, false},
		{runResult(outcome.ErrExpectation), exitExpectation, false},
	} {
		if exitCode(tt.err) != tt.code || isSilent(tt.err) != tt.silent {
			t.Errorf("%#v exits with %d, silent: %v", tt.err, exitCode(tt.err), isSilent(tt.err))
		}
	}
}
