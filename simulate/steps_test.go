package simulate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/simulate"
	"etcd-lock/simulate/internal/simtest"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

// attempts is how often a scenario is run that fails by its times, which a
// machine under load may not keep.
const attempts = 4

// passes wants a run without a failure, and with nothing left of it in etcd.
func passes(t *testing.T, data string) outcome.Result {
	t.Helper()
	sc := simtest.Parse(t, data)
	for attempt := 1; ; attempt++ {
		result := play(t, sc, simulate.Options{})
		if result.Err() == nil {
			return result
		}
		if attempt == attempts || len(result.Verdict.Violations) > 0 {
			t.Fatalf("%v\n%s", result.Err(), strings.Join(texts(result), "\n"))
		}
		t.Logf("attempt %d: %v", attempt, result.Err())
	}
}

// play runs a scenario on the shared etcd, with locks of its own; or on an etcd of its own,
// if it takes the history from under other tests. It wants no keys to be left.
func play(t *testing.T, sc *scenario.Scenario, opts simulate.Options) outcome.Result {
	t.Helper()
	endpoint := etcdtest.Shared(t)
	if slices.ContainsFunc(sc.Faults, func(f scenario.Fault) bool { return f.Do == scenario.FaultCompact }) {
		endpoint = etcdtest.Start(t)
	}
	opts.Prefix = fmt.Sprintf("/%s/%p", t.Name(), sc)
	result, err := simulate.Run(t.Context(), simtest.At(endpoint), sc, opts)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := etcdtest.Client(t, endpoint).Get(context.Background(), opts.Prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil || len(keys.Kvs) != 0 {
		t.Errorf("keys left: %v, %v", keys, err)
	}
	return result
}

// TestRunSteps wants each kind of step to do what it says, and each outcome to
// come where it must.
func TestRunSteps(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, data string }{
		{"waiting and granted", `
clients:
  - {name: a, steps: [{write: /a, expect: granted, waits: {at_most: 500ms}}, {wait: 600ms}, {unlock: /a}]}
  - {name: b, after: 200ms, steps: [{read: /a, expect: [waiting, granted], waits: {at_least: 100ms}}, {unlock: /a}]}
expect:
  max_wait: 5s
  order: [[granted a, waiting b, released a, granted b, released b], [asked b /a, waiting b]]
`},
		{"deadline, and the section skipped", `
clients:
  - {name: a, steps: [{write: /a}, {wait: 800ms}, {unlock: /a}]}
  - {name: b, after: 200ms, steps: [{read: /a, within: 100ms, expect: [waiting, deadline]}, {write: /b}, {unlock: /a}, {unlock: /b}, {read: /c, expect: granted}]}
expect:
  order: [[granted a, deadline b, granted b, released a]]
  log: [PREPARE MUTEXES, LOCK1, LOCK2, waiting lock a, got lock a, waiting lock b, "b not acquired: context deadline exceeded", waiting lock b, got lock b, released rlock for a]
`},
		{"cancelled", `
clients:
  - {name: a, steps: [{write: /a}, {wait: 800ms}, {unlock: /a}]}
  - {name: b, after: 200ms, steps: [{write: /a, cancel: 100ms, expect: [waiting, cancelled]}, {unlock: /a}]}
expect: {order: [[cancelled b, released a]]}
`},
		{"the recipe gives up, and leaves nothing in the way", `
clients:
  - {name: a, steps: [{read: /a}, {wait: 2s}, {unlock: /a}]}
  - {name: b, impl: recipe, after: 200ms, steps: [{write: /a, within: 500ms, expect: [waiting, deadline]}, {unlock: /a}, {write: /a, cancel: 100ms, expect: [waiting, cancelled]}]}
  - {name: c, impl: recipe, after: 1500ms, steps: [{read: /a, expect: granted}, {unlock: /a}]}
expect: {order: [[deadline b, cancelled b, granted c, released a]]}
`},
		{"refused", `
clients:
  - {name: a, steps: [{read: /a}, {wait: 800ms}, {unlock: /a}]}
  - {name: b, after: 200ms, steps: [{write: /a, try: true, expect: refused}, {unlock: /a}, {read: /a, try: true, expect: granted}, {unlock: /a}, {together: {write: [/a, /b]}, try: true, expect: refused}]}
`},
		{"together", `
clients:
  - {name: a, steps: [{together: {read: [/a], write: [/b]}}, {wait: 600ms}, {unlock: [/b, /a]}]}
  - {name: b, after: 200ms, steps: [{read: /a, expect: granted}, {unlock: /a}, {together: {write: [/c, /b]}, expect: [waiting, granted]}, {unlock: [/b, /c]}]}
expect: {order: [[granted a /a, granted b /a, waiting b /b, released a /b, granted b /c]]}
`},
		{"upgrade and downgrade", `
clients:
  - {name: a, steps: [{write: /a}, {downgrade: /a}, {upgrade: /a, expect: granted}, {wait: 600ms}, {downgrade: /a}, {wait: 500ms}, {upgrade: /a, expect: refused}, {unlock: /a}]}
  - {name: b, after: 200ms, steps: [{read: /a, expect: [waiting, granted]}, {wait: 800ms}, {unlock: /a}]}
expect: {order: [[granted a, downgraded a, "granted a #2", waiting b, "downgraded a #2", granted b, refused a, released a]]}
`},
		{"downgrade after an upgrade that was refused", `
clients:
  - {name: a, steps: [{write: /a}, {downgrade: /a}, {wait: 500ms}, {upgrade: /a, expect: refused}, {downgrade: /a}, {unlock: /a}]}
  - {name: b, after: 200ms, steps: [{read: /a, expect: granted}, {wait: 800ms}, {unlock: /a}]}
`},
		{"close", `
clients:
  - {name: a, steps: [{write: /a, expect: granted}, {wait: 500ms}, close]}
  - {name: b, after: 200ms, steps: [{write: /a, expect: [waiting, granted]}, {unlock: /a}]}
expect: {order: [[waiting b, closed a, granted b]]}
`},
		{"crash", `
ttl: 1s
clients:
  - {name: a, steps: [{write: /a, expect: granted}, crash]}
  - {name: b, ttl: 10s, after: 200ms, steps: [{write: /a, expect: [waiting, granted], waits: {at_least: 300ms}}, {unlock: /a}]}
expect: {order: [[crashed a, granted b]]}
`},
		{"crash without waiters", `
ttl: 1s
clients: [{name: a, steps: [{write: /a}, crash]}]
`},
		{"a late holder is fenced", `
ttl: 1s
clients:
  - {name: a, steps: [{write: /a, expect: [granted, lost]}, pause, {wait: 3s}, resume, {unlock: /a}]}
  - {name: b, ttl: 10s, after: 200ms, steps: [{write: /a, expect: [waiting, granted]}, {wait: 2s}, {unlock: /a}]}
expect: {fenced: 1, order: [[paused a, granted b, resumed a, lost a]]}
`},
		{"a short pause is none", `
clients:
  - {name: a, steps: [{write: /a, expect: granted}, pause, {wait: 100ms}, resume, {unlock: /a}]}
`},
		{"groups and repeats", `
clients:
  - name: g
    count: 3
    repeat: 3
    after: {from: 0s, to: 20ms}
    steps: [{write: /a, expect: granted}, {wait: {from: 1ms, to: 5ms}}, {unlock: /a}]
expect: {order: [["granted g-1 #3", "released g-1 #3"], [granted g-3, "granted g-3 #2"]]}
`},
		{"compaction while waiting", `
clients:
  - {name: a, steps: [{write: /a}, {wait: 800ms}, {unlock: /a}]}
  - {name: b, after: 100ms, steps: [{write: /a, expect: [waiting, granted]}, {unlock: /a}]}
faults: [{at: 400ms, compact: true}]
`},
		{"compacted already", `
clients: [{name: a, steps: [{write: /a}, {wait: 600ms}, {unlock: /a}]}]
faults: [{at: 400ms, compact: true}, {at: 400ms, compact: true}, {at: 400ms, compact: true}]
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			passes(t, "name: steps\n"+tt.data)
		})
	}
}

// TestRunFailures wants failed expectations to be reported with their places.
func TestRunFailures(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, data, want string }{
		{"outcome", simtest.Client("  - {write: /a, expect: deadline}"), `test.yaml:5:6: c: write "/a": want deadline, got granted`},
		{"not reached", "name: n\nclients:\n- {name: a, steps: [{write: /a}, {wait: 1s}]}\n- name: b\n  after: 300ms\n  steps:\n  - {write: /a, within: 50ms}\n  - {read: /b, expect: granted}\n",
			`test.yaml:8:6: b: read "/b": want granted, but the step was not reached`},
		{"order", simtest.Small + "expect: {order: [[released c, granted c]]}\n", `test.yaml:8:31: "granted c" happened `},
		{"fenced", simtest.Small + "expect: {fenced: 1}\n", "test.yaml:8:18: late holders that a token fenced: want 1, got 0"},
		{"at_least", simtest.Client("  - {write: /a, waits: {at_least: 9s}}"), `test.yaml:5:6: c: write "/a" took `},
		{"at_most", simtest.Client("  - {write: /a, waits: {at_most: 1ns}}"), `test.yaml:5:6: c: write "/a" took `},
		{"max_wait", simtest.Small + "expect: {max_wait: 1ns}\n", `test.yaml:5:9: c: write "/a" took `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			result := play(t, simtest.Parse(t, tt.data), simulate.Options{})
			if len(result.Failures) != 1 || !strings.HasPrefix(result.Failures[0].String(), tt.want) {
				t.Errorf("failures %v\nwant %s…", result.Failures, tt.want)
			}
			if !errors.Is(result.Err(), outcome.ErrExpectation) {
				t.Errorf("Err = %v", result.Err())
			}
		})
	}
}

func TestRunSpeed(t *testing.T) {
	sc := simtest.Parse(t, simtest.Client("  - {write: /a, waits: {at_most: 9s}}", "  - wait: 1h", "  - unlock: /a"))
	clock := newClock(t, 360_000)
	result := play(t, sc, simulate.Options{Clock: clock})
	if result.Err() != nil || result.Speed != 360_000 {
		t.Errorf("result %+v", result)
	}
	if _, err := simulate.Run(t.Context(), simtest.At(etcdtest.Shared(t)), sc, simulate.Options{Clock: clock}); err == nil {
		t.Error("a clock was good for two runs")
	}
}

// faultsFake notes the faults it was asked for.
type faultsFake struct {
	mu   sync.Mutex
	made []string
	fail string // of which it makes an error
}

func (f *faultsFake) make(what string, of any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made = append(f.made, fmt.Sprint(what, " ", of))
	if what == f.fail {
		return errors.New("no")
	}
	return nil
}

func (f *faultsFake) Kill(_ context.Context, m scenario.Member) error  { return f.make("kill", m) }
func (f *faultsFake) Stop(_ context.Context, m scenario.Member) error  { return f.make("stop", m) }
func (f *faultsFake) Start(_ context.Context, m scenario.Member) error { return f.make("start", m) }
func (f *faultsFake) Cut(_ context.Context, client string) error       { return f.make("cut", client) }
func (f *faultsFake) Heal(_ context.Context, client string) error      { return f.make("heal", client) }

const faulty = `name: faulty
cluster: 3
clients: [{name: c, count: 2, steps: [{wait: 200ms}]}]
faults:
  - {at: 0s, kill: leader}
  - {at: {from: 0s, to: 1ms}, stop: 2}
  - {at: 1ms, start: all}
  - {at: 2ms, cut: [c-1, c-2]}
  - {at: 3ms, heal: c-2}
  - {at: 1h, kill: 1}
`

func TestRunFaults(t *testing.T) {
	etcd := simtest.At(etcdtest.Shared(t))
	t.Run("ErrNoFaults", func(t *testing.T) {
		if _, err := simulate.Run(t.Context(), etcd, simtest.Parse(t, faulty), simulate.Options{}); !errors.Is(err, simulate.ErrNoFaults) {
			t.Errorf("Run = %v", err)
		}
	})
	t.Run("in order, and those after the end not", func(t *testing.T) {
		fake := &faultsFake{}
		etcd.Faults = fake
		result, err := simulate.Run(t.Context(), etcd, simtest.Parse(t, faulty), simulate.Options{})
		if err != nil || result.Err() != nil {
			t.Fatal(err, result.Err())
		}
		want := []string{"kill leader", "stop 2", "start all", "cut c-1", "cut c-2", "heal c-2"}
		if !slices.Equal(fake.made, want) {
			t.Errorf("made %q, want %q", fake.made, want)
		}
		if lines := texts(result)[3:]; !slices.Equal(lines, []string{"kill leader", "stop 2", "start all", "cut c-1, c-2", "heal c-2"}) {
			t.Errorf("log %q", lines)
		}
	})
	t.Run("one that fails ends the run", func(t *testing.T) {
		etcd.Faults = &faultsFake{fail: "cut"}
		_, err := simulate.Run(t.Context(), etcd, simtest.Parse(t, strings.Replace(faulty, "200ms", "1h", 1)), simulate.Options{})
		if err == nil || !strings.Contains(err.Error(), "line 8: cut c-1, c-2: c-1: no") {
			t.Errorf("Run = %v", err)
		}
	})
}
