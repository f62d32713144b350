package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/patrol"
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
// locks, and beside a process that has read the locks and keeps them.
func (c crowd) resident() {
	source := inspect.NewSource(etcdtest.Client(c.T, c.endpoint))
	read := use(func() any { return c.readLocks(source) })
	rows := [][]string{{"memory of `record`", "resident at the end", "at its peak"}}
	for _, r := range []struct {
		name  string
		start func() *exec.Cmd
	}{
		{"a recorder without locks", func() *exec.Cmd { return c.recorder("/none/") }},
		{"a recorder", func() *exec.Cmd { return c.recorder(c.prefix) }},
		{"a process that has read the locks", c.picture},
	} {
		p := r.start()
		c.writeElsewhere()
		rows = append(rows, []string{r.name, memoryOf(c.T, p, "VmRSS"), memoryOf(c.T, p, "VmHWM")})
		c.must(p.Process.Signal(syscall.SIGTERM))
		_ = p.Wait()
	}
	rows = append(rows, []string{"the locks as they are read: heap", mebibytes(read.live), mebibytes(read.peak)})
	c.table("The memory of a recorder", rows)
}

// picture starts a process that reads the locks and keeps them, and returns once it has.
func (c crowd) picture() *exec.Cmd {
	cmd := c.program("picture", c.endpoint, c.prefix)
	out, err := cmd.StdoutPipe()
	c.must(err)
	c.must(cmd.Start())
	if _, err := out.Read(make([]byte, 1)); err != nil {
		c.Error(err)
	}
	return cmd
}

// keepPicture reads locks as a recorder does, says so, and keeps them.
func keepPicture(endpoint, prefix string) {
	defer patrol.BeModest(true)()
	client, err := etcd.Config{Endpoints: []string{endpoint}, DialTimeout: 5 * time.Second}.Connect(context.Background())
	if err != nil {
		return
	}
	locks, err := inspect.NewSource(client).Snapshot(context.Background(), prefix)
	if err != nil {
		return
	}
	debug.FreeOSMemory()
	_, _ = os.Stdout.Write([]byte{'.'})
	time.Sleep(time.Hour) // until it is ended
	runtime.KeepAlive(locks)
}

// program is another program of the test binary, which ends with the test.
func (c crowd) program(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(c.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), programEnv+"="+name, "XDG_CONFIG_HOME="+c.TempDir(), "GORACE=atexit_sleep_ms=0")
	return cmd
}

// recorder starts the program, and returns once it has written something.
func (c crowd) recorder(prefix string) *exec.Cmd {
	dir := c.TempDir()
	cmd := c.program("etcd-lock", "--endpoints", c.endpoint, "record", dir, prefix)
	c.must(cmd.Start())
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
