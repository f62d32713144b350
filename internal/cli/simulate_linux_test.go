package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
)

// TestSimulateInterrupted presses ctrl-C at a run that is in the middle of it:
// no process, file or key of it stays.
func TestSimulateInterrupted(t *testing.T) {
	t.Parallel()
	member := etcdtest.Start(t)
	tests := []struct{ name, scenario, flag string }{
		{"a cluster of its own", "cluster: 1\nfaults: [{at: 10ms, cut: w}]\n", "--embedded"},
		{"an etcd of others", "", "--endpoints=" + member},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "s.yaml")
			const clients = `name: s
ttl: 60s
clients:
- {name: h, steps: [{write: /s}, {wait: 60s}]}
- {name: w, after: 50ms, steps: [{write: /s, within: 60s}]}
`
			if err := os.WriteFile(file, []byte(clients+tt.scenario), 0o600); err != nil {
				t.Fatal(err)
			}
			tmp := t.TempDir()
			tm := startTerminal(t, tmp, "simulate", "run", file, tt.flag)
			tm.WaitFor("writes") // in the legend, once one holds
			tm.Press("\x03")
			tm.WaitFor("interrupted")
			if err := tm.Wait(); tm.Cmd.ProcessState.ExitCode() != exitFailed {
				t.Errorf("exits with %v", err)
			}
			if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
				t.Errorf("left in the temporary folder: %v, %v", left, err)
			}
			if left := processesIn(t, tmp); len(left) > 0 {
				t.Errorf("processes are left: %v", left)
			}
		})
	}
	resp, err := etcdtest.Client(t, member).Get(context.Background(), "", clientv3.WithPrefix())
	if err != nil || resp.Count != 0 {
		t.Errorf("left in etcd: %v, %v", resp, err)
	}
}

// processesIn are those whose temporary folder is tmp.
func processesIn(t *testing.T, tmp string) []int {
	t.Helper()
	all, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, e := range all {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		env, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err == nil && bytes.Contains(env, []byte("TMPDIR="+tmp+"\x00")) {
			found = append(found, pid)
		}
	}
	return found
}
