package cluster_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// No thread of a stopped member runs, however busy the machine is.
func TestStoppedMemberDoesNotRun(t *testing.T) {
	m := start(t, 1).Members()[0]
	for range 100 {
		if err := m.Stop(); err != nil {
			t.Fatal(err)
		}
		for thread, state := range threads(t, m.PID()) {
			if state != "T" {
				t.Fatalf("thread %s of a stopped member is in state %s", thread, state)
			}
		}
		if err := m.Continue(); err != nil {
			t.Fatal(err)
		}
	}
}

// threads returns the state of each thread of a process, by thread.
func threads(t *testing.T, pid string) map[string]string {
	t.Helper()
	states := map[string]string{}
	files, err := filepath.Glob("/proc/" + pid + "/task/*/stat")
	if err != nil || len(files) == 0 {
		t.Fatalf("threads of %s: %v, %v", pid, files, err)
	}
	for _, f := range files {
		stat, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		// The name, in parentheses, may contain anything.
		after := string(stat[strings.LastIndex(string(stat), ")")+1:])
		states[filepath.Base(filepath.Dir(f))] = strings.Fields(after)[0]
	}
	return states
}
