package bench

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
)

func TestMain(m *testing.M) {
	program()
	etcdtest.Main(m)
}

var (
	compare       = flag.Bool("compare", false, "run the whole comparison and print its tables, which takes some minutes")
	queueRequests = flag.Int("queue-requests", 300, "requests of the lock with a long queue, unless -compare is given")
	older         = flag.String("older", olderBuild, "commit of an older build to compare with")
)

// scale sets how much of the comparison runs.
type scale struct {
	pairs   int             // lock + unlock without contention, each contender
	rounds  int             // of each other measurement
	waits   []time.Duration // of the waiter before its hand-off
	queues  []int           // waiters that contend for one name
	warmUp  time.Duration
	measure time.Duration
	readers []int // that wait for one writer
}

func whole() scale {
	const ms = time.Millisecond
	return scale{
		pairs:   1500,
		rounds:  3,
		waits:   []time.Duration{5 * ms, 20 * ms, 150 * ms},
		queues:  []int{2, 10, 50, 200, 500, 2000, 10000},
		warmUp:  time.Second,
		measure: 3 * time.Second,
		readers: []int{200, 1000},
	}
}

// small is just enough to check that the benchmark works.
func small() scale {
	const ms = time.Millisecond
	return scale{
		pairs: 3, rounds: 1, waits: []time.Duration{5 * ms}, queues: []int{2},
		warmUp: 10 * ms, measure: 50 * ms, readers: []int{5},
	}
}

// beside lets a test run beside others if nothing is measured.
func beside(t *testing.T) {
	t.Helper()
	if !*compare {
		t.Parallel()
	}
}

func TestComparison(t *testing.T) {
	beside(t)
	size := small()
	if *compare {
		size = whole()
	}
	member := etcdtest.StartProcess(t, func(cfg *etcd.EmbeddedConfig) { cfg.Durable = *compare })
	b := bench{T: t, endpoint: member.Endpoint, scale: size}
	b.uncontended()
	b.handOff()
	b.throughput()
	b.herd()
}

type bench struct {
	*testing.T
	endpoint string
	scale
}

// sessions opens n sessions on a few clients, as a few processes would.
func (b bench) sessions(n int) []*concurrency.Session {
	b.Helper()
	clients := make([]*clientv3.Client, min(n, 8))
	for i := range clients {
		clients[i] = etcdtest.Client(b.T, b.endpoint)
	}
	sessions := make([]*concurrency.Session, n)
	for i := range sessions {
		sessions[i] = etcdtest.Session(b.T, clients[i%len(clients)], 300)
	}
	return sessions
}

func (b bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func median[T int | float64 | time.Duration](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

// table prints rows under a heading as Markdown.
func (b bench) table(heading string, rows [][]string) {
	var s strings.Builder
	fmt.Fprintf(&s, "\n%s\n\n", heading)
	for i, row := range rows {
		fmt.Fprintf(&s, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			s.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	if *compare {
		fmt.Print(s.String())
	}
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

func ratio[T int | float64 | time.Duration](a, b T) string {
	return fmt.Sprintf("%.2f", float64(a)/float64(b))
}
