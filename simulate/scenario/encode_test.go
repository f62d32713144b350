package scenario_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"etcd-lock/internal/yamlfile/schematest"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/internal/simtest"
	"etcd-lock/simulate/scenario"
)

// wantEncodes wants a scenario to be the same after it was written and read.
func TestEncodeKnown(t *testing.T) {
	for _, sc := range scenario.Builtin() {
		simtest.WantEncodes(t, sc, scenario.Notes{})
	}
	data, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sc, err := scenario.Parse("everything.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	simtest.WantEncodes(t, sc, scenario.Notes{})
}

// TestEncodeLaw wants Parse(Encode(sc)) to be sc, whatever it is.
func TestEncodeLaw(t *testing.T) {
	schema := schematest.Compile(t, scenario.Schema())
	for seed := range uint64(300) {
		sc := newAuthor(seed).scenario()
		data := simtest.WantEncodes(t, sc, scenario.Notes{Head: []string{"one", "t\x1bwo"}, Clients: map[string][]string{sc.Clients[0].Name: {"who"}}})
		if err := schema.Validate(t, data); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, data)
		}
	}
}

// TestEncodeWords: names that YAML takes for something else.
func TestEncodeWords(t *testing.T) {
	for _, word := range []string{
		"true", "no", "Null", "nan", "inf", "1", "0x1f", "1e3", "0b1", "0o7", "1_000", "1.5", "2001-01-01", "12:30:45", "1 2", "/", "_", "0", "00", "a b", "y", "On",
	} {
		locks := []rwlock.LockRequest{{Name: word, Mode: rwlock.Write}}
		sc := &scenario.Scenario{Name: "s", About: word, TTL: scenario.DefaultTTL, Seed: 1, Clients: []scenario.Client{{
			Name: "c", Count: 1, TTL: scenario.DefaultTTL, Repeat: 1,
			Steps: []scenario.Step{{Do: scenario.Write, Locks: locks}, {Do: scenario.Unlock, Locks: []rwlock.LockRequest{{Name: word}}}},
		}}}
		if scenario.IsName(word) {
			sc.Clients[0].Name = word
		}
		simtest.WantEncodes(t, sc, scenario.Notes{})
	}
}

func TestEncodeNotes(t *testing.T) {
	sc, err := scenario.Find("four-clients")
	if err != nil {
		t.Fatal(err)
	}
	data, err := scenario.Encode(sc, scenario.Notes{Head: []string{"a", "b\nc"}, Clients: map[string][]string{"r2": {"who"}}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "# a\n# b\\nc\nname: four-clients\n"; !strings.HasPrefix(string(data), want) {
		t.Errorf("%s\nwant first %s", data, want)
	}
	if want := "  # who\n  - name: r2\n"; !strings.Contains(string(data), want) {
		t.Errorf("%s\nwant in it %s", data, want)
	}
	sc = &scenario.Scenario{Clients: []scenario.Client{{Steps: []scenario.Step{{Do: scenario.Read, Locks: []rwlock.LockRequest{{Name: "\xff"}}}}}}}
	if _, err := scenario.Encode(sc, scenario.Notes{}); err == nil {
		t.Error("wrote what is not UTF-8")
	}
}

// author makes up scenarios.
type author struct{ *rand.Rand }

func newAuthor(seed uint64) author { return author{rand.New(rand.NewPCG(seed, 1))} }

// one is one of several.
func one[T any](a author, of ...T) T { return of[a.IntN(len(of))] }

func (a author) maybe() bool { return a.IntN(3) == 0 }

func (a author) duration() time.Duration { return time.Duration(1+a.IntN(4000)) * time.Millisecond }

func (a author) span() scenario.Span {
	s := scenario.Span{From: a.duration()}
	s.To = s.From
	if a.maybe() {
		s.To += a.duration()
	}
	return s
}

// lock is a name that no other index has, often one that makes trouble.
func (a author) lock(i int) string {
	trouble := []rune("/ab #:-{}[],'\"\\\n\r\t\x00\x7f\u0085\u2028\u202e\ufeff😀é&*!|>%@`~0.?=")
	var b strings.Builder
	for range a.IntN(6) {
		b.WriteRune(one(a, trouble...))
	}
	return b.String() + one(a, "/l", " #", "x") + fmt.Sprint(i)
}

func (a author) scenario() *scenario.Scenario {
	sc := &scenario.Scenario{
		Name:    "s",
		About:   one(a, "", "so: it goes", "#"),
		TTL:     one(a, scenario.DefaultTTL, time.Second, 90*time.Second),
		Seed:    one[uint64](a, scenario.DefaultSeed, 7, 1<<62),
		Cluster: a.IntN(4),
	}
	for i := range 1 + a.IntN(3) {
		sc.Clients = append(sc.Clients, a.client(fmt.Sprintf("%s-%d", one(a, "c", "1", "true", "x."), i), sc.TTL))
	}
	a.declare(sc)
	sc.Faults = a.faults(sc)
	if a.maybe() {
		sc.Expect.Log = []string{"LOCK1", "a: b", "- c"}[:a.IntN(4)]
	}
	for _, c := range sc.Clients {
		sc.Expect.Order = append(sc.Expect.Order, a.order(c)...)
	}
	if a.maybe() {
		sc.Expect.MaxWait, sc.Expect.Fenced = a.duration(), a.IntN(3)
	}
	return sc
}

// declare names the semaphores of the clients' steps, some with more permits than a client is
// told of.
func (a author) declare(sc *scenario.Scenario) {
	for i := range sc.Clients {
		c := &sc.Clients[i]
		for _, s := range c.Steps {
			for _, l := range s.Locks {
				if l.Mode != rwlock.Slot {
					continue
				}
				told := scenario.Semaphore{Name: l.Name, Permits: l.Permits}
				if a.maybe() {
					c.Semaphores = append(c.Semaphores, told)
					told.Permits++
				}
				sc.Semaphores = append(sc.Semaphores, told)
			}
		}
	}
}

func (a author) client(name string, ttl time.Duration) scenario.Client {
	c := scenario.Client{Name: name, Count: one(a, 1, 1, 3), TTL: one(a, ttl, 5*time.Second), After: one(a, scenario.Span{}, a.span()), Repeat: one(a, 1, 1, 4)}
	if a.maybe() {
		name := a.lock(0)
		c.Impl = one(a, scenario.ImplRWLock, scenario.ImplRecipe)
		c.Steps = []scenario.Step{{Do: scenario.Read, Locks: []rwlock.LockRequest{{Name: name, Mode: rwlock.Read}}}, {Do: scenario.Unlock, Locks: []rwlock.LockRequest{{Name: name}}}}
		return c
	}
	for i := range 1 + a.IntN(3) {
		c.Steps = append(c.Steps, a.section(name, i)...)
	}
	if end := one(a, scenario.Wait, scenario.Crash, scenario.Close); end != scenario.Wait && c.Repeat == 1 {
		c.Steps = append(c.Steps, scenario.Step{Do: end})
	}
	return c
}

// section takes locks, does something and gives them back.
func (a author) section(client string, i int) []scenario.Step {
	take, free := scenario.Step{Do: one(a, scenario.Read, scenario.Write, scenario.Slot, scenario.Together)}, scenario.Step{Do: scenario.Unlock}
	name := a.lock(i)
	switch mode := map[scenario.Action]rwlock.Mode{scenario.Read: rwlock.Read, scenario.Write: rwlock.Write}[take.Do]; take.Do {
	case scenario.Together:
		take.Locks = []rwlock.LockRequest{{Name: name, Mode: rwlock.Read}, {Name: name + "+", Mode: rwlock.Write}}
		free.Locks = []rwlock.LockRequest{{Name: name + "+"}, {Name: name}}
		if a.maybe() {
			pool := a.slot(name + client)
			take.Locks, free.Locks = append(take.Locks, pool), append(free.Locks, rwlock.LockRequest{Name: pool.Name})
		}
	case scenario.Slot:
		name += client // which no other client uses
		take.Locks, free.Locks = []rwlock.LockRequest{a.slot(name)}, []rwlock.LockRequest{{Name: name}}
	default:
		take.Locks, free.Locks = []rwlock.LockRequest{{Name: name, Mode: mode}}, []rwlock.LockRequest{{Name: name}}
	}
	if a.maybe() {
		take.Within = a.span()
	}
	switch a.IntN(4) {
	case 0:
		take.Try = true
		take.Expect = one(a, nil, []scenario.Moment{scenario.Refused}, []scenario.Moment{scenario.Granted, scenario.Lost})
	case 1:
		take.Cancel = scenario.Span{From: time.Millisecond, To: 2 * time.Millisecond}
		take.Within = scenario.Span{From: time.Second, To: time.Second}
		take.Expect = one(a, nil, []scenario.Moment{scenario.Waiting, scenario.Cancelled})
	case 2:
		take.Crash = scenario.Span{From: time.Millisecond, To: 2 * time.Millisecond}
		take.Within = scenario.Span{From: time.Second, To: time.Second}
	default:
		take.Expect = one(a, nil, []scenario.Moment{scenario.Waiting}, []scenario.Moment{scenario.Granted, scenario.Waiting}, []scenario.Moment{scenario.Deadline})
	}
	if a.maybe() {
		take.Waits = one(a, scenario.Bounds{AtLeast: time.Second}, scenario.Bounds{AtMost: time.Second}, scenario.Bounds{time.Second, time.Minute})
	}
	steps := []scenario.Step{take, {Do: scenario.Wait, For: one(a, scenario.Span{}, a.span())}}
	switch {
	case take.Do == scenario.Read && a.maybe():
		steps = append(steps, scenario.Step{Do: scenario.Upgrade, Locks: []rwlock.LockRequest{{Name: name, Mode: rwlock.Write}}, Expect: one(a, nil, []scenario.Moment{scenario.Refused})})
	case take.Do == scenario.Write && a.maybe():
		steps = append(steps, scenario.Step{Do: scenario.Downgrade, Locks: []rwlock.LockRequest{{Name: name, Mode: rwlock.Read}}})
	case a.maybe():
		steps = append(steps, scenario.Step{Do: scenario.Pause}, scenario.Step{Do: scenario.Wait, For: a.span()}, scenario.Step{Do: scenario.Resume})
	}
	return append(steps, free)
}

func (a author) slot(name string) rwlock.LockRequest {
	weight := 1 + a.IntN(2)
	return rwlock.LockRequest{Name: name, Mode: rwlock.Slot, Weight: weight, Permits: weight + a.IntN(2)}
}

func (a author) faults(sc *scenario.Scenario) []scenario.Fault {
	var faults []scenario.Fault
	at := time.Duration(0)
	add := func(f scenario.Fault) {
		f.At = one(a, scenario.Span{From: at, To: at}, scenario.Span{From: at, To: at + time.Second})
		at = f.At.To
		faults = append(faults, f)
	}
	if a.maybe() {
		add(scenario.Fault{Do: scenario.FaultCompact})
	}
	if sc.Cluster > 0 {
		cut := sc.Clients[0].Names()
		add(scenario.Fault{Do: scenario.FaultKill, Member: one(a, scenario.Leader, 1)})
		add(scenario.Fault{Do: scenario.FaultStart, Member: one(a, scenario.AllMembers, 1)})
		add(scenario.Fault{Do: scenario.FaultStop, Member: 1})
		add(scenario.Fault{Do: scenario.FaultCut, Clients: cut})
		add(scenario.Fault{Do: scenario.FaultHeal, Clients: cut[:1]})
	}
	return faults
}

func (a author) order(c scenario.Client) [][]scenario.Occurrence {
	take := c.Steps[0]
	name, lock := one(a, c.Names()...), take.Locks[0].Name
	return one(a, nil, [][]scenario.Occurrence{{
		{Moment: scenario.Asked, Client: name, Nth: 1},
		{Moment: scenario.Granted, Client: name, Lock: lock, Nth: c.Repeat},
		{Moment: scenario.Released, Client: name, Lock: lock, Nth: 1},
	}})
}
