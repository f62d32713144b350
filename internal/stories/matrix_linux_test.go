package stories

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"etcd-lock/internal/etcdtest"
)

var matrix = flag.Duration("matrix", 0, "soak the locks for so long on servers of each version, and on a cluster that is upgraded")

// figures are what TestSoak of package rwlock writes about its rounds.
type figures struct {
	Rounds, Grants, Relocks, Faults, Fenced, Violations int
	Seconds                                             float64
	Failed                                              []uint64
}

func (f *figures) add(o figures) {
	f.Rounds, f.Grants, f.Relocks = f.Rounds+o.Rounds, f.Grants+o.Grants, f.Relocks+o.Relocks
	f.Faults, f.Fenced, f.Violations = f.Faults+o.Faults, f.Fenced+o.Fenced, f.Violations+o.Violations
	f.Seconds += o.Seconds
	f.Failed = append(f.Failed, o.Failed...)
}

// line is a line of the summary.
func (f *figures) line(name string) string {
	return fmt.Sprintf("\n%-20s %6d %10d %12d %7d %7d %10d  %d", name, f.Rounds, f.Grants, f.Relocks, f.Faults, f.Fenced, f.Violations, f.Failed)
}

// TestMatrix has the commands tell their story on servers of each minor version, and soaks the
// locks on clusters of them, also beneath a restore; and both while members become another
// version, one after the other. In the last part, the clocks of members and clients jump. After ctrl-C it begins nothing more, and says what has run.
func TestMatrix(t *testing.T) {
	if *matrix == 0 {
		t.Skip("run with -matrix")
	}
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt)
	defer stop()
	soak := filepath.Join(t.TempDir(), "soak")
	if err := run("../../rwlock", "go", "test", "-c", "-o", soak, "."); err != nil {
		t.Fatal(err)
	}
	var all figures
	summary := fmt.Sprintf("\n%-20s %6s %10s %12s %7s %7s %10s  %s", "etcd", "rounds", "grants", "relocks", "faults", "fenced", "violations", "seeds that failed")
	part := func(name string, run func(*testing.T) figures) {
		t.Run(name, func(t *testing.T) {
			if ctx.Err() != nil {
				t.Skip("interrupted")
			}
			f := run(t)
			all.add(f)
			summary += f.line(name)
		})
	}
	for _, version := range []string{"3.4.23", "3.5.35", "3.6.1", "3.6.9", "3.6.16", "3.7.3"} {
		part(version, func(t *testing.T) figures {
			t.Helper()
			path := server(t, version)
			t.Run("Story", func(t *testing.T) { serverStory(t, version) })
			t.Run("Restored", func(t *testing.T) { soakRestored(ctx, t, soak, path, restorer(t, version)) })
			return soaked(ctx, t, soak, "-server", path)
		})
	}
	part("3.6.16 to 3.7.3", func(t *testing.T) figures {
		t.Helper()
		before, after := server(t, "3.6.16"), server(t, "3.7.3")
		t.Run("Story", func(t *testing.T) { upgradeStory(t, before, after) })
		return soaked(ctx, t, soak, "-server", before, "-upgrade", after)
	})
	part("clocks that jump", func(t *testing.T) figures {
		t.Helper()
		jumping := filepath.Join(t.TempDir(), "soak")
		buildJumping(t, jumping)
		return soaked(ctx, t, jumping)
	})
	t.Log(summary + all.line("in all"))
	if all.Grants == 0 {
		t.Error("nothing was run")
	}
}

// soakRestored runs TestSoakRestored of package rwlock.
func soakRestored(ctx context.Context, t *testing.T, soak, server, restorer string) {
	t.Helper()
	cmd := soakCommand(ctx, soak, "^TestSoakRestored$", "-server", server, "-etcdutl", restorer)
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		t.Error(err)
	}
}

// soakCommand runs a test of package rwlock, which finishes its round when ctx ends.
func soakCommand(ctx context.Context, soak, test string, flags ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, soak, append([]string{"-test.v", "-test.timeout", "0", "-test.run", test}, flags...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "../../rwlock", os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

// soaked runs TestSoak of package rwlock, and returns what it has come to.
func soaked(ctx context.Context, t *testing.T, soak string, flags ...string) (f figures) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "figures")
	cmd := soakCommand(ctx, soak, "^TestSoak$", append([]string{"-soak", matrix.String(), "-figures", file}, flags...)...)
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		t.Error(err)
	}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		t.Error("no figures: ", err)
	}
	if f.Violations > 0 || len(f.Failed) > 0 {
		t.Errorf("failed with the seeds %d", f.Failed)
	}
	return f
}

// upgradeStory tells the story before, between and after the upgrades of members. All the
// while, a lock is held and waited for, and watched.
func upgradeStory(t *testing.T, before, after string) {
	t.Helper()
	c := etcdtest.StartServers(t, 3, []string{before})
	u := newUser(t, "--endpoints", strings.Join(c.Endpoints(), ","))
	watch := u.start("watch", "/all/")
	watch.until("snapshot")
	ui := u.terminal("/all/")
	ui.WaitToShow("connected")
	holder := u.start("exec", "/all/the-while", "--", "cat")
	watch.until("granted", "/all/the-while")
	waiter := u.start("exec", "/all/the-while", "--", "echo", "after all upgrades")
	waiter.until("waiting for /all/the-while")
	story(u)
	for _, m := range c.Members {
		m.Upgrade(after)
		story(u)
	}
	ui.WaitToShow("/all/the-while", "contended")
	_ = holder.in.Close()
	holder.exits(0)
	waiter.exits(0)
	waiter.until("after all upgrades")
	watch.until("released", "granted", "released")
	ui.WaitToShow("/all/the-while", "free")
	ui.Press("q")
	if err := ui.Wait(); err != nil {
		t.Error(err)
	}
	watch.stop(syscall.SIGTERM)
}
