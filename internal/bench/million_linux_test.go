package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
)

// TestScreensOfMany measures how soon the terminal UI shows very many locks, how much memory
// it takes, and how soon it draws a key press then. It is compared with a read of the keys and
// values in pages, and with a minimal program.
func TestScreensOfMany(t *testing.T) {
	size := crowdScale{locks: 20, queue: 3, leases: 5}
	turns, presses, settle := 1, 3, time.Duration(0)
	if *compare {
		size = crowdScale{locks: 100_000, queue: 10, leases: 300}
		turns, presses, settle = 3, 300, time.Minute
	}
	member := etcdtest.StartProcess(t, func(cfg *etcd.EmbeddedConfig) { cfg.Durable = *compare })
	c := crowd{bench: bench{T: t, endpoint: member.Endpoint}, crowdScale: size, prefix: "/jobs/"}
	c.fill()
	client := etcdtest.Client(t, c.endpoint)
	bare := startOnTerminal(t, "bare")
	bare.WaitFor(rowName(0))
	var ui *onTerminal
	var reads, starts []time.Duration
	for range turns { // one after the other: etcd is slower for a while after so many writes
		if ui != nil {
			ui.leave()
		}
		began := time.Now()
		c.readAll(client)
		reads = append(reads, time.Since(began))
		began = time.Now()
		ui = startOnTerminal(t, "etcd-lock", "tui", c.prefix, "--endpoints", c.endpoint)
		ui.WaitFor(rowName(0))
		starts = append(starts, time.Since(began))
	}
	plain, shown := median(reads), median(starts)
	programs := []*onTerminal{bare, ui}
	coresOf(programs, settle) // until it has looked for problems
	walking := walk{programs: programs}
	took := walking.press(presses)
	cores := coresOf(programs, settle/4)

	rows := [][]string{{fmt.Sprintf("%d locks, %d requests", c.locks, c.locks*c.queue), "shown after", "resident", "at its peak", "processor", "key press to drawn, p50", "p99"}}
	first := []string{milliseconds(plain) + " (a read of all keys and values)", milliseconds(shown)}
	for i, p := range programs {
		rows = append(rows, []string{
			p.name, first[i], memoryOf(t, p.Cmd, "VmRSS"), memoryOf(t, p.Cmd, "VmHWM"), fmt.Sprintf("%.3f cores", cores[i]),
			milliseconds(median(took[i])), milliseconds(percentile99(took[i])),
		})
	}
	c.table("The terminal UI on very many locks", rows)
	c.Logf("shown after %s × the read; p99 of a key press %s × the minimal program", ratio(shown, plain), ratio(percentile99(took[1]), percentile99(took[0])))
	for _, p := range programs {
		p.leave()
	}
}

// readAll reads all keys and values in pages of 50,000: etcd counts the keys after each page,
// so that a million in pages of 1000 take minutes.
func (c crowd) readAll(client *clientv3.Client) {
	start, end := c.prefix, clientv3.GetPrefixRangeEnd(c.prefix)
	for revision, more := int64(0), true; more; {
		page, err := client.Get(context.Background(), start, clientv3.WithRange(end), clientv3.WithRev(revision), clientv3.WithLimit(50_000))
		c.must(err)
		revision, more = page.Header.Revision, page.More
		start = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
	}
}
