package record

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"etcd-lock/rwlock"
	"etcd-lock/simulate/forecast"
	"etcd-lock/simulate/internal/lockset"
	"etcd-lock/simulate/internal/simtest"
	"etcd-lock/simulate/scenario"
)

// seen reads observations, a line each: at, moment, session, mode, lock, and
// after "#" what tells the request from others, and "=" its revision.
func seen(t *testing.T, text string) []Observed {
	t.Helper()
	var all []Observed
	revisions := map[string]int64{}
	for line := range strings.Lines(strings.TrimSpace(text)) {
		f := strings.Fields(line)
		at, err := time.ParseDuration(f[0])
		if err != nil {
			t.Fatal(err)
		}
		o := Observed{At: at, Moment: scenario.Moment(f[1]), Session: f[2], Who: strings.TrimLeft(f[2], "0123456789"), Lock: f[4], Mode: rwlock.Read}
		switch f[3] {
		case "read":
		case "slot":
			o.Mode = rwlock.Slot
		default:
			o.Mode, o.Mutex = rwlock.Write, f[3] == "mutex"
		}
		o.Key = strings.Join(f[2:], " ")
		if revisions[o.Key] == 0 {
			revisions[o.Key] = int64(len(revisions) + 1)
		}
		o.Revision = revisions[o.Key]
		for _, more := range f[5:] {
			_, _ = fmt.Sscanf(more, "=%d", &o.Revision)
			_, _ = fmt.Sscanf(more, "%d/%d", &o.Weight, &o.Permits)
		}
		all = append(all, o)
	}
	return all
}

// inShort is a recording's clients, a line each, and what is noted.
func inShort(rec Recording) string {
	var b strings.Builder
	for _, c := range rec.Clients {
		fmt.Fprintf(&b, "%s %s:", c.Name, c.After.From)
		for _, s := range c.Steps {
			b.WriteString(" " + string(s.Do))
			for _, l := range s.Locks {
				b.WriteString(" " + l.Name)
				if l.Mode == rwlock.Slot {
					fmt.Fprintf(&b, " %d/%d", l.Weight, l.Permits)
				}
			}
			if s.Within.From > 0 {
				fmt.Fprintf(&b, " within %s", s.Within.From)
			}
			if s.Do == scenario.Wait {
				fmt.Fprintf(&b, " %s", s.For.From)
			}
			b.WriteString(",")
		}
		for _, n := range rec.Notes.Clients[c.Name] {
			b.WriteString(" # " + n)
		}
		b.WriteString("\n")
	}
	for _, c := range rec.Expect.Order {
		for _, o := range c {
			b.WriteString(o.String() + "; ")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestOf(t *testing.T) {
	tests := []struct{ name, seen, want string }{
		{"a handover", `
1s granted a write /a
1.1s waiting b read /a
3s released a write /a
3s granted b read /a
4s released b read /a`, `
a 1s: write /a, wait 2s, unlock /a,
b 1.1s: read /a, wait 1s, unlock /a,
granted a /a; granted b /a; 
`},
		{"what was there comes first, in its order, whatever is seen first", `
0s waiting c write /a =3
0s waiting b write /a =2
0s granted a write /a =1
1s released a write /a =1
1s granted b write /a =2`, `
a 0s: write /a, wait 1s, unlock /a,
b 30ms: write /a, wait 4s, unlock /a,
c 60ms: write /a within 4.94s, unlock /a, # it still waited for "/a" when the recording ended
granted a /a; granted b /a; 
`},
		{"several locks, one inside the other", `
1s granted a write /a
2s granted a read /b
3s released a read /b
4s released a write /a`, `
a 1s: write /a, wait 1s, read /b, wait 1s, unlock /b, wait 1s, unlock /a,
`},
		{"permits of a semaphore, some granted at once", `
0s granted a slot /p 3/3
1s waiting b slot /p 1/3
1.1s waiting c slot /p 2/3
1.2s waiting d slot /p 1/3
2s released a slot /p 3/3
2s granted b slot /p 1/3
2s granted c slot /p 2/3
3s released b slot /p 1/3
3s granted d slot /p 1/3
4s released c slot /p 2/3
4s released d slot /p 1/3`, `
a 0s: slot /p 3/3, wait 2s, unlock /p,
b 1s: slot /p 1/3, wait 1s, unlock /p,
c 1.1s: slot /p 2/3, wait 2s, unlock /p,
d 1.2s: slot /p 1/3, wait 1s, unlock /p,
granted a /p; granted b /p; granted d /p; 
granted a /p; granted c /p; granted d /p; 
`},
		{"a session that holds permits twice", `
0s granted a slot /p 1/3
1s granted a slot /p 2/3
2s released a slot /p 2/3
3s released a slot /p 1/3`, `
a-a 0s: slot /p 1/3, wait 3s, unlock /p, # one of 2 clients of one session that did several things at once
a-b 1s: slot /p 2/3, wait 1s, unlock /p, # one of 2 clients of one session that did several things at once
granted a-a /p; granted a-b /p; 
`},
		{"clients that were told other permits", `
0s granted a slot /p 1/3
1s granted b slot /p 1/2
2s released a slot /p 1/3
2s granted a slot /p 1/4 =9
3s released a slot /p 1/4 =9
3s released b slot /p 1/2`, `
a-a 0s: slot /p 1/3, wait 2s, unlock /p, # one of 2 clients of one session that did several things at once, or was told several numbers of permits
b 1s: slot /p 1/2, wait 2s, unlock /p,
a-b 2s: slot /p 1/4, wait 1s, unlock /p, # one of 2 clients of one session that did several things at once, or was told several numbers of permits
granted a-a /p; granted b /p; granted a-b /p; 
`},
		{"two waits at once are two clients", `
0s granted a write /a
1s granted x write /b
2s waiting b write /a
2.5s waiting b write /b
3s released x write /b
3s granted b write /b
4s released a write /a
4s granted b write /a`, `
a 0s: write /a, wait 4s, unlock /a,
x 1s: write /b, wait 2s, unlock /b,
b-a 2s: write /a, wait 1.03s, unlock /a, # one of 2 clients of one session that did several things at once
b-b 2.5s: write /b, wait 2.03s, unlock /b, # one of 2 clients of one session that did several things at once
granted a /a; granted b-a /a; 
granted x /b; granted b-b /b; 
`},
		{"together", `
0s granted x write /b
1s waiting a write /b =9
1s granted a read /a =9
2s released x write /b
2s granted a write /b =9
3s released a write /b =9
3s released a read /a =9`, `
x 0s: write /b, wait 2s, unlock /b,
a 1s: together /a /b, wait 1s, unlock /a /b,
granted x /b; granted a /b; 
`},
		{"downgrade", `
1s granted a write /a =9
1s waiting a read /a =9
2s released a write /a =9
2s granted a read /a =9
3s released a read /a =9`, `
a 1s: write /a, wait 1s, downgrade /a, wait 1s, unlock /a,
`},
		{"upgrade", `
1s granted a read /a
2s waiting a write /a
3s cancelled a write /a
4s released a read /a`, `
a 1s: read /a, wait 1s, upgrade /a, wait 1s, downgrade /a, wait 1s, unlock /a,
`},
		{"given up", `
0s granted a write /a
1s waiting b write /a
2s cancelled b write /a`, `
a 0s: write /a, wait 5.03s, unlock /a,
b 1s: write /a within 1s, unlock /a, # it stopped waiting for "/a"
`},
		{"lost", `
0s granted a write /a
1s waiting b write /a
1s waiting c write /a
4s lost a write /a
4s granted b write /a
5s lost c write /a`, `
a 0s: write /a, wait 2s, crash, # its lease expired at 4s: it crashes earlier, so that its lease expires by then
b 1s: write /a, wait 1.06s, unlock /a,
c 1.03s: write /a within 4s, unlock /a, # its lease expired at 5.03s while it waited for "/a"
granted a /a; granted b /a; 
`},
		{"a long wait", `
0s granted a write /a
0s waiting b write /a
9s released a write /a
9s granted b write /a`, `
a 0s: write /a, wait 9s, unlock /a,
b 30ms: write /a within 28s, wait 30ms, unlock /a,
granted a /a; granted b /a; 
`},
		{"a mutex of the same name", `
0s granted a write /a
1s granted b mutex /a
9s granted 1/é read /a/b
9s granted 2/é read /a/b`, `
a 0s: write /a, wait 9.06s, unlock /a,
b 1s: write /a+, wait 8.06s, unlock /a+,
client-1 9s: read /a/b, wait 60ms, unlock /a/b,
client-2 9.03s: read /a/b, wait 30ms, unlock /a/b,
`},
		{"what came before is unknown", "1s released a write /a\n2s granted b write /a", `
b 2s: write /a, wait 3.03s, unlock /a,
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec, err := Of(seen(t, tt.seen), Options{Name: "r", Until: 5 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			if got := "\n" + inShort(rec); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
			simtest.WantEncodes(t, rec.Scenario, rec.Notes)
		})
	}
}

// TestRecordUnsure: an order that a replay may not keep is not expected, but
// said.
func TestRecordUnsure(t *testing.T) {
	rec, err := Of(seen(t, `
0s granted x write /b
0.1s waiting a write /b
0.1s granted c write /c
0.2s waiting c write /b
1s released x write /b
1s granted a write /b
1s granted a write /a
1.002s granted b write /a`), Options{Name: "r", Until: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"granted b /a after granted a /a"}; !slices.Equal(rec.Unsure, want) {
		t.Errorf("unsure %q, want %q", rec.Unsure, want)
	}
	if want := "# Not certain, so not expected: granted b /a after granted a /a\n"; !strings.HasPrefix(string(rec.File), want) {
		t.Errorf("%s\nwant first %s", rec.File, want)
	}
	if got := fmt.Sprint(rec.Expect.Order); got != "[[granted x /b granted a /b]]" {
		t.Errorf("expected order %s", got)
	}
}

func TestRecordAnonymous(t *testing.T) {
	rec, err := Of(seen(t, `
0s granted secret write /secret/a
0s granted hidden write /secret/a/b
0s granted hidden write /b/secret
1s released secret write /secret/a`), Options{Name: "r", Anonymize: true, Until: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/n1/n2", "/n1/n2/n3", "/n3/n1"}
	if got := rec.Locks(); !slices.Equal(got, want) {
		t.Errorf("locks %q, want %q", got, want)
	}
	for _, word := range []string{"secret", "hidden"} {
		if strings.Contains(string(rec.File), word) {
			t.Errorf("the file tells %s:\n%s", word, rec.File)
		}
	}
}

func TestRecordNames(t *testing.T) {
	n := newNaming(false)
	var got []string
	for _, who := range []string{"a", "a", "a b/c", "-x", "", "client", strings.Repeat("é", 70), strings.Repeat("y", 70)} {
		got = append(got, n.client(who, 1))
	}
	want := []string{"a", "a-2", "a-b-c", "x", "client-1", "client", "client-2", strings.Repeat("y", 48)}
	if !slices.Equal(got, want) {
		t.Errorf("names %q, want %q", got, want)
	}
	if got := n.lock(Observed{Lock: "\xff"}); got != `\xff` {
		t.Errorf("a lock that is no text is %q", got)
	}
	if got := n.lock(Observed{Mutex: true}); got != "mutex" {
		t.Errorf("a lock without a name is %q", got)
	}
}

func TestRecordNothing(t *testing.T) {
	if _, err := Of(nil, Options{Name: "r"}); !errors.Is(err, ErrNothingSeen) {
		t.Errorf("Record = %v", err)
	}
}

// TestRecordOfAForecast wants a recording of what is forecast to have the same
// grants.
func TestRecordOfAForecast(t *testing.T) {
	for seed := range uint64(200) {
		data, err := scenario.Encode(simtest.Contention(seed, "made"), scenario.Notes{})
		if err != nil {
			t.Fatal(err)
		}
		sc := simtest.Parse(t, string(data))
		f := forecast.Make(sc, forecast.Options{Seed: 1})
		rec, err := Of(observe(f), Options{Name: "r", Until: f.Events[len(f.Events)-1].At})
		if errors.Is(err, ErrNothingSeen) {
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := forecast.Make(simtest.Parse(t, string(rec.File)), forecast.Options{}).Err(); err != nil {
			t.Fatalf("seed %d: %v\n%s\n%s", seed, err, data, rec.File)
		}
	}
}

// observe returns what a watch would see of what is forecast, as far as queues go.
func observe(f forecast.Forecast) []Observed {
	var all []Observed
	revision := int64(0)
	open := map[string][]Observed{}
	for _, e := range f.Events {
		if e.Do == scenario.Upgrade || e.Do == scenario.Downgrade {
			continue
		}
		id := fmt.Sprint(e.Client, lockset.Quoted(e.Locks))
		switch e.Moment {
		case scenario.Waiting, scenario.Granted:
			if open[id] == nil {
				revision++
				for _, l := range e.Locks {
					open[id] = append(open[id], Observed{Key: fmt.Sprint(revision, l), Revision: revision, Session: e.Client, Who: e.Client, Lock: l.Name, Mode: l.Mode, Weight: l.Weight, Permits: l.Permits})
				}
			}
		case scenario.Released, scenario.Deadline:
			if open[id] == nil {
				continue
			}
		default:
			continue
		}
		for _, o := range open[id] {
			o.At, o.Moment = e.At, e.Moment
			all = append(all, o)
		}
		if e.Moment == scenario.Released || e.Moment == scenario.Deadline {
			delete(open, id)
		}
	}
	return all
}
