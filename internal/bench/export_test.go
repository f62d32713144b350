package bench

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/cli/export"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
)

// exported measures what the metrics of many locks cost, beside a watch of the locks
// alone: the processor time of this process, while another one writes.
func (c crowd) exported() {
	if *compare {
		c.writing *= 20 // diagnoses are rare
	}
	ways := []watching{c.watches()[2], {"`etcd-lock export`, scraped every 5 s", c.export}}
	c.sideBySide("What metrics cost", ways, min(c.rounds, 2), [...]string{"processor", "× watch"}, func(s spent) (float64, string) {
		return float64(s.processor) / float64(s.took), "%.3f cores"
	})
}

// spent is what a watch takes while another process writes.
type spent struct {
	processor time.Duration // of this process
	took      time.Duration
	events    int64
}

// sideBySide measures ways to follow the locks in turns, and prints what they cost, also as
// a multiple of the first. Cost returns what is compared, and its format.
func (c crowd) sideBySide(title string, ways []watching, rounds int, columns [2]string, cost func(spent) (float64, string)) {
	found := make([][]float64, len(ways))
	var format string
	for range rounds {
		for i, way := range ways {
			var n float64
			n, format = cost(c.whileWriting(way.watch))
			found[i] = append(found[i], n)
		}
	}
	rows := [][]string{{fmt.Sprintf("%d events/s on %d locks, %d requests", c.rate, c.locks, c.locks*c.queue), columns[0], columns[1]}}
	for i, way := range ways {
		rows = append(rows, []string{way.name, fmt.Sprintf(format, median(found[i])), ratio(median(found[i]), median(found[0]))})
	}
	c.table(title, rows)
}

// whileWriting measures a watch, until it has seen all that was written.
func (c crowd) whileWriting(watch func(context.Context, *atomic.Int64)) spent {
	var seen atomic.Int64
	ctx, cancel := context.WithCancel(c.Context())
	var watching sync.WaitGroup
	watching.Go(func() { watch(ctx, &seen) })
	etcdtest.Eventually(c.T, "the watch is there", func() bool { return seen.Load() > 0 })
	runtime.GC()
	first, began, busy := seen.Load(), time.Now(), processTime(c.T)
	c.writeElsewhere()
	last := c.revision()
	etcdtest.Eventually(c.T, "the watch has seen all", func() bool { return seen.Load() >= last })
	s := spent{processor: processTime(c.T) - busy, took: time.Since(began), events: seen.Load() - first}
	cancel()
	watching.Wait()
	return s
}

// writersEnv has a test process write to a crowd's locks.
const writersEnv = "ETCD_LOCK_BENCH_WRITERS"

const writersForm = "%s %s %d %d %d %d" // endpoint, prefix, locks, leases, rate, nanoseconds

// writeElsewhere locks and unlocks in a process of its own.
func (c crowd) writeElsewhere() {
	cmd := exec.Command(os.Args[0], "-test.run=^TestWriters$")
	cmd.Env = append(os.Environ(), writersEnv+"="+fmt.Sprintf(writersForm, c.endpoint, c.prefix, c.locks, c.leases, c.rate, c.writing))
	if out, err := cmd.CombinedOutput(); err != nil {
		c.Errorf("%v: %s", err, out)
	}
}

// TestWriters is the process that writes.
func TestWriters(t *testing.T) {
	c := crowd{bench: bench{T: t}}
	if os.Getenv(writersEnv) == "" {
		t.Skip("it is run by other tests")
	}
	if _, err := fmt.Sscanf(os.Getenv(writersEnv), writersForm, &c.endpoint, &c.prefix, &c.locks, &c.leases, &c.rate, &c.writing); err != nil {
		t.Fatal(err)
	}
	c.lockAndUnlock(c.writers())
}

// revision returns that of etcd.
func (c crowd) revision() int64 {
	now, err := etcdtest.Client(c.T, c.endpoint).Get(c.Context(), c.prefix, clientv3.WithCountOnly())
	c.must(err)
	return now.Header.Revision
}

// export serves metrics and scrapes them every 5 s. It notes that it has seen all once the
// locks are known.
func (c crowd) export(ctx context.Context, seen *atomic.Int64) {
	address := make(chan string, 1)
	o := &export.Options{
		Listen: "127.0.0.1:0", Prefixes: []string{c.prefix}, MaxClasses: 100, StaleAfter: time.Minute, Now: time.Now,
		Connect: func(ctx context.Context) (*connect.Conn, error) {
			return connect.Open(ctx, connect.Options{Etcd: etcd.Config{Endpoints: []string{c.endpoint}, DialTimeout: 5 * time.Second}, Timeout: 5 * time.Second})
		},
		Reach: func(_ context.Context, _ *connect.Conn, given []string) (keyspace.Prefixes, error) {
			return keyspace.NewPrefixes(given...), nil
		},
		Note:   func(text string) { address <- strings.TrimPrefix(text, "serving metrics on ") },
		Failed: func(err error) { c.Error(err) },
	}
	var scraping sync.WaitGroup
	scraping.Go(func() {
		url := <-address
		client := &http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		for pause := 50 * time.Millisecond; ctx.Err() == nil; {
			if resp, err := client.Get(url); err == nil {
				body, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if strings.Contains(string(body), "etcd_lock_locks{") {
					seen.Store(math.MaxInt64)
					pause = 5 * time.Second
				}
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		}
	})
	if err := export.Run(ctx, o); err != nil {
		c.Error(err)
	}
	scraping.Wait()
}
