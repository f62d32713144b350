package recorder

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
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

// recorded returns the recording of what do does.
func recorded(t *testing.T, endpoint, prefix string, do func(ctx context.Context, client *clientv3.Client)) *scenario.Scenario {
	t.Helper()
	client := etcdtest.Client(t, endpoint)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	begun := make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun) }) // it has seen the first snapshot
	now := func() time.Time { begin(); return time.Now() }
	var file bytes.Buffer
	done := make(chan error, 1)
	go func() {
		report, err := Record(ctx, inspect.NewSource(client), &file, Options{Prefixes: []string{prefix}, Now: now})
		t.Log(report)
		done <- err
	}()
	<-begun
	do(ctx, client)
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", file.String())
	sc, err := scenario.Parse("recording.yaml", file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := forecast.Make(sc, forecast.Options{}).Err(); err != nil {
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

// replay runs a recording until its expectations are met: on a machine under load,
// clients may be late.
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

// demoLocks is how many locks of a demo must have been granted.
const demoLocks = 3

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
				Client: cmp.Or(o.Who, "client"), Moment: o.Moment, Locks: []rwlock.LockRequest{{Name: o.Lock, Mode: o.Mode}},
			})
		}
		want, got := grants(events), grants(replay(t, endpoint, sc).Events)
		if len(want) >= demoLocks && begins(want, got) {
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

// tapeDemo records the beginning of a demo, until there are grants enough to compare
// their order. It does not record the end, which would have releases and cancellations at
// one moment, whose order no replay can keep.
func tapeDemo(t *testing.T, endpoint string) *tape {
	t.Helper()
	client := etcdtest.Client(t, endpoint)
	taped := &tape{now: time.Now}
	ctx, stop := context.WithCancel(t.Context())
	updates := inspect.NewSource(client).WatchCauses(ctx, "")
	taped.take(<-updates)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = load.Run(ctx, etcdAt(endpoint), load.Demo(1)) // ends with its context
	}()
	defer func() {
		stop()
		for range updates {
		}
		<-done
	}()
	for u := range updates {
		if taped.take(u); grantedOften(taped.seen) {
			taped.until = time.Since(taped.begin)
			break
		}
	}
	return taped
}

// grantedOften reports whether there are grants of several locks.
func grantedOften(seen []record.Observed) bool {
	const enough = 12
	grants, locks := 0, map[string]bool{}
	for _, o := range seen {
		if o.Moment == scenario.Granted {
			grants++
			locks[o.Lock] = true
		}
	}
	return grants >= enough && len(locks) >= demoLocks
}

// Where events are missing, a recording has the net changes, and says why.
func TestRecordResynced(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	id := inspect.LockID{Layout: layout.RWLock, Name: "/a"}
	snapshot := func(revision int64, key string) inspect.Snapshot {
		r := inspect.Request{Key: "/a/write/" + key, Lock: id, Mode: keyspace.Write, Revision: revision}
		return inspect.Snapshot{Revision: revision, Locks: []inspect.Lock{inspect.NewLock(id, []inspect.Request{r})}}
	}
	taped := &tape{now: func() time.Time { return now }}
	taped.take(inspect.Update{Snapshot: snapshot(40, "1")})
	now = now.Add(3 * time.Second)
	taped.take(inspect.Update{Snapshot: snapshot(20, "2"), Resynced: inspect.Resync{Cause: inspect.ResyncWentBack, From: 40, To: 20}})
	now = now.Add(time.Second)
	taped.take(inspect.Update{Snapshot: snapshot(21, "3"), Missed: 7})
	want := []string{
		"At 3s, events are missing (data replaced: revisions went back from 40 to 20; fencing tokens went back: those up to 40 can be given twice): their net changes are recorded as of then.",
		"At 4s, events are missing: their net changes are recorded as of then.",
	}
	if !slices.Equal(taped.notes, want) {
		t.Errorf("notes %q, want %q", taped.notes, want)
	}
	var got []string
	for _, o := range taped.seen {
		got = append(got, fmt.Sprint(o.At, " ", o.Moment, " ", o.Key))
	}
	moves := []string{
		"0s granted /a/write/1",
		"3s granted /a/write/2", "3s released /a/write/1",
		"4s released /a/write/2", "4s granted /a/write/3",
	}
	if !slices.Equal(got, moves) {
		t.Errorf("seen %q, want %q", got, moves)
	}
}
