package bench

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
)

// TestRecording measures what recording costs beside a bare watch of etcd's client: the
// processor time of this process, while another one writes, and the memory of the program.
func TestRecording(t *testing.T) {
	size := crowdScale{locks: 20, queue: 3, leases: 5, rounds: 1, rate: 200, writing: 200 * time.Millisecond}
	if *compare {
		size = crowdScale{locks: 10_000, queue: 10, leases: 300, rounds: 3, rate: 5000, writing: 10 * time.Second}
	}
	member := etcdtest.StartProcess(t, func(cfg *etcd.EmbeddedConfig) { cfg.Durable = *compare })
	c := crowd{bench: bench{T: t, endpoint: member.Endpoint}, crowdScale: size, prefix: "/jobs/"}
	c.fill()
	c.recorded()
	c.resident()
}

// recorded compares processor time by the event: a busy machine writes fewer.
func (c crowd) recorded() {
	columns := [...]string{"processor, an event", "× a bare watch"}
	c.sideBySide("What recording costs", c.watches()[1:], c.rounds, columns, func(s spent) (float64, string) {
		return float64(s.processor.Microseconds()) / float64(max(1, s.events)), "%.1f µs"
	})
}

// resident measures the memory of a recorder while the locks change: beside one without
// locks, and beside the locks as they are read.
func (c crowd) resident() {
	source := inspect.NewSource(etcdtest.Client(c.T, c.endpoint))
	read := use(func() any { return c.readLocks(source) })
	rows := [][]string{{"memory of `record`", "resident at the end", "at its peak"}}
	for _, prefix := range []string{"/none/", c.prefix} {
		p := c.recorder(prefix)
		c.writeElsewhere()
		rows = append(rows, []string{prefix, memoryOf(c.T, p, "VmRSS"), memoryOf(c.T, p, "VmHWM")})
		c.must(p.Process.Signal(syscall.SIGTERM))
		c.must(p.Wait())
	}
	rows = append(rows, []string{"the locks as they are read", mebibytes(read.live), mebibytes(read.peak)})
	c.table("The memory of a recorder", rows)
}

// recorder starts the program, and returns once it has written something.
func (c crowd) recorder(prefix string) *exec.Cmd {
	dir := c.TempDir()
	cmd := exec.Command(os.Args[0], "--endpoints", c.endpoint, "record", dir, prefix)
	cmd.Env = append(os.Environ(), programEnv+"=etcd-lock", "XDG_CONFIG_HOME="+c.TempDir(), "GORACE=atexit_sleep_ms=0")
	c.must(cmd.Start())
	c.Cleanup(func() { _ = cmd.Process.Kill() })
	etcdtest.Eventually(c.T, "the recorder records", func() bool {
		files, err := os.ReadDir(dir)
		for _, f := range files {
			if info, infoErr := f.Info(); infoErr == nil && strings.HasSuffix(f.Name(), ".zst") && info.Size() > 0 {
				return true
			}
		}
		return err != nil
	})
	return cmd
}

// memoryOf returns a value of a process's status.
func memoryOf(t *testing.T, p *exec.Cmd, name string) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, value, _ := strings.Cut(string(status), name+":")
	var kibibytes int
	if _, err := fmt.Sscan(value, &kibibytes); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return mebibytes(kibibytes << 10)
}
