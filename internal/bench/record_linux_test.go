package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
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

func (c crowd) recorded() {
	ways := c.watches()[1:]
	used := make([][]float64, len(ways))
	for range c.rounds {
		for i, way := range ways {
			used[i] = append(used[i], c.perEvent(way.watch))
		}
	}
	rows := [][]string{{fmt.Sprintf("%d events/s on %d locks, %d requests", c.rate, c.locks, c.locks*c.queue), "processor, an event", "× a bare watch"}}
	for i, way := range ways {
		rows = append(rows, []string{way.name, fmt.Sprintf("%.1f µs", median(used[i])), ratio(median(used[i]), median(used[0]))})
	}
	c.table("What recording costs", rows)
}

// perEvent returns the processor time that this process uses for each event of a watch, in
// microseconds: a busy machine writes fewer.
func (c crowd) perEvent(watch func(context.Context, *atomic.Int64)) float64 {
	var seen atomic.Int64
	ctx, cancel := context.WithCancel(c.Context())
	var watching sync.WaitGroup
	watching.Go(func() { watch(ctx, &seen) })
	etcdtest.Eventually(c.T, "the watch is there", func() bool { return seen.Load() > 0 })
	runtime.GC()
	first, busy := seen.Load(), processTime(c.T)
	c.writeElsewhere()
	used := processTime(c.T) - busy
	events := max(1, seen.Load()-first)
	cancel()
	watching.Wait()
	return float64(used.Microseconds()) / float64(events)
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
