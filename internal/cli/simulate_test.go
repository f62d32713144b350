package cli

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"testing"

	"etcd-lock/simulate/scenario"
)

// TestSimulateFourClients is the main job: the sample's lines, and 0. Its
// clients start 100 ms apart, which a machine under load may not keep; then
// the exit code says so, and it runs again at a fraction of the speed.
func TestSimulateFourClients(t *testing.T) {
	t.Parallel()
	sc, err := scenario.Find("four-clients")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join(sc.Expect.Log, "\n") + "\n"
	for _, speed := range []string{"1", "0.5", "0.2", "0.1"} {
		var out, errs bytes.Buffer
		args := []string{"simulate", "run", "four-clients", "--embedded", "--dial-timeout", "10s", "--speed", speed}
		code := Main(System{Args: args, Out: &out, Err: &errs, Getenv: env()})
		if code == exitDone && out.String() == want && errs.String() == "" {
			return
		}
		if code != exitExpectation {
			t.Fatalf("exits with %d: %s\n%s", code, errs.String(), out.String())
		}
		t.Logf("at a speed of %s: %s\n%s", speed, errs.String(), out.String())
	}
	t.Error("the expectations of the sample were not met")
}

// TestSimulateRunFlags holds what flags come to, and the command that runs it again.
func TestSimulateRunFlags(t *testing.T) {
	args := []string{
		"sc'1.yaml", "--seed", "7", "--speed", "2.5", "--repeat", "3", "--prefix", "/p ", "--junit", "j", "--report", "r",
		"--user", "u:secret", "--endpoints", "a:1,b:2", "--read-only", "-o", "json",
	}
	var got *simulateRunOptions
	a := &app{System: System{Out: &bytes.Buffer{}, Getenv: env()}}
	cmd := newSimulateRunCmd(a, func(_ context.Context, o *simulateRunOptions) error { got = o; return nil })
	a.register(cmd.Flags())
	cmd.SetArgs(args)
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	if got.Seed != 7 || got.speed != 2.5 || got.Prefix != "/p " {
		t.Errorf("options %+v", got)
	}
	if got.scenario != "sc'1.yaml" || got.repeat != 3 || got.junit != "j" || got.page != "r" || !got.readOnly {
		t.Errorf("options %+v", got)
	}
	const again = `etcd-lock simulate run 'sc'\''1.yaml' --seed 8 --endpoints=a:1,b:2 '--prefix=/p ' --read-only --speed=2.5 --user=u`
	if s := got.again(8); s != again {
		t.Errorf("again\n%s\nwant\n%s", s, again)
	}
}

func TestVersion(t *testing.T) {
	info := &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"},
	}}
	if got, want := fmt.Sprint(newVersionDoc(info, true)), "etcd-lock v1.2.3 (abc, modified, 2026-01-02T03:04:05Z) go"; !strings.HasPrefix(got, want) {
		t.Errorf("version %q, want %q…", got, want)
	}
	if got := fmt.Sprint(newVersionDoc(nil, false)); !strings.HasPrefix(got, "etcd-lock (devel) go") {
		t.Errorf("version without build information %q", got)
	}
}
