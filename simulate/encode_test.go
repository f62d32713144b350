package simulate

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"etcd-lock/rwlock"
)

// wantEncodes wants a scenario to be the same after it was written and read.
func wantEncodes(t *testing.T, sc *Scenario, notes Notes) []byte {
	t.Helper()
	data, err := Encode(sc, notes)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse("test.yaml", data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	if diff := cmp.Diff(sc, got, cmpopts.IgnoreTypes(Place{}), cmpopts.IgnoreFields(Scenario{}, "File")); diff != "" {
		t.Fatalf("Parse(Encode) (-want +got):\n%s\n%s", diff, data)
	}
	return data
}

func TestEncodeKnown(t *testing.T) {
	for _, sc := range Builtin() {
		wantEncodes(t, sc, Notes{})
	}
	data, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sc, err := Parse("everything.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	wantEncodes(t, sc, Notes{})
}

// TestEncodeLaw wants Parse(Encode(sc)) to be sc, whatever it is.
func TestEncodeLaw(t *testing.T) {
	schema := compileSchema(t)
	for seed := range uint64(300) {
		sc := newAuthor(seed).scenario()
		data := wantEncodes(t, sc, Notes{Head: []string{"one", "t\x1bwo"}, Clients: map[string][]string{sc.Clients[0].Name: {"who"}}})
		if err := valid(t, schema, data); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, data)
		}
	}
}

// TestEncodeWords: names that YAML takes for something else.
func TestEncodeWords(t *testing.T) {
	for _, word := range []string{
		"true", "no", "Null", "nan", "inf", "1", "0x1f", "1e3", "0b1", "0o7", "1_000", "1.5", "2001-01-01", "12:30:45", "1 2", "/", "_", "0", "00", "a b", "y", "On",
	} {
		locks := []rwlock.Want{{Name: word, Mode: rwlock.Write}}
		sc := &Scenario{Name: "s", About: word, TTL: DefaultTTL, Seed: 1, Clients: []Client{{
			Name: "c", Count: 1, TTL: DefaultTTL, Repeat: 1,
			Steps: []Step{{Do: Write, Locks: locks}, {Do: Unlock, Locks: []rwlock.Want{{Name: word}}}},
		}}}
		if nameFormat.MatchString(word) {
			sc.Clients[0].Name = word
		}
		wantEncodes(t, sc, Notes{})
	}
}

func TestEncodeNotes(t *testing.T) {
	sc, err := Find("four-clients")
	if err != nil {
		t.Fatal(err)
	}
	data, err := Encode(sc, Notes{Head: []string{"a", "b\nc"}, Clients: map[string][]string{"r2": {"who"}}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "# a\n# b\\nc\nname: four-clients\n"; !strings.HasPrefix(string(data), want) {
		t.Errorf("%s\nwant first %s", data, want)
	}
	if want := "  # who\n  - name: r2\n"; !strings.Contains(string(data), want) {
		t.Errorf("%s\nwant in it %s", data, want)
	}
	sc = &Scenario{Clients: []Client{{Steps: []Step{{Do: Read, Locks: []rwlock.Want{{Name: "\xff"}}}}}}}
	if _, err := Encode(sc, Notes{}); err == nil {
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

func (a author) span() Span {
	s := Span{From: a.duration()}
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

func (a author) scenario() *Scenario {
	sc := &Scenario{
		Name:    "s",
		About:   one(a, "", "so: it goes", "#"),
		TTL:     one(a, DefaultTTL, time.Second, 90*time.Second),
		Seed:    one[uint64](a, DefaultSeed, 7, 1<<62),
		Cluster: a.IntN(4),
	}
	for i := range 1 + a.IntN(3) {
		sc.Clients = append(sc.Clients, a.client(fmt.Sprintf("%s-%d", one(a, "c", "1", "true", "x."), i), sc.TTL))
	}
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

func (a author) client(name string, ttl time.Duration) Client {
	c := Client{Name: name, Count: one(a, 1, 1, 3), TTL: one(a, ttl, 5*time.Second), After: one(a, Span{}, a.span()), Repeat: one(a, 1, 1, 4)}
	if a.maybe() {
		name := a.lock(0)
		c.Make = one(a, ImplRWLock, ImplRecipe)
		c.Steps = []Step{{Do: Read, Locks: []rwlock.Want{{Name: name, Mode: rwlock.Read}}}, {Do: Unlock, Locks: []rwlock.Want{{Name: name}}}}
		return c
	}
	for i := range 1 + a.IntN(3) {
		c.Steps = append(c.Steps, a.section(i)...)
	}
	if end := one(a, Wait, Crash, Close); end != Wait && c.Repeat == 1 {
		c.Steps = append(c.Steps, Step{Do: end})
	}
	return c
}

// section takes locks, does something and gives them back.
func (a author) section(i int) []Step {
	take, free := Step{Do: one(a, Read, Write, Together)}, Step{Do: Unlock}
	name := a.lock(i)
	switch mode := map[Action]rwlock.Mode{Read: rwlock.Read, Write: rwlock.Write}[take.Do]; take.Do {
	case Together:
		take.Locks = []rwlock.Want{{Name: name, Mode: rwlock.Read}, {Name: name + "+", Mode: rwlock.Write}}
		free.Locks = []rwlock.Want{{Name: name + "+"}, {Name: name}}
	default:
		take.Locks, free.Locks = []rwlock.Want{{Name: name, Mode: mode}}, []rwlock.Want{{Name: name}}
	}
	if a.maybe() {
		take.Within = a.span()
	}
	switch a.IntN(4) {
	case 0:
		take.Try = true
		take.Expect = one(a, nil, []Moment{Refused}, []Moment{Granted, Lost})
	case 1:
		take.Cancel = Span{From: time.Millisecond, To: 2 * time.Millisecond}
		take.Within = Span{From: time.Second, To: time.Second}
		take.Expect = one(a, nil, []Moment{Waiting, Cancelled})
	case 2:
		take.Crash = Span{From: time.Millisecond, To: 2 * time.Millisecond}
		take.Within = Span{From: time.Second, To: time.Second}
	default:
		take.Expect = one(a, nil, []Moment{Waiting}, []Moment{Granted, Waiting}, []Moment{Deadline})
	}
	if a.maybe() {
		take.Waits = one(a, Bounds{AtLeast: time.Second}, Bounds{AtMost: time.Second}, Bounds{time.Second, time.Minute})
	}
	steps := []Step{take, {Do: Wait, For: one(a, Span{}, a.span())}}
	switch {
	case take.Do == Read && a.maybe():
		steps = append(steps, Step{Do: Upgrade, Locks: []rwlock.Want{{Name: name, Mode: rwlock.Write}}, Expect: one(a, nil, []Moment{Refused})})
	case take.Do == Write && a.maybe():
		steps = append(steps, Step{Do: Downgrade, Locks: []rwlock.Want{{Name: name, Mode: rwlock.Read}}})
	case a.maybe():
		steps = append(steps, Step{Do: Pause}, Step{Do: Wait, For: a.span()}, Step{Do: Resume})
	}
	return append(steps, free)
}

func (a author) faults(sc *Scenario) []Fault {
	var faults []Fault
	at := time.Duration(0)
	add := func(f Fault) {
		f.At = one(a, Span{From: at, To: at}, Span{From: at, To: at + time.Second})
		at = f.At.To
		faults = append(faults, f)
	}
	if a.maybe() {
		add(Fault{Do: FaultCompact})
	}
	if sc.Cluster > 0 {
		cut := sc.Clients[0].Names()
		add(Fault{Do: FaultKill, Member: one(a, Leader, 1)})
		add(Fault{Do: FaultStart, Member: one(a, AllMembers, 1)})
		add(Fault{Do: FaultStop, Member: 1})
		add(Fault{Do: FaultCut, Clients: cut})
		add(Fault{Do: FaultHeal, Clients: cut[:1]})
	}
	return faults
}

func (a author) order(c Client) [][]Occurrence {
	take := c.Steps[0]
	name, lock := one(a, c.Names()...), take.Locks[0].Name
	return one(a, nil, [][]Occurrence{{
		{Moment: Asked, Client: name, Nth: 1},
		{Moment: Granted, Client: name, Lock: lock, Nth: c.Repeat},
		{Moment: Released, Client: name, Lock: lock, Nth: 1},
	}})
}
