package cli

import (
	"context"
	"errors"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
)

// TestScripts tells users' stories, each with an etcd of its own at $ENDPOINT.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   cmdExits,
			"request": cmdRequest,
			"put":     cmdPut,
		},
	})
}

func setup(env *testscript.Env) error {
	member, err := etcd.StartEmbedded(context.Background(), etcd.EmbeddedConfig{})
	if err != nil {
		return err
	}
	env.Defer(member.Close)
	env.Setenv("ENDPOINT", member.Endpoint())
	env.Setenv("GORACE", "atexit_sleep_ms=0") // else each command under -race takes a second more
	// A story's clients end before its etcd does.
	t := &storyT{TB: env.T().(testing.TB), env: env}
	env.Values["locks"] = &locks{tb: t, client: etcdtest.Client(t, member.Endpoint())}
	return nil
}

// storyT cleans up at the end of a story.
type storyT struct {
	testing.TB
	env *testscript.Env
}

func (t *storyT) Cleanup(f func()) { t.env.Defer(f) }

// cmdExits runs a command that must exit with a code: exits CODE PROGRAM ARGS.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || neg {
		ts.Fatalf("usage: exits code program args...")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exited with %d, want %d", code, want)
	}
}

// cmdRequest asks for a lock: request read|write|mutex NAME [LABEL].
func cmdRequest(ts *testscript.TestScript, _ bool, args []string) {
	l := ts.Value("locks").(*locks)
	if args[0] == "mutex" {
		l.mutex(args[1])
		return
	}
	l.request(args[0], args[1], args[2])
}

// cmdPut writes a key, named as a Go string says it: put KEY VALUE.
func cmdPut(ts *testscript.TestScript, _ bool, args []string) {
	key, err := strconv.Unquote(`"` + args[0] + `"`)
	if err == nil {
		_, err = ts.Value("locks").(*locks).client.Put(context.Background(), key, args[1])
	}
	ts.Check(err)
}
