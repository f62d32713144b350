package scenario_test

import (
	_ "embed"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/internal/simtest"
	"etcd-lock/simulate/scenario"
)

// everything uses every field of the format.
//
//go:embed testdata/everything.yaml
var everything []byte

func TestParseEverything(t *testing.T) {
	const ms = time.Millisecond
	want := &scenario.Scenario{
		File: "e.yaml", Name: "everything", About: "all that there is",
		TTL: 2 * time.Second, Seed: 7, Cluster: 3,
		Semaphores: []scenario.Semaphore{{Name: "/pool", Permits: 3}, {Name: "/cores", Permits: 64}, {Name: "/more cores", Permits: 2}},
		Clients: []scenario.Client{
			{Name: "r", Count: 2, Impl: scenario.ImplRWLock, TTL: 3 * time.Second, After: scenario.Span{From: 100 * ms, To: 300 * ms}, Repeat: 3, Steps: []scenario.Step{
				{
					Do: scenario.Read, Locks: read("/a"), Within: fixed(2 * time.Second), Cancel: fixed(300 * ms),
					Expect: []scenario.Moment{scenario.Waiting, scenario.Granted},
					Waits:  scenario.Bounds{AtLeast: 100 * ms, AtMost: 2 * time.Second},
				},
				{Do: scenario.Wait, For: scenario.Span{From: ms, To: 2 * ms}},
				{Do: scenario.Unlock, Locks: []rwlock.LockRequest{{Name: "/a"}}},
				{Do: scenario.Write, Locks: write("/a b"), Try: true, Expect: []scenario.Moment{scenario.Refused}},
				{Do: scenario.Pause},
				{Do: scenario.Wait, For: fixed(time.Second)},
				{Do: scenario.Resume},
				{Do: scenario.Unlock, Locks: []rwlock.LockRequest{{Name: "/a b"}}},
			}},
			{Name: "w", Count: 1, TTL: 2 * time.Second, Repeat: 1, Steps: []scenario.Step{
				{Do: scenario.Together, Locks: append(read("/a"), append(write("/b"), write("/c")...)...)},
				{Do: scenario.Unlock, Locks: []rwlock.LockRequest{{Name: "/c"}, {Name: "/a"}, {Name: "/b"}}},
				{Do: scenario.Write, Locks: write("/b")},
				{Do: scenario.Downgrade, Locks: read("/b")},
				{Do: scenario.Upgrade, Locks: write("/b"), Expect: []scenario.Moment{scenario.Granted, scenario.Lost}},
				{Do: scenario.Crash},
			}},
			{Name: "x", Count: 1, TTL: 2 * time.Second, Repeat: 1, Steps: []scenario.Step{
				{Do: scenario.Write, Locks: write("/x"), Crash: fixed(time.Second)},
				{Do: scenario.Close},
			}},
			{Name: "p", Count: 1, TTL: 2 * time.Second, Repeat: 1, Semaphores: []scenario.Semaphore{{Name: "/pool", Permits: 2}}, Steps: []scenario.Step{
				{Do: scenario.Slot, Locks: slot("/pool", 1, 2), Try: true},
				{Do: scenario.Unlock, Locks: []rwlock.LockRequest{{Name: "/pool"}}},
				{Do: scenario.Slot, Locks: slot("/cores", 16, 64), Within: fixed(5 * time.Second), Expect: []scenario.Moment{scenario.Granted}},
				{Do: scenario.Together, Locks: append(write("/b"), append(slot("/pool", 1, 2), slot("/more cores", 2, 2)...)...)},
				{Do: scenario.Unlock, Locks: []rwlock.LockRequest{{Name: "/b"}, {Name: "/pool"}, {Name: "/more cores"}}},
				{Do: scenario.Unlock, Locks: []rwlock.LockRequest{{Name: "/cores"}}},
			}},
			{Name: "old", Count: 1, Impl: scenario.ImplRecipe, TTL: 2 * time.Second, Repeat: 1, Steps: []scenario.Step{
				{Do: scenario.Read, Locks: read("/a"), Cancel: fixed(time.Second)},
				{Do: scenario.Unlock, Locks: []rwlock.LockRequest{{Name: "/a"}}},
			}},
		},
		Faults: []scenario.Fault{
			{At: fixed(100 * ms), Do: scenario.FaultKill, Member: scenario.Leader},
			{At: fixed(200 * ms), Do: scenario.FaultStop, Member: 2},
			{At: fixed(200 * ms), Do: scenario.FaultStart, Member: scenario.AllMembers},
			{At: scenario.Span{From: 300 * ms, To: 400 * ms}, Do: scenario.FaultCut, Clients: []string{"r-1", "w"}},
			{At: fixed(400 * ms), Do: scenario.FaultHeal, Clients: []string{"r-1"}},
			{At: fixed(time.Second), Do: scenario.FaultCompact},
		},
		Expect: scenario.Expect{
			Log: []string{"got lock r-1"},
			Order: [][]scenario.Occurrence{
				{{Moment: scenario.Granted, Client: "w", Lock: "/b", Nth: 1}, {Moment: scenario.Crashed, Client: "w", Nth: 1}},
				{
					{Moment: scenario.Granted, Client: "r-2", Lock: "/a b", Nth: 2},
					{Moment: scenario.Released, Client: "r-1", Nth: 6},
					{Moment: scenario.Paused, Client: "r-2", Nth: 3},
				},
			},
			MaxWait: 3 * time.Second,
			Fenced:  1,
		},
	}
	got, err := scenario.Parse("e.yaml", everything)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(scenario.Place{})); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
}

func TestParseStepErrors(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"old words", simtest.Client("  - rlock: /a"), `f.yaml:5:5: unknown field "rlock"`},
		{"unknown word", simtest.Client("  - jump"), `f.yaml:5:5: "jump": the steps without a value are pause, resume, crash and close`},
		{"word that needs more", simtest.Client("  - wait"), `f.yaml:5:5: "wait": the steps without a value are`},
		{"word with a value", simtest.Client("  - crash: true"), "f.yaml:5:5: a step needs one of read, "},
		{"no kind of duration", simtest.Client("  - wait: [1s]"), "f.yaml:5:11: "},
		{"half a random duration", simtest.Client("  - wait: {from: 1s}"), "f.yaml:5:12: want a duration such as 500ms, or both from and to"},
		{"random from back to front", simtest.Client("  - wait: {from: 2s, to: 1s}"), "f.yaml:5:26: to 1s is less than from 2s"},
		{"field of a random duration", simtest.Client("  - wait: {from: 2s, till: 1s}"), `f.yaml:5:22: unknown field "till"`},
		{"empty together", simtest.Client("  - together: {}"), "f.yaml:5:15: together needs locks"},
		{"twice in together", simtest.Client("  - together: {read: [/a], write: [/a]}"), `f.yaml:5:36: duplicate lock "/a"`},
		{"together with what is held", simtest.Client("  - read: /a", "  - together: {write: [/b, /a]}"), `f.yaml:6:16: lock "/a" is held since an earlier step`},
		{"half of together unlocked", simtest.Client("  - together: {read: [/a, /b]}", "  - unlock: /a"), `f.yaml:6:13: unlock exactly the locks that one step acquired: "/a" and "/b"`},
		{"two steps unlocked as one", simtest.Client("  - read: /a", "  - read: /b", "  - unlock: [/a, /b]"), `f.yaml:7:13: unlock exactly the locks that one step acquired: "/a"`},
		{"unlock nothing", simtest.Client("  - unlock: []"), "f.yaml:5:13: unlock needs a lock"},
		{"within of nothing", simtest.Client("  - read: /a", "    within: 0s"), "f.yaml:6:13: duration must be greater than 0"},
		{"try of no bool", simtest.Client("  - read: /a", "    try: maybe"), "f.yaml:6:10: wrong kind of value: want true or false"},
		{"cancel of a try", simtest.Client("  - read: /a", "    try: true", "    cancel: 1s"), "f.yaml:7:13: cancel has no effect on a try"},
		{"cancel too late", simtest.Client("  - read: /a", "    within: 1s", "    cancel: 1s"), "f.yaml:7:13: cancel after 1s is too late"},
		{"cancel too late by default", simtest.Client("  - read: /a", "    cancel: 11s"), "f.yaml:6:13: cancel after 11s is too late"},
		{"crash of a try", simtest.Client("  - read: /a", "    try: true", "    crash: 1s"), "f.yaml:7:12: crash has no effect on a try"},
		{"crash too late", simtest.Client("  - read: /a", "    crash: 11s"), "f.yaml:6:12: crash after 11s is too late"},
		{"crash and cancel", simtest.Client("  - read: /a", "    cancel: 1s", "    crash: 1s"), "f.yaml:7:12: a wait has one end: this one has cancel and crash"},
		{"unknown impl", recipe("magic", "{read: /a}"), `f.yaml:4:9: unknown implementation "magic": want rwlock or recipe`},
		{"former name of impl", "name: n\nclients:\n- name: c\n  make: recipe\n", `f.yaml:4:3: unknown field "make": it is called impl`},
		{"recipe that closes", recipe("recipe", "close"), "f.yaml:5:11: a client with impl recipe cannot use close: its steps are read, write, wait and unlock"},
		{"recipe of several", recipe("recipe", "{together: {read: [/a]}}"), "f.yaml:5:12: a client with impl recipe cannot use together"},
		{"recipe that tries", recipe("recipe", "{read: /a, try: true}"), "f.yaml:5:27: a client with impl recipe cannot try"},
		{"recipe that crashes", recipe("recipe", "{read: /a, crash: 1s}"), "f.yaml:5:29: a client with impl recipe cannot crash"},
		{"upgrade of nothing", simtest.Client("  - upgrade: /a"), `f.yaml:5:14: upgrade of lock "/a", which no earlier step of this client holds`},
		{"upgrade of a writer", simtest.Client("  - write: /a", "  - upgrade: /a"), `f.yaml:6:14: upgrade of lock "/a", which is already held for writing`},
		{"downgrade of a reader", simtest.Client("  - read: /a", "  - downgrade: /a"), `f.yaml:6:16: downgrade of lock "/a", which is already held for reading`},
		{"upgrade of together", simtest.Client("  - together: {read: [/a, /b]}", "  - upgrade: /a"), `f.yaml:6:14: lock "/a" was acquired together with others`},
		{"upgrade with try", simtest.Client("  - read: /a", "  - upgrade: /a", "    try: true"), "f.yaml:7:10: try cannot be set on upgrade, only on read, write, slot or together"},
		{"expect of wait", simtest.Client("  - wait: 1s", "    expect: granted"), "f.yaml:6:13: expect cannot be set on wait, only on read, write, slot, together or upgrade"},
		{"resume without pause", simtest.Client("  - resume"), "f.yaml:5:5: resume without a pause"},
		{"pause without resume", simtest.Client("  - pause", "  - wait: 1s"), "f.yaml:5:3: pause must be followed by resume or crash"},
		{"lock while paused", simtest.Client("  - pause", "  - read: /a"), "f.yaml:6:11: a paused client can only wait"},
		{"pause twice", simtest.Client("  - pause", "  - pause"), "f.yaml:6:5: a paused client can only wait"},
		{"step after crash", simtest.Client("  - crash", "  - wait: 1s"), "f.yaml:6:11: no step can follow crash"},
		{"unlock after close", simtest.Client("  - read: /a", "  - close", "  - unlock: /a"), "f.yaml:7:13: no step can follow close"},
		{"repeat after crash", "name: n\nclients:\n- name: c\n  repeat: 2\n  steps: [crash]\n", "f.yaml:4:11: steps cannot be repeated after crash"},
		{"repeat while held", "name: n\nclients:\n- name: c\n  repeat: 2\n  steps: [{read: /a}]\n", "f.yaml:4:11: steps cannot be repeated while a lock is held"},
		{"repeat of nothing", "name: n\nclients:\n- name: c\n  repeat: 0\n", `f.yaml:4:11: "0": want a whole number, at least 1`},
		{"half a client", "name: n\nclients:\n- name: c\n  count: 1.5\n", `f.yaml:4:10: "1.5": want a whole number, at least 1`},
		{"a crowd", "name: n\nclients:\n- name: c\n  count: 1001\n", "f.yaml:4:10: 1001 is too many: want at most 1000"},
		{"crowds", "name: n\nclients:\n- {name: c, count: 600, steps: [close]}\n- {name: d, count: 600, steps: [close]}\n", "f.yaml:4:4: more than 1000 clients"},
		{"an endless run", "name: n\nclients:\n- {name: c, count: 2, repeat: 600000, steps: [{wait: 0s}]}\n", "f.yaml:3:4: more than 1000000 steps"},
		{"one of a group twice", "name: n\nclients:\n- {name: c, count: 2, steps: [close]}\n- {name: c-2, steps: [close]}\n", `f.yaml:4:10: client "c-2" is defined twice`},
		{"client's ttl", "name: n\nclients:\n- {name: c, ttl: 10ms, steps: [close]}\n", "f.yaml:3:18: ttl 10ms: want whole seconds"},
		{"seed of 0", "name: n\nseed: 0\n", `f.yaml:2:7: "0": want a whole number, at least 1`},
		{"seed of words", "name: n\nseed: [x]\n", `f.yaml:2:7: wrong kind of value: want text`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantParseError(t, tt.data, tt.want) })
	}
}

func TestParseOutcomeErrors(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"unknown", simtest.Client("  - read: /a", "    expect: fine"), `f.yaml:6:13: unknown outcome "fine": want granted, waiting, deadline, cancelled, refused or lost`},
		{"in a list", simtest.Client("  - read: /a", "    expect: [granted, fine]"), `f.yaml:6:23: unknown outcome "fine"`},
		{"none", simtest.Client("  - read: /a", "    expect: []"), "f.yaml:6:13: expect needs an outcome"},
		{"twice", simtest.Client("  - read: /a", "    expect: [lost, lost]"), "f.yaml:6:20: duplicate outcome lost"},
		{"refused without try", simtest.Client("  - read: /a", "    expect: refused"), "f.yaml:6:13: this step cannot be refused: that needs try: true"},
		{"cancelled without cancel", simtest.Client("  - read: /a", "    expect: cancelled"), "f.yaml:6:13: this step cannot be cancelled: that needs cancel"},
		{"a try that waits", simtest.Client("  - read: /a", "    try: true", "    expect: waiting"), "f.yaml:7:13: this step cannot be waiting: a try does not wait"},
		{"an upgrade that waits", simtest.Client("  - read: /a", "  - upgrade: /a", "    expect: waiting"), "f.yaml:7:13: this step cannot be waiting: an upgrade does not wait"},
		{"two ends", simtest.Client("  - read: /a", "    expect: [granted, deadline]"), "f.yaml:6:23: a step cannot be both granted and deadline"},
		{"two ends around a third", simtest.Client("  - read: /a", "    expect: [granted, lost, deadline]"), "f.yaml:6:29: a step cannot be both lost and deadline"},
		{"no bounds", simtest.Client("  - read: /a", "    waits: {}"), "f.yaml:6:12: waits needs at_least, at_most or both"},
		{"no time at most", simtest.Client("  - read: /a", "    waits: {at_most: 0s}"), "f.yaml:6:22: duration must be greater than 0"},
		{"bounds that cross", simtest.Client("  - read: /a", "    waits: {at_least: 2s, at_most: 1s}"), "f.yaml:6:36: at_most 1s is less than at_least 2s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantParseError(t, tt.data, tt.want) })
	}
}

func TestParseFaultErrors(t *testing.T) {
	// The first fault of these files is in line 9.
	file := func(faults string) string { return "cluster: 3\n" + simtest.Small + "faults:\n" + faults }
	tests := []struct{ name, data, want string }{
		{"no cluster", simtest.Small + "faults:\n- {at: 1s, kill: 1}\n", `f.yaml:9:18: kill needs its own cluster: set the number of members, as in "cluster: 3"`},
		{"cluster of none", "name: n\ncluster: 0\n", `f.yaml:2:10: "0": want a whole number, at least 1`},
		{"nothing", file("- at: 1s\n"), "f.yaml:10:3: a fault needs one of kill, stop, start, cut, heal or compact"},
		{"two things", file("- {at: 1s, kill: 1, stop: 2}\n"), "f.yaml:10:27: a fault does one thing: this one has kill and stop"},
		{"no time", file("- kill: 1\n"), "f.yaml:10:3: a fault needs a time"},
		{"back in time", file("- {at: {from: 1s, to: 3s}, kill: 1}\n- {at: 2s, start: 1}\n"), "f.yaml:11:8: faults must be in the order of time: the one before can be as late as 3s"},
		{"unknown member", file("- {at: 1s, kill: all}\n"), `f.yaml:10:18: unknown member "all": want a number from 1, or leader`},
		{"member too many", file("- {at: 1s, stop: 4}\n"), "f.yaml:10:18: member 4: the cluster has 3"},
		{"start before kill", file("- {at: 1s, start: 1}\n"), "f.yaml:10:19: start of a member that no earlier fault killed or stopped"},
		{"start of another", file("- {at: 1s, kill: 2}\n- {at: 1s, start: 1}\n"), "f.yaml:11:19: start of member 1, which no earlier fault killed or stopped"},
		{"kill twice", file("- {at: 1s, kill: 2}\n- {at: 1s, stop: 2}\n"), "f.yaml:11:18: member 2 is already down"},
		{"leader of none", file("- {at: 1s, kill: 2}\n- {at: 1s, kill: 1}\n- {at: 1s, kill: leader}\n"), "f.yaml:12:18: there is no leader by then: 2 of 3 members are down"},
		{"cut of nobody", file("- {at: 1s, cut: d}\n"), `f.yaml:10:17: unknown client "d"`},
		{"cut of a list of nobody", file("- {at: 1s, cut: [c, d]}\n"), `f.yaml:10:21: unknown client "d"`},
		{"cut of an empty list", file("- {at: 1s, cut: []}\n"), "f.yaml:10:17: want the name of a client"},
		{"cut twice", file("- {at: 1s, cut: c}\n- {at: 1s, cut: c}\n"), `f.yaml:11:17: client "c" is already cut off`},
		{"heal before cut", file("- {at: 1s, heal: c}\n"), `f.yaml:10:18: client "c" is not cut off`},
		{"compact: false", file("- {at: 1s, compact: false}\n"), "f.yaml:10:21: compact: want true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantParseError(t, tt.data, tt.want) })
	}
	t.Run("compact needs no cluster", func(t *testing.T) { simtest.Parse(t, simtest.Small+"faults: [{at: 1s, compact: true}]\n") })
	t.Run("the leader comes back by number", func(t *testing.T) {
		simtest.Parse(t, file("- {at: 1s, kill: leader}\n- {at: 2s, start: 2}\n- {at: 3s, kill: leader}\n"))
	})
}

func TestParseExpectErrors(t *testing.T) {
	order := func(s string) string { return simtest.Small + "expect:\n  order:\n  - [asked c, " + s + "]\n" } // which is at 10:15
	tests := []struct{ name, data, want string }{
		{"order of one", simtest.Small + "expect:\n  order: [[asked c]]\n", "f.yaml:9:11: an order needs at least two moments"},
		{"order of no lists", simtest.Small + "expect:\n  order: [asked c]\n", "f.yaml:9:11: "},
		{"no client", order("granted"), `f.yaml:10:15: "granted": want MOMENT CLIENT[ LOCK][ #n]`},
		{"unknown moment", order("born c"), `f.yaml:10:15: unknown moment "born": want asked,`},
		{"unknown client in an order", order("granted d"), `f.yaml:10:15: unknown client "d"`},
		{"unknown lock in an order", order("granted c /b"), `f.yaml:10:15: unknown lock "/b"`},
		{"moment that no step brings", order("refused c"), `f.yaml:10:15: "refused c" cannot happen in any step`},
		{"crash of who does not", order("crashed c"), `f.yaml:10:15: "crashed c" cannot happen`},
		{"too often", order("'granted c #2'"), `f.yaml:10:15: "granted c #2" cannot happen: it happens at most 1 time`},
		{"before itself", order("asked c"), `f.yaml:10:15: duplicate "asked c"`},
		{"fenced a bit", simtest.Small + "expect: {fenced: -1}\n", `f.yaml:8:18: "-1": want a whole number, at least 0`},
		{"max_wait of nothing", simtest.Small + "expect: {max_wait: 0s}\n", "f.yaml:8:20: duration must be greater than 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantParseError(t, tt.data, tt.want) })
	}
}

// recipe is a file with one client of an implementation, which does one step.
func recipe(impl, step string) string {
	return "name: n\nclients:\n- name: c\n  impl: " + impl + "\n  steps: [" + step + "]\n"
}
