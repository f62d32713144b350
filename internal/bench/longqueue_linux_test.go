package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/keyspace"
)

// Limits of the commands about one lock with 100,000 requests: processor time, times that
// of ls in the same format, and bytes of JSON for each request with what its client wrote
// into it.
const (
	maxTimesLs   = 1.5
	maxTimesOnce = 4 // of one run on any machine: more is not linear
	maxJSONBytes = 400
)

// filling is who requests one lock.
type filling struct {
	name    string
	leases  int // that the requests are on; 0: each on its own
	readers int // one of so many requests reads
}

var fillings = []filling{
	{"two of three write, by 300 clients", 300, 3},
	{"each on its own lease", 0, 3},
	{"all on one lease", 1, 3},
	{"all read and hold", 300, 1},
}

// TestLongQueue measures what the commands about one lock cost that has many requests,
// compared with ls on the same etcd, which reads as much.
func TestLongQueue(t *testing.T) {
	requests, rounds := *queueRequests, 1
	if *compare {
		requests, rounds = 100_000, 5
	}
	for _, f := range fillings {
		t.Run(f.name, func(t *testing.T) {
			member := etcdtest.StartProcess(t, func(cfg *etcd.EmbeddedConfig) { cfg.Durable = *compare })
			q := longQueue{bench: bench{T: t, endpoint: member.Endpoint}, filling: f, lock: "/nightly/queue-0000", requests: requests}
			q.fill()
			q.measure(rounds)
		})
	}
}

// longQueue is a benchmark on one lock with many requests.
type longQueue struct {
	bench
	filling
	lock     string
	requests int
}

// fill requests the lock for one client after the other, with many at a time.
func (q longQueue) fill() {
	client := etcdtest.Client(q.T, q.endpoint)
	leases := make([]clientv3.LeaseID, min(q.requests, q.leases))
	if q.leases == 0 {
		leases = make([]clientv3.LeaseID, q.requests)
	}
	inParallel(len(leases), func(i int) {
		resp, err := client.Grant(context.Background(), 3600)
		if err != nil {
			q.Error(err)
			return
		}
		leases[i] = resp.ID
	})
	inParallel(q.requests, func(i int) {
		mode, process := keyspace.Write, i%len(leases)
		if i%q.readers == 0 {
			mode = keyspace.Read
		}
		key := keyspace.Encode(q.lock, mode, uuid.NewString())
		if _, err := client.Put(context.Background(), key, crowd{}.owner(process), clientv3.WithLease(leases[process])); err != nil {
			q.Error(err)
		}
	})
}

// inParallel calls do for each of n numbers, some at a time.
func inParallel(n int, do func(i int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(n, 64) {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// measure runs the commands in turns, and prints and checks what they cost.
func (q longQueue) measure(rounds int) {
	var commands [][]string
	for _, args := range [][]string{{"ls"}, {"show", q.lock}, {"why", q.lock}} {
		commands = append(commands, args, append(slices.Clone(args), "-o", "json"))
	}
	spent := make([][]spending, len(commands))
	for range rounds {
		for i, args := range commands {
			spent[i] = append(spent[i], q.command(args))
		}
	}
	rows := [][]string{{fmt.Sprintf("%d requests, %s", q.requests, q.name), "processor", "× ls", "time", "× ls", "bytes a request"}}
	for i, args := range commands {
		of, base := medians(spent[i]), medians(spent[i%2])
		perRequest := float64(of.bytes) / float64(q.requests)
		rows = append(rows, []string{
			strings.ReplaceAll(strings.Join(args, " "), q.lock, "NAME"), milliseconds(of.processor), ratio(of.processor, base.processor),
			milliseconds(of.took), ratio(of.took, base.took), fmt.Sprintf("%.0f", perRequest),
		})
		if of.json && perRequest > maxJSONBytes {
			q.Errorf("%q: %.0f bytes a request, at most %d", args, perRequest, maxJSONBytes)
		}
		limit := float64(maxTimesOnce)
		if *compare {
			limit = maxTimesLs
		}
		if times := float64(of.processor) / float64(base.processor); q.requests >= 5000 && times > limit {
			q.Errorf("%q: %.2f times the processor time of ls, at most %.1f", args, times, limit)
		}
	}
	q.table("A lock with many requests", rows)
}

// spending is what a command costs, and how much it prints.
type spending struct {
	processor, took time.Duration
	bytes           int
	json            bool
}

// medians returns the medians of what runs of a command cost.
func medians(runs []spending) spending {
	s := runs[0]
	s.processor = median(each(runs, func(s spending) time.Duration { return s.processor }))
	s.took = median(each(runs, func(s spending) time.Duration { return s.took }))
	return s
}

// command runs the program.
func (b bench) command(args []string) spending {
	b.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"--endpoints", b.endpoint, "--command-timeout", "1m"}, args...)...)
	cmd.Env = append(os.Environ(), programEnv+"=etcd-lock", "XDG_CONFIG_HOME="+b.TempDir(), "GORACE=atexit_sleep_ms=0")
	began := time.Now()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	s := spending{took: time.Since(began), bytes: len(out), json: json.Valid(out)}
	if err != nil {
		b.Fatalf("%q: %v: %s", args, err, &stderr)
	}
	s.processor = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return s
}
