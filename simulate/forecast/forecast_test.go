package forecast_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"etcd-lock/simulate/forecast"
	"etcd-lock/simulate/internal/simtest"
	"etcd-lock/simulate/scenario"
)

// short returns a forecast in short. What is not certain has a "?".
func short(f forecast.Forecast) string {
	var words []string
	for _, m := range f.Events {
		if m.Moment == scenario.Asked {
			continue
		}
		w := fmt.Sprint(m.At.Round(time.Millisecond), " ", m.Client, " ", m.Moment)
		if m.Depends {
			w += "?"
		}
		words = append(words, w)
	}
	return strings.Join(words, ", ")
}

func TestMake(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"readers and a writer", `
- {name: r, count: 2, steps: [{read: /a}, {wait: 100ms}, {unlock: /a}]}
- {name: w, after: 50ms, steps: [{write: /a}, {unlock: /a}]}
- {name: late, after: 60ms, steps: [{read: /a}, {wait: 1s}, {unlock: /a}]}`,
			"0s r-1 granted, 0s r-2 granted, 50ms w waiting, 60ms late waiting, 100ms r-1 released, 100ms r-2 released, 100ms w granted, 100ms w released, 100ms late granted, 1.1s late released"},
		{"who is first depends", `
- {name: w, count: 2, steps: [{write: /a}, {wait: 1s}, {unlock: /a}]}`,
			"0s w-2 waiting?, 0s w-1 granted?, 1s w-1 released, 1s w-2 granted?, 2s w-2 released"},
		{"deadline, cancel, try", `
- {name: a, steps: [{write: /a}, {wait: 1s}]}
- {name: d, after: 100ms, steps: [{read: /a, within: 200ms}, {wait: 1h}, {unlock: /a}, {write: /b}]}
- {name: c, after: 100ms, steps: [{write: /a, cancel: 300ms}, {unlock: /a}]}
- {name: t, after: 100ms, steps: [{read: /a, try: true}, {unlock: /a}, {read: /c, try: true}]}`,
			"0s a granted, 100ms d waiting, 100ms c waiting, 100ms t refused, 100ms t granted, 300ms d deadline, 300ms d granted, 400ms c cancelled"},
		{"what is held at the end is held till the end", `
- {name: a, steps: [{write: /a}]}
- {name: b, after: 10ms, steps: [{write: /a, within: 3s}]}`,
			"0s a granted, 10ms b waiting, 3.01s b deadline"},
		{"together", `
- {name: a, steps: [{together: {read: [/a], write: [/b]}}, {wait: 500ms}, {unlock: [/a, /b]}]}
- {name: b, after: 100ms, steps: [{read: /a}, {unlock: /a}, {together: {write: [/b, /a]}}, {unlock: [/a, /b]}]}`,
			"0s a granted, 100ms b granted, 100ms b released, 100ms b waiting, 500ms a released, 500ms b granted, 500ms b released"},
		{"upgrade and downgrade", `
- {name: a, steps: [{write: /a}, {downgrade: /a}, {upgrade: /a}, {wait: 1s}, {downgrade: /a}, {wait: 1s}, {upgrade: /a}, {unlock: /a}]}
- {name: b, after: 500ms, steps: [{read: /a}, {wait: 2s}, {unlock: /a}]}`,
			"0s a granted, 0s a downgraded, 0s a granted, 500ms b waiting, 1s a downgraded, 1s b granted, 2s a refused, 2s a released, 3s b released"},
		{"permits", `
- {name: a, steps: [{slot: {name: /p, weight: 2}}, {wait: 1s}, {unlock: /p}]}
- {name: b, after: 100ms, steps: [{slot: {name: /p, weight: 2}}, {wait: 1s}, {unlock: /p}]}
- {name: c, after: 200ms, steps: [{slot: /p}, {wait: 2s}, {unlock: /p}]}
- {name: t, after: 300ms, steps: [{slot: /p, try: true}, {unlock: /p}, {write: /x}]}
- {name: d, after: 400ms, semaphores: [{name: /p, permits: 2}], steps: [{slot: /p}, {unlock: /p}]}
semaphores: [{name: /p, permits: 3}]`,
			"0s a granted, 100ms b waiting, 200ms c waiting, 300ms t refused, 300ms t granted, 400ms d waiting, 1s a released, 1s b granted, 1s c granted, 2s b released, 2s d granted, 2s d released, 3s c released"},
		{"slots for all", `
- {name: a, count: 3, steps: [{slot: /p}, {wait: 1s}, {unlock: /p}]}
semaphores: [{name: /p, permits: 3}]`,
			"0s a-1 granted, 0s a-2 granted, 0s a-3 granted, 1s a-1 released, 1s a-2 released, 1s a-3 released"},
		{"together with slots", `
- {name: a, steps: [{slot: {name: /p, weight: 3}}, {wait: 1s}, {unlock: /p}]}
- {name: b, after: 100ms, steps: [{together: {write: [/x], slot: [/p]}}, {unlock: [/x, /p]}]}
- {name: c, after: 200ms, steps: [{read: /x}, {unlock: /x}]}
semaphores: [{name: /p, permits: 3}]`,
			"0s a granted, 100ms b waiting, 200ms c waiting, 1s a released, 1s b granted, 1s b released, 1s c granted, 1s c released"},
		{"close", `
- {name: a, steps: [{write: /a}, {wait: 1s}, close]}
- {name: b, after: 100ms, steps: [{write: /a}]}`,
			"0s a granted, 100ms b waiting, 1s a closed, 1s b granted"},
		{"crash", `
- {name: a, ttl: 3s, steps: [{write: /a}, {wait: 1s}, crash]}
- {name: b, after: 100ms, steps: [{write: /a}]}`,
			"0s a granted, 100ms b waiting, 1s a crashed, 4s b granted"},
		{"crash of a waiter", `
- {name: a, steps: [{read: /a}, {wait: 9s}]}
- {name: b, ttl: 3s, after: 100ms, steps: [{write: /a, crash: 1s}, {unlock: /a}, {write: /b}]}
- {name: c, after: 200ms, steps: [{read: /a}, {unlock: /a}]}
- {name: d, after: 300ms, steps: [{write: /d, crash: 1s}, {unlock: /d}]}`,
			"0s a granted, 100ms b waiting, 200ms c waiting, 300ms d granted, 300ms d released, 1.1s b crashed, 4.1s c granted, 4.1s c released"},
		{"a long pause", `
- {name: a, ttl: 2s, steps: [{write: /a}, pause, {wait: 6s}, resume, {unlock: /a}, {read: /b}]}
- {name: b, after: 100ms, steps: [{write: /a}, {wait: 9s}, {unlock: /a}]}`,
			"0s a granted, 0s a paused, 100ms b waiting, 2s b granted, 6s a resumed, 6s a lost, 6s a failed, 6s a lost, 11s b released, 11s a fenced"},
		{"a short pause", `
- {name: a, ttl: 9s, steps: [{write: /a}, pause, {wait: 2s}, resume, {unlock: /a}]}`,
			"0s a granted, 0s a paused, 2s a resumed, 2s a released"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := forecast.Make(simtest.Parse(t, "name: m\nclients:"+tt.data+"\n"), forecast.Options{})
			if got := short(f); got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	f := forecast.Make(simtest.Parse(t, `
name: m
cluster: 3
clients:
- {name: a, ttl: 2s, steps: [{write: /a, expect: deadline}, {wait: 100ms}, {unlock: /a}, {write: /b, expect: granted}, {wait: 9s}, {unlock: /b}]}
- {name: b, after: 3s, steps: [{write: /b, expect: granted}]}
- {name: c, steps: [{wait: 6s}, {read: /c, expect: refused, try: true}]}
faults:
- {at: 50ms, compact: true}
- {at: 1s, cut: [a]}
- {at: 5s, heal: a}
`), forecast.Options{})
	want := "0s a granted, 50ms  fault, 100ms a released, 100ms a granted, 1s  fault, 3s a lost?, 3s b granted?, 5s  fault, 6s c granted?, 9.1s a failed?"
	if got := short(f); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if len(f.Failures) != 1 || f.Failures[0].Line != 5 || !errors.Is(f.Err(), forecast.ErrImpossible) {
		t.Errorf("impossible %v", f.Failures)
	}
	if len(f.Depends) != 2 || f.Depends[0].Line != 5 || f.Depends[1].Line != 7 {
		t.Errorf("depends %v", f.Depends)
	}
}

func TestExpectations(t *testing.T) {
	const two = "name: m\nclients:\n- {name: w, count: 2, steps: [{write: /a, expect: %s}, {wait: 1s}, {unlock: /a}]}\n%s"
	tests := []struct {
		name, data          string
		impossible, depends int
	}{
		{"can hold", fmt.Sprintf(two, "granted", ""), 0, 0},
		{"cannot hold for both", fmt.Sprintf(two, "[waiting, granted]", ""), 1, 0},
		{"cannot hold for either", fmt.Sprintf(two, "deadline", ""), 2, 0},
		{"depends on who is first", fmt.Sprintf(two, "granted", "expect: {order: [[granted w-1, granted w-2]]}\n"), 0, 1},
		{"never in this order", fmt.Sprintf(two, "granted", "expect: {order: [[released w-1, granted w-1]]}\n"), 1, 0},
		{"a wait that is too long", fmt.Sprintf(two, "granted", "expect: {max_wait: 900ms}\n"), 1, 0},
		{"nobody is fenced", fmt.Sprintf(two, "granted", "expect: {fenced: 1}\n"), 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := forecast.Make(simtest.Parse(t, tt.data), forecast.Options{})
			if len(f.Failures) != tt.impossible || len(f.Depends) != tt.depends {
				t.Errorf("impossible %v\ndepends %v", f.Failures, f.Depends)
			}
		})
	}
}

func TestDeadlock(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"none", "- {name: a, count: 2, steps: [{write: /a}, {write: /b}, {unlock: /b}, {unlock: /a}]}", ""},
		{"none, together", "- {name: a, steps: [{together: {write: [/a, /b]}}]}\n- {name: b, steps: [{together: {write: [/b, /a]}}]}", ""},
		{"ended by a deadline", `
- {name: a, steps: [{write: /a}, {wait: 1s}, {read: /b, within: 3s}]}
- {name: b, steps: [{write: /b}, {wait: 2s}, {write: /a, within: 9s}]}`,
			`deadlock until the deadline of a at 4s: b waits to write "/a", which a holds to write; a waits to read "/b", which b holds to write`},
		{"of three, one of them in a queue", `
- {name: a, steps: [{read: /a}, {wait: 1s}, {write: /b, within: 1h, cancel: 9s}]}
- {name: b, steps: [{write: /b}, {wait: 2s}, {read: /a}]}
- {name: c, after: 500ms, steps: [{write: /a}]}`,
			`deadlock until a cancels its wait at 10s: b waits to read "/a" behind c, which waits to write it; `},
		{"over permits and a lock", `
- {name: a, steps: [{slot: {name: /p, weight: 2}}, {wait: 1s}, {write: /b, within: 3s}]}
- {name: b, steps: [{write: /b}, {wait: 2s}, {slot: {name: /p, weight: 2}}]}
semaphores: [{name: /p, permits: 3}]`,
			`deadlock until the deadline of a at 4s: b waits for 2 of 3 permits of "/p", of which a holds 2; a waits to write "/b", which b holds to write`},
		{"none, where another one releases permits", `
- {name: a, steps: [{slot: /p}, {wait: 1s}, {write: /b}]}
- {name: b, steps: [{write: /b}, {wait: 2s}, {slot: /p}]}
- {name: c, steps: [{slot: /p}, {wait: 3s}, {unlock: /p}]}
semaphores: [{name: /p, permits: 2}]`, ""},
		{"where others release too few permits", `
- {name: a, steps: [{slot: /p}, {wait: 1s}, {write: /b, within: 9s}]}
- {name: b, steps: [{write: /b}, {wait: 2s}, {slot: {name: /p, weight: 2}, within: 1h}]}
- {name: c, steps: [{slot: /p}, {wait: 3s}, {unlock: /p}]}
semaphores: [{name: /p, permits: 2}]`,
			`deadlock until the deadline of a at 10s: b waits for 2 of 2 permits of "/p", of which a holds 1; a waits`},
		{"behind one that waits for permits", `
- {name: a, steps: [{slot: /p}, {wait: 1s}, {write: /b, within: 9s}]}
- {name: b, steps: [{write: /b}, {wait: 2s}, {slot: /p}]}
- {name: c, after: 500ms, steps: [{slot: {name: /p, weight: 3}, within: 1h}]}
semaphores: [{name: /p, permits: 3}]`,
			`deadlock until the deadline of a at 10s: b waits for 1 of 3 permits of "/p", of which a holds 1; a waits`},
		{"only if things go so", "- {name: a, steps: [{write: /a}, {write: /b}]}\n- {name: b, steps: [{write: /b}, {write: /a}]}", "depends: deadlock until the deadline of "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := forecast.Make(simtest.Parse(t, "name: m\nclients:\n"+tt.data+"\n"), forecast.Options{})
			got := ""
			for _, d := range f.Deadlocks {
				if d.Depends {
					got += "depends: "
				}
				got += d.String()
			}
			if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}
