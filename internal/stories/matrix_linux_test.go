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
	return fmt.Sprintf("\n%-16s %6d %10d %12d %7d %7d %10d  %d", name, f.Rounds, f.Grants, f.Relocks, f.Faults, f.Fenced, f.Violations, f.Failed)
}

// TestMatrix has the commands tell their story on servers of each minor version, and soaks the
// locks on clusters of them; and both while members become another version, one after the
// other. After ctrl-C it begins nothing more, and says what has run.
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
	summary := fmt.Sprintf("\n%-16s %6s %10s %12s %7s %7s %10s  %s", "etcd", "rounds", "grants", "relocks", "faults", "fenced", "violations", "seeds that failed")
	for _, tt := range []struct{ server, upgrade string }{
		{server: "3.4.23"}, {server: "3.5.35"}, {server: "3.6.1"}, {server: "3.6.9"}, {server: "3.6.16"}, {server: "3.7.3"},
		{"3.6.16", "3.7.3"},
	} {
		name := tt.server
		if tt.upgrade != "" {
			name += " to " + tt.upgrade
		}
		t.Run(name, func(t *testing.T) {
			if ctx.Err() != nil {
				t.Skip("interrupted")
			}
			path, upgrade := server(t, tt.server), ""
			if tt.upgrade != "" {
				upgrade = server(t, tt.upgrade)
				t.Run("Story", func(t *testing.T) { upgradeStory(t, path, upgrade) })
			} else {
				t.Run("Story", func(t *testing.T) { serverStory(t, tt.server) })
			}
			f := soaked(t, ctx, soak, path, upgrade)
			all.add(f)
			summary += f.line(name)
		})
	}
	t.Log(summary + all.line("in all"))
	if all.Grants == 0 {
		t.Error("nothing was run")
	}
}

// soaked runs TestSoak of package rwlock, and returns what it has come to.
func soaked(t *testing.T, ctx context.Context, soak, server, upgrade string) (f figures) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "figures")
	cmd := exec.CommandContext(ctx, soak, "-test.v", "-test.timeout", "0", "-test.run", "^TestSoak$",
		"-soak", matrix.String(), "-figures", file, "-server", server, "-upgrade", upgrade)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "../../rwlock", os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it finishes its round
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
