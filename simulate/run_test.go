package simulate_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/simulate"
	"etcd-lock/simulate/internal/simtest"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

// fourClients are the sample's lines, by the book.
var fourClients = []string{
	"PREPARE MUTEXES",
	"LOCK1",
	"LOCK2",
	"LOCK3",
	"LOCK4",
	"waiting lock r1",
	"got lock r1",
	"waiting lock r2",
	"got lock r2",
	"waiting lock rw3",
	"waiting lock r4",
	"released rlock for r1",
	"released rlock for r2",
	"got lock rw3",
	"released rlock for rw3",
	"got lock r4",
	"released rlock for r4",
}

// run runs a scenario and requires that it leaves nothing in etcd.
func run(t *testing.T, endpoint string, sc *scenario.Scenario) outcome.Result {
	t.Helper()
	var logged []outcome.Event
	opts := simulate.Options{Log: func(e outcome.Event) { logged = append(logged, e) }}
	result, err := simulate.Run(t.Context(), simtest.At(endpoint), sc, opts)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(logged, result.Events) {
		t.Errorf("logged %v\nresult %v", logged, result.Events)
	}
	simtest.WantNothingLeft(t, etcdtest.Client(t, endpoint))
	return result
}

func texts(r outcome.Result) []string {
	var s []string
	for _, e := range r.Lines() {
		s = append(s, e.Line)
	}
	return s
}

// TestFourClients wants the sample's lines in the sample's order. Starts and
// holds are 100 ms apart, which a machine under load may not keep: then the run
// says so by an expectation, and gets another chance. What no load excuses is
// wanted of every run: all lines, and every grant after the releases it waits for.
func TestFourClients(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	sc, err := scenario.Find("four-clients")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sc.Expect.Log, fourClients) {
		t.Fatalf("four-clients expects %q", sc.Expect.Log)
	}
	for attempt := 1; ; attempt++ {
		result := run(t, endpoint, sc)
		got := texts(result)
		if starved(got) && attempt < 4 {
			t.Logf("attempt %d: %v", attempt, result.Err())
			continue
		}
		wantLaws(t, got)
		if result.Err() == nil && slices.Equal(got, fourClients) {
			return
		}
		if attempt == 4 {
			t.Fatalf("%v\ngot  %q\nwant %q", result.Err(), got, fourClients)
		}
		t.Logf("attempt %d: %v", attempt, result.Err())
	}
}

// starved reports whether a client did not get to renew its lease for two
// seconds, which only a machine without a moment to spare does to it.
func starved(lines []string) bool {
	return slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "session expired") })
}

func wantLaws(t *testing.T, got []string) {
	t.Helper()
	if a, b := slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(fourClients)); !slices.Equal(a, b) {
		t.Fatalf("lines %q\nwant %q", a, b)
	}
	before := func(first, second string) {
		if slices.Index(got, first) > slices.Index(got, second) {
			t.Errorf("%q is after %q in %q", first, second, got)
		}
	}
	for i, c := range []string{"r1", "r2", "rw3", "r4"} {
		before(fmt.Sprintf("LOCK%d", i+1), "waiting lock r1")
		before("waiting lock "+c, "got lock "+c)
		before("got lock "+c, "released rlock for "+c)
	}
	if slices.Index(got, "got lock rw3") < slices.Index(got, "got lock r4") {
		before("released rlock for rw3", "got lock r4")
	}
}

func TestRunNotInTime(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	sc := simtest.Parse(t, `
name: late
clients:
  - name: first
    steps: [{write: /a}, {wait: 1500ms}, {unlock: /a}]
  - name: late
    after: 500ms
    steps:
      - write: /b
      - read: /a
        within: 100ms
      - wait: 1h
      - unlock: /a
      - unlock: /b
expect:
  log:
    - PREPARE MUTEXES
    - LOCK1
    - LOCK2
    - waiting lock first
    - got lock first
    - waiting lock late
    - got lock late
    - waiting lock late
    - "late not acquired: context deadline exceeded"
    - released rlock for late
    - released rlock for first
`)
	if err := run(t, endpoint, sc).Err(); err != nil {
		t.Error(err)
	}
}

func TestRunReleasesWhatIsHeldAtTheEnd(t *testing.T) {
	endpoint := etcdtest.Start(t)
	sc := simtest.Parse(t, "name: keep\nclients: [{name: c, steps: [{write: /a}, {write: /b}]}]\n")
	if err := run(t, endpoint, sc).Err(); err != nil { // run looks for what is left
		t.Error(err)
	}
}

func TestRunExpectationFails(t *testing.T) {
	endpoint := etcdtest.Start(t)
	sc := simtest.Parse(t, simtest.Small+"expect:\n  log: [PREPARE MUTEXES, LOCK1, got lock c]\n")
	err := run(t, endpoint, sc).Err()
	if !errors.Is(err, outcome.ErrExpectation) ||
		!strings.Contains(err.Error(), `log line 3: want "got lock c", got "waiting lock c"`) {
		t.Errorf("Err = %v", err)
	}
}

// TestRunCancelled wants a run with a holder, a waiter, a paused and a crashed
// client to end when its context does, with no goroutine, key or lease left.
func TestRunCancelled(t *testing.T) {
	endpoint := etcdtest.StartProcess(t).Endpoint // its goroutines do not count
	watcher := etcdtest.Client(t, endpoint)
	simtest.WantNothingLeft(t, watcher)
	before := goleak.IgnoreCurrent()
	sc := simtest.Parse(t, `
name: long
clients:
  - {name: a, steps: [{write: /a}, {wait: 1h}, {unlock: /a}]}
  - {name: b, after: 1ms, steps: [{write: /a, within: 1h}, {wait: 1h}, {unlock: /a}]}
  - {name: paused, steps: [{write: /b}, pause, {wait: 1h}, resume]}
  - {name: crashed, steps: [{write: /c}, crash]}
`)
	ctx, cancel := context.WithCancel(t.Context())
	missing := 9 // four ask, three of them are granted and one paused, one crashed
	_, err := simulate.Run(ctx, simtest.At(endpoint), sc, simulate.Options{Log: func(e outcome.Event) {
		switch e.Moment {
		case scenario.Asked, scenario.Granted, scenario.Paused, scenario.Crashed:
			missing--
		}
		if missing == 0 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v", err)
	}
	simtest.WantNothingLeft(t, watcher)
	goleak.VerifyNone(t, before)
}

func TestRunWithoutEtcd(t *testing.T) {
	endpoint := etcdtest.Start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := simulate.Run(ctx, simtest.At(endpoint), simtest.Parse(t, simtest.Small), simulate.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v", err)
	}
	simtest.WantNothingLeft(t, etcdtest.Client(t, endpoint))
}
