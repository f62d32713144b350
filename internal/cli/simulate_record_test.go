package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/rwlock"
	"etcd-lock/simulate"
	"etcd-lock/simulate/forecast"
	"etcd-lock/simulate/load"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/record"
	"etcd-lock/simulate/scenario"
)

func etcdAt(endpoint string) simulate.Etcd {
	return simulate.Etcd{Connect: func(_ context.Context, _ string, opts ...grpc.DialOption) (*clientv3.Client, error) {
		return clientv3.New(clientv3.Config{
			Endpoints: []string{endpoint}, DialTimeout: 10 * time.Second, Logger: zap.NewNop(), DialOptions: opts,
		})
	}}
}

// recorded is what simulate record makes of what do does.
func recorded(t *testing.T, endpoint, prefix string, do func(ctx context.Context, client *clientv3.Client)) *scenario.Scenario {
	t.Helper()
	client := etcdtest.Client(t, endpoint)
	file := filepath.Join(t.TempDir(), "recording.yaml")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var errs bytes.Buffer
	opts := &simulateRecordOptions{
		prefix: prefix, file: file, err: &errs,
		source: inspect.NewSource(client),
	}
	begun := make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun) }) // it has seen what is there
	opts.now = func() time.Time { begin(); return time.Now() }
	done := make(chan error, 1)
	go func() { done <- simulateRecord(ctx, opts) }()
	<-begun
	do(ctx, client)
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s%s", errs.String(), data)
	sc, err := scenario.Parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	if err := forecast.Model(sc, 0).Err(); err != nil {
		t.Error(err)
	}
	return sc
}

// grants are, by lock, those who were granted it, batches of readers sorted.
func grants(events []outcome.Event) map[string][]string {
	all := map[string][]string{}
	batch := map[string]int{}
	for _, e := range events {
		for _, l := range e.Locks {
			if e.Moment != scenario.Granted {
				continue
			}
			writes := l.Mode == rwlock.Write
			if writes {
				batch[l.Name]++
			}
			client := e.Client
			if strings.HasPrefix(client, "client-") { // it said nothing of itself
				client = "client"
			}
			all[l.Name] = append(all[l.Name], fmt.Sprintf("%06d %s %s", batch[l.Name], l.Mode, client))
			if writes {
				batch[l.Name]++
			}
		}
	}
	for _, a := range all {
		slices.Sort(a)
	}
	return all
}

// replay runs a recording until it comes as it expects to: a machine under load
// may be late.
func replay(t *testing.T, endpoint string, sc *scenario.Scenario) outcome.Result {
	t.Helper()
	for attempt := 1; ; attempt++ {
		result, err := simulate.Run(t.Context(), etcdAt(endpoint), sc, simulate.Options{Prefix: fmt.Sprintf("/replay-%d", attempt)})
		if err != nil {
			t.Fatal(err)
		}
		if result.Err() == nil {
			return result
		}
		t.Logf("attempt %d: %v", attempt, result.Err())
		if attempt == 3 {
			t.Fatal(result.Err())
		}
	}
}

func TestRecordFourClients(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	sc, err := scenario.Find("four-clients")
	if err != nil {
		t.Fatal(err)
	}
	for attempt := 1; ; attempt++ {
		var first outcome.Result
		rec := recorded(t, endpoint, "/mylocks/", func(ctx context.Context, _ *clientv3.Client) {
			if first, err = simulate.Run(ctx, etcdAt(endpoint), sc, simulate.Options{}); err != nil {
				t.Error(err)
			}
		})
		got := replay(t, endpoint, rec)
		if slices.Equal(logOf(first), logOf(got)) && first.Err() == nil {
			return
		}
		if attempt == 3 {
			t.Fatalf("the first run\n%q\nits recording\n%q", logOf(first), logOf(got))
		}
	}
}

func logOf(r outcome.Result) []string {
	var lines []string
	for _, e := range r.Lines() {
		lines = append(lines, e.Line)
	}
	return lines
}

// TestRecordDemo wants each of the demo's locks to be granted in the same order
// when its recording is replayed.
func TestRecordDemo(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	for attempt := 1; ; attempt++ {
		taped := tapeDemo(t, endpoint)
		rec, err := record.Of(taped.seen, record.Options{Name: "demo", Until: taped.until})
		if err != nil {
			t.Fatal(err)
		}
		sc, err := scenario.Parse("demo.yaml", rec.File)
		if err != nil {
			t.Fatal(err)
		}
		var events []outcome.Event
		for _, o := range taped.seen {
			events = append(events, outcome.Event{
				Client: cmp.Or(o.Who, "client"), Moment: o.Moment, Locks: []rwlock.Want{{Name: o.Lock, Mode: o.Mode}},
			})
		}
		want, got := grants(events), grants(replay(t, endpoint, sc).Events)
		if len(want) == 3 && begins(want, got) {
			return
		}
		diff := gocmp.Diff(want, got)
		if attempt == 3 {
			t.Fatalf("grants (-demo +replay):\n%s\n%s", diff, rec.File)
		}
		t.Logf("attempt %d (-demo +replay):\n%s", attempt, diff)
	}
}

// begins reports whether each lock was granted in the order of want. Who still
// waited when the recording ended is granted more in its replay.
func begins(want, got map[string][]string) bool {
	for lock, grants := range want {
		for _, g := range got[lock] {
			if len(grants) > 0 && g == grants[0] {
				grants = grants[1:]
			}
		}
		if len(grants) > 0 {
			return false
		}
	}
	return true
}

// tapeDemo is the first seconds of a demo that goes on: its end would have
// releases and withdrawals at one moment, whose order no replay can keep.
func tapeDemo(t *testing.T, endpoint string) *tape {
	t.Helper()
	client := etcdtest.Client(t, endpoint)
	taped := &tape{now: time.Now}
	ctx, stop := context.WithCancel(t.Context())
	updates := inspect.NewSource(client).WatchEnds(ctx, "")
	taped.take(<-updates)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = load.Run(ctx, etcdAt(endpoint), load.Demo(1)) // which ends with its context
	}()
	defer func() {
		stop()
		for range updates {
		}
		<-done
	}()
	for enough := time.After(3 * time.Second); ; {
		select {
		case u := <-updates:
			taped.take(u)
		case <-enough:
			taped.until = time.Since(taped.begin)
			return taped
		}
	}
}

// TestRecordFor records from the terminal UI.
func TestRecordFor(t *testing.T) {
	t.Parallel()
	client := etcdtest.Client(t, etcdtest.Start(t))
	l := &locks{tb: t, client: client}
	l.request("write", "/a", "tui")
	record := recordFor(time.Now)
	c := &connect.Conn{Source: inspect.NewSource(client)}
	file := filepath.Join(t.TempDir(), "recording.yaml")
	var summary string
	long := 50 * time.Millisecond
	etcdtest.Eventually(t, "it has seen the request before it ends", func() bool {
		long *= 2
		ctx, cancel := context.WithTimeout(t.Context(), long)
		defer cancel()
		var err error
		summary, err = record(ctx, c, "", file)
		return err == nil
	})
	if !strings.Contains(summary, "recorded 1 request") {
		t.Errorf("summary %q", summary)
	}
	if _, err := scenario.Open(file); err != nil {
		t.Error(err)
	}
	if _, err := record(t.Context(), c, "", file); err == nil {
		t.Error("the file was overwritten")
	}
}
