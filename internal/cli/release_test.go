package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

func TestReleaseOptions(t *testing.T) {
	tests := []struct {
		args string
		want releaseTarget
		err  string
	}{
		{"--request k", releaseTarget{key: "k"}, ""},
		{"--lease 1f", releaseTarget{lease: "1f"}, ""},
		{"--lease fffffffffffffffb", releaseTarget{lease: "fffffffffffffffb"}, ""},
		{"--lease -5", releaseTarget{lease: "-5"}, ""}, // as etcdctl takes a negative ID
		{"/a --holder --session", releaseTarget{name: "/a", holder: true, session: true}, ""},
		{"/a --waiter 2", releaseTarget{name: "/a", waiter: 2}, ""},
		{"", releaseTarget{}, "choose exactly one of"},
		{"/a", releaseTarget{}, "choose exactly one of"},
		{"--holder", releaseTarget{}, "choose exactly one of"},
		{"/a --request k", releaseTarget{}, "choose exactly one of"},
		{"/a --holder --waiter 2", releaseTarget{}, "choose exactly one of"},
		{"--lease 1f --session", releaseTarget{}, "--session requires NAME"},
		{"/a --waiter 0", releaseTarget{}, "count from 1"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			var got releaseTarget
			cmd := newReleaseCmd(&app{}, func(_ context.Context, opts *releaseOptions) error {
				got = opts.target
				return nil
			})
			err := execute(cmd, tt.args)
			if tt.err == "" && (err != nil || got != tt.want) {
				t.Errorf("target %+v, %v; want %+v", got, err, tt.want)
			}
			if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

func TestReleaseOfAnEmptyName(t *testing.T) {
	for _, args := range [][]string{{"", "--holder"}, {"", "--waiter", "1"}} {
		cmd := newReleaseCmd(&app{}, func(context.Context, *releaseOptions) error { return nil })
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetArgs(args)
		if err := cmd.Execute(); err == nil || !strings.Contains(err.Error(), "NAME is empty") {
			t.Errorf("%q: error %v", args, err)
		}
	}
}

func TestReleaseChoose(t *testing.T) {
	locks := aSnapshot().Locks
	blockedBy := func(key string) []inspect.Lock {
		id := inspect.LockID{Layout: layout.Mutex, Name: "/a"}
		waiter := inspect.Request{Key: "/a/1f", Lock: id, Mode: keyspace.Write, Lease: 0x1f, Revision: 5}
		return []inspect.Lock{inspect.NewLock(id, []inspect.Request{waiter}, inspect.Request{Key: key, Revision: 3})}
	}
	blocked, detached := blockedBy("/a/b"), blockedBy("/a/694d95a3f2c41d07")
	tests := []struct {
		name   string
		target releaseTarget
		locks  []inspect.Lock
		key    string
		err    string
	}{
		{"Waiter", releaseTarget{waiter: 3}, locks[:1], "/a/write/3", ""},
		{"Holder", releaseTarget{holder: true}, locks[1:], "\xff/5", ""},
		{"TwoHolders", releaseTarget{name: "/a", holder: true}, locks[:1], "", "/a has 2 such requests"},
		{"HolderIsNoWaiter", releaseTarget{name: "/a", waiter: 1}, locks[:1], "", "no waiter at position 1 of /a"},
		{"NoHolder", releaseTarget{name: "/a", holder: true}, blocked, "", "no request holds /a"},
		{"Detached", releaseTarget{name: "/a", holder: true}, detached, "/a/694d95a3f2c41d07", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.target.choose(cmdline.Flags{}, tt.locks)
			if tt.err == "" && (err != nil || got.Key != tt.key) {
				t.Errorf("%q, %v", got.Key, err)
			}
			if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

// releaser is release of the holder of /r against an etcd that has one.
func releaser(t *testing.T, in string) (*releaseOptions, *clientv3.Client, *bytes.Buffer) {
	t.Helper()
	endpoint := etcdtest.Start(t)
	client := etcdtest.Client(t, endpoint)
	if _, err := client.Put(t.Context(), "/r/write/1", ""); err != nil {
		t.Fatal(err)
	}
	g := globals{connection: connect.Options{
		Etcd:    etcd.Config{Endpoints: []string{endpoint}, DialTimeout: 10 * time.Second},
		Timeout: 10 * time.Second,
	}}
	var out bytes.Buffer
	return &releaseOptions{
		target: releaseTarget{name: "/r", holder: true}, connect: g.connect,
		in: strings.NewReader(in), out: output.Printer{Writer: &out}, err: &out, now: time.Now,
	}, client, &out
}

func held(t *testing.T, client *clientv3.Client) bool {
	t.Helper()
	resp, err := client.Get(t.Context(), "/r/write/1")
	if err != nil {
		t.Fatal(err)
	}
	return len(resp.Kvs) == 1
}

// Anything but a yes is a no.
func TestReleaseAsks(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"y\n": true, "YES\n": true, "n\n": false, "\n": false, "": false, "yesterday\n": false} {
		opts, client, out := releaser(t, answer)
		plan := func() error {
			c, err := opts.connect(t.Context())
			if err != nil {
				return err
			}
			defer c.Close()
			return opts.release(t.Context(), c)
		}
		if err := plan(); (err == nil) != want || !want && !errors.Is(err, errNotConfirmed) {
			t.Errorf("answer %q: %v", answer, err)
		}
		if held(t, client) == want || !strings.Contains(out.String(), "Release it? [y/N]") {
			t.Errorf("answer %q: held %t, said %s", answer, held(t, client), out)
		}
	}
}

// What cannot be written down is not done.
func TestReleaseNeedsItsAuditLog(t *testing.T) {
	opts, client, _ := releaser(t, "")
	opts.yes, opts.audit = true, filepath.Join(t.TempDir(), "none", "audit.log")
	if err := releaseRun(t.Context(), opts); !errors.Is(err, os.ErrNotExist) || !held(t, client) {
		t.Errorf("release = %v, held %t", err, held(t, client))
	}
}

func TestReleaseNeedsATerminalOrYes(t *testing.T) {
	opts := &releaseOptions{in: strings.NewReader("y\n")}
	if err := runResult(releaseRun(t.Context(), opts)); exitCode(err) != exitUsage {
		t.Errorf("release = %v", err)
	}
}

// The preview of a session of over 128 keys says how many go, and how they are checked.
func TestReleaseManyKeys(t *testing.T) {
	opts, client, out := releaser(t, "")
	lease, err := client.Grant(t.Context(), 60)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 129 {
		if _, err := client.Put(t.Context(), fmt.Sprintf("/m/%d/write/1", i), "", clientv3.WithLease(lease.ID)); err != nil {
			t.Fatal(err)
		}
	}
	opts.target, opts.yes = releaseTarget{lease: format.Lease(int64(lease.ID))}, true
	if err := releaseRun(t.Context(), opts); err != nil || !held(t, client) {
		t.Fatalf("release = %v, another holder's key is there: %t", err, held(t, client))
	}
	for _, want := range []string{"129 keys are removed, too many for one transaction", "released at revision"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
