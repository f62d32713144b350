package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
)

// Limits of the commands about one lock with 100,000 requests: processor time, times that
// of ls, and bytes of JSON for each request beside what its client wrote into it.
const (
	maxTimesLs   = 1.5
	maxJSONBytes = 400
)

// TestLongQueue measures what the commands about one lock cost that has many requests,
// compared with ls on the same etcd, which reads as much.
func TestLongQueue(t *testing.T) {
	size := crowdScale{locks: 1, queue: 300, leases: 10, rounds: 1}
	if *compare {
		size = crowdScale{locks: 1, queue: 100_000, leases: 300, rounds: 9}
	}
	member := etcdtest.StartProcess(t, func(cfg *etcd.EmbeddedConfig) { cfg.Durable = *compare })
	c := crowd{bench: bench{T: t, endpoint: member.Endpoint}, crowdScale: size, prefix: "/nightly/"}
	c.fill()
	name := c.prefix + rowName(0)
	commands := [][]string{{"ls", "-o", "json"}, {"show", name}, {"show", name, "-o", "json"}, {"why", name}, {"why", name, "-o", "json"}}
	spent := make([][]spending, len(commands))
	for range c.rounds {
		for i, args := range commands {
			spent[i] = append(spent[i], c.command(args))
		}
	}
	rows := [][]string{{fmt.Sprintf("one lock, %d requests", c.queue), "processor", "× ls", "time", "bytes a request"}}
	base := median(each(spent[0], func(s spending) time.Duration { return s.processor }))
	for i, args := range commands {
		processor := median(each(spent[i], func(s spending) time.Duration { return s.processor }))
		took := median(each(spent[i], func(s spending) time.Duration { return s.took }))
		perRequest := spent[i][0].bytes / c.queue
		rows = append(rows, []string{strings.ReplaceAll(strings.Join(args, " "), name, "NAME"), milliseconds(processor), ratio(processor, base), milliseconds(took), fmt.Sprint(perRequest)})
		if own := perRequest - len(c.owner(0)); spent[i][0].json && own > maxJSONBytes {
			t.Errorf("%q: %d bytes a request, beside its owner; at most %d", args, own, maxJSONBytes)
		}
		if times := float64(processor) / float64(base); *compare && times > maxTimesLs {
			t.Errorf("%q: %.2f times the processor time of ls; at most %.1f", args, times, maxTimesLs)
		}
	}
	c.table("A lock with many requests", rows)
}

// spending is what a command costs, and how much it prints.
type spending struct {
	processor, took time.Duration
	bytes           int
	json            bool
}

// command runs the program.
func (c crowd) command(args []string) spending {
	c.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"--endpoints", c.endpoint}, args...)...)
	cmd.Env = append(os.Environ(), programEnv+"=etcd-lock", "XDG_CONFIG_HOME="+c.TempDir(), "GORACE=atexit_sleep_ms=0")
	began := time.Now()
	out, err := cmd.Output()
	s := spending{took: time.Since(began), bytes: len(out), json: json.Valid(out)}
	c.must(err)
	s.processor = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return s
}
