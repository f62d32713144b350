package flight

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"etcd-lock/internal/layout"
)

var kills = flag.Int("kills", 10, "how often the recorder is killed")

// TestKilled: whenever the recorder is killed, nothing that was durable is lost, and what
// is missing shows.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var durable [][2]int64 // revisions from, to of each run
	var last int64
	for range *kills {
		from := last + 100 // what was recorded and not said is less
		if last = runAndKill(t, dir, from); last > from {
			durable = append(durable, [2]int64{from + 1, last})
		}
	}
	recording, err := Open(dir, layout.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	for i, run := range durable {
		for _, revision := range []int64{run[0], (run[0] + run[1]) / 2, run[1]} {
			m, err := recording.Rev(revision)
			check(t, m, err, revision)
		}
		if i == 0 {
			continue
		}
		m, err := recording.Rev(run[0] - 1)
		if err != nil || m.Snapshot.Revision > run[0]-1 || len(m.Doubts) == 0 {
			t.Errorf("the gap before revision %d does not show: %q, %v", run[0], m.Doubts, err)
		}
	}
}

// runAndKill records from a revision on, kills the recorder, and returns the last revision
// of which it said that it is durable.
func runAndKill(t *testing.T, dir string, from int64) (last int64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir, fmt.Sprintf("%s_FROM=%d", childEnv, from))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	last = from
	lines := bufio.NewScanner(out)
	for range rand.IntN(40) {
		if !lines.Scan() {
			t.Fatal("the recorder ended by itself")
		}
		last, _ = strconv.ParseInt(lines.Text(), 10, 64)
	}
	time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond) // anywhere in what it does
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // what it said before it was killed
		last, _ = strconv.ParseInt(lines.Text(), 10, 64)
	}
	_ = cmd.Wait()
	return last
}
