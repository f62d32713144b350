package diagnose

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/locktest"
)

// data is findings as lines: what is set in each, then its remedies.
func data(findings []Finding) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%s %s of %s: %s", f.Severity, f.Kind, ids(f.Sessions), locktest.Keys(f.Requests))
		field := func(name string, value any, set bool) {
			if set {
				fmt.Fprintf(&b, "; %s %v", name, value)
			}
		}
		field("behind", f.Behind, f.Behind != 0)
		field("more", f.More, f.More != 0)
		field("cycle", linked(f.Cycle), f.Cycle != nil)
		field("age", f.Age, f.Age != 0)
		field("bound", f.Bound, f.Bound > inspect.AgeExact)
		field("over", f.Threshold, f.Threshold != 0)
		field("remaining", f.Remaining, f.Remaining != 0)
		field("end", effect(f.End), len(f.End.Releases) > 0)
		field("holders", ids(f.Holders), f.Holders != nil)
		field("root", "deadlock", f.Root.Deadlock)
		field("root", f.Root.Entry.Request.Key, f.Root.Entry.Session != nil)
		b.WriteString("\n")
		for _, r := range f.Remedies {
			fmt.Fprintf(&b, "  %s\n", remedy(r))
		}
	}
	return b.String()
}

// short is a session's lease without zeros before it, or its key.
func short(id inspect.SessionID) string {
	if id.Lease == 0 {
		return id.Key
	}
	return strconv.FormatInt(id.Lease, 16)
}

func ids(sessions []*inspect.Session) string {
	var words []string
	for _, s := range sessions {
		words = append(words, short(s.ID))
	}
	return strings.Join(words, " ")
}

func effect(e Effect) string {
	var words []string
	for _, r := range e.Releases {
		words = append(words, "-"+r.Key)
	}
	for _, g := range e.Grants {
		words = append(words, "+"+g.Request.Key)
	}
	return strings.Join(words, " ")
}

func remedy(r Remedy) string {
	text := "key " + r.Target.Key
	if r.Target.Lease != 0 {
		text = fmt.Sprintf("lease %x", r.Target.Lease)
	}
	text += ": " + effect(r.Effect)
	if r.IfDead {
		text += "; if dead"
	}
	for _, e := range r.Unlocks {
		text += "; unlocks " + e.Request.Key
	}
	if r.Unprotected != nil {
		text += "; unprotected " + short(r.Unprotected.ID)
	}
	return text
}

// TestFindings pins what is found; the words for it are pinned in package narrate.
func TestFindings(t *testing.T) {
	want := map[string]string{
		"nothing":                   "",
		"converging is no deadlock": "",
		"deadlock": `
critical deadlock of a b: /b/read/3 /b/write/2 /a/write/4 /a/write/1; cycle a hard b /b, b hard a /a
  lease b: -/a/write/4 -/b/write/2 +/b/read/3
  lease a: -/a/write/1 -/b/read/3 +/a/write/4
`,
		"deadlock of three": `
critical deadlock of a b c: /b/write/4 /b/read/2 /c/write/5 /c/write/3 /a/write/6 /a/write/1; behind 1; cycle a hard b /b, b hard c /c, c hard a /a
  lease c: -/a/write/6 -/c/write/3 +/c/write/5
  lease b: -/b/read/2 -/c/write/5 +/b/write/4
  lease a: -/a/write/1 -/b/write/4 +/a/write/6
`,
		"deadlock through a waiter ahead": `
critical deadlock of a c b: /b/write/5 /b/write/2 /a/read/4 /a/write/3 /a/read/1; cycle a hard c /b, c soft b /a, b hard a /a
  lease b: -/a/write/3 +/a/read/4
  lease a: -/a/read/1 -/b/write/5 +/a/write/3
  lease c: -/a/read/4 -/b/write/2 +/b/write/5
`,
		"deadlock of a waiter ahead elsewhere": `
critical deadlock of c b: /a/read/5 /a/write/3 /b/write/6 /b/write/2; cycle c soft b /a, b hard c /b
  lease b: -/a/write/3 -/b/write/6 +/a/read/5
  lease c: -/a/read/5 -/b/write/2 +/b/write/6
`,
		"deadlock inside": `
critical deadlock of a b c: /stock/a /stock/b /orders/write/4 /orders/write/1; cycle a hard b /stock, b inside c /orders, c hard a /orders
  lease c: -/orders/write/4; unlocks /stock/b
  lease a: -/orders/write/1 -/stock/a +/orders/write/4
  lease b: -/stock/b +/stock/a; unprotected c
`,
		"deadlock inside, under another lock": `
critical deadlock of a b c: /b/write/4 /b/write/2 /c/write/3 /a/write/5 /a/write/1; cycle a hard b /b, b inside c /a, c hard a /a
  lease c: -/a/write/5; unlocks /c/write/3
  lease a: -/a/write/1 -/b/write/4 +/a/write/5
  lease b: -/b/write/2 -/c/write/3 +/b/write/4; unprotected c
`,
		"deadlock inside, with itself": `
critical deadlock of a c: /a/write/1 /a/write/2; cycle a inside c /a, c hard a /a
  lease c: -/a/write/2; unlocks /a/write/1
  lease a: -/a/write/1 +/a/write/2; unprotected c
`,
		"deadlock inside, nested": `
critical deadlock of a b c: /a/write/1 /b/write/2 /a/write/3; cycle a inside b /b, b inside c /a, c hard a /a
  lease c: -/a/write/3; unlocks /b/write/2
  lease b: -/b/write/2; unlocks /a/write/1; unprotected c
  lease a: -/a/write/1 +/a/write/3; unprotected b
`,
		"inside each other by report only": "",
		"a wait for a nested process":      "",
		"deadlock in a larger component": `
critical deadlock of a b: /b/write/5 /b/write/2 /a/write/4 /a/write/1; behind 1; cycle a hard b /b, b hard a /a
  lease b: -/a/write/4 -/b/write/2 -/c/write/7 +/b/write/5
  lease a: -/a/write/1 -/b/write/5 +/a/write/4
`,
		"deadlock of namesakes": `
critical deadlock of a 1a: /b/write/3 /b/write/2 /a/write/4 /a/write/1; cycle a hard 1a /b, 1a hard a /a
  lease 1a: -/a/write/4 -/b/write/2 +/b/write/3
  lease a: -/a/write/1 -/b/write/3 +/a/write/4
`,
		"no lease": `
critical no-lease of /a/write/1: /a/write/1; behind 3; more 2
  key /a/write/1: -/a/write/1 +/a/write/2; if dead
warning no-lease of /b/read/5: /b/read/5
  key /b/read/5: -/b/read/5; if dead
warning no-lease of /c/write/7: /c/write/7
  key /c/write/7: -/c/write/7; if dead
`,
		"no lease, and a key like an option": `
warning no-lease of -a/write/1: -a/write/1
  key -a/write/1: --a/write/1; if dead
`,
		"expiring": `
warning expiring of a: /a/write/1 /b/read/4; behind 2; remaining 12s; end -/a/write/1 -/b/read/4 +/a/read/2 +/a/read/3 +/b/write/5
  lease a: -/a/write/1 -/b/read/4 +/a/read/2 +/a/read/3 +/b/write/5; if dead
warning expiring of b: /a/read/2 /c/write/6; remaining 1h6m40s; end -/a/read/2 -/c/write/6
  lease b: -/a/read/2 -/c/write/6; if dead
`,
		"lease gone": `
notice lease-gone of a: /a/write/1; behind 1; end -/a/write/1 +/a/write/2
notice lease-gone of c: /b/read/1; end -/b/read/1
`,
		"lease overdue": `
critical lease-overdue of a: /a/write/1; behind 1; remaining -32s; end -/a/write/1 +/a/write/2
  lease a: -/a/write/1 +/a/write/2
warning lease-overdue of c: /b/read/1; remaining -1s; end -/b/read/1
  lease c: -/b/read/1
`,
		"lease missing": `
critical lease-missing of c: /b/read/1; behind 2; more 1
  key /b/read/1: -/b/read/1 +/b/write/2
critical lease-missing of a: /a/write/1; behind 1
  key /a/write/1: -/a/write/1 +/a/write/2
`,
		"lease granted again": `
critical lease-missing of c: /b/read/1; behind 2; more 1
  key /b/read/1: -/b/read/1 +/b/write/2
critical lease-missing of a: /a/write/1; behind 1
  key /a/write/1: -/a/write/1 +/a/write/2
`,
		"lease granted again, used and not renewed": `
critical lease-missing of a: /a/write/1; behind 1
  key /a/write/1: -/a/write/1 +/a/write/2; if dead
warning expiring of a: /a/write/1 /b/write/3; behind 2; remaining 12s; end -/b/write/3 +/b/write/4
  lease a: -/b/write/3 +/b/write/4; if dead
`,
		"another key on a lease that was granted again": `
critical other-key of a: /a/k1; behind 1
  key /a/k1: -/a/k1 +/a/b
`,
		"long wait": `
warning long-wait of b: /a/write/2; behind 1; more 1; age 5m0s; over 30s; holders a
  lease a: -/a/write/1 +/a/write/2; if dead
`,
		"long wait for readers": `
warning long-wait of f: /a/write/6; age 31s; over 30s; holders a b c d e
  lease a: -/a/read/1; if dead
  lease b: -/a/read/2; if dead
  lease c: -/a/read/3; if dead
  lease d: -/a/read/4; if dead
  lease e: -/a/read/5; if dead
`,
		"long wait for another lock": `
warning long-wait of b: /a/write/2; age 1h30m0s; over 30s; holders a; root /b/write/3
  lease c: -/b/write/3 +/b/write/4; if dead
`,
		"long wait for a deadlock": `
critical deadlock of a b: /b/read/3 /b/write/2 /a/write/4 /a/write/1; behind 1; cycle a hard b /b, b hard a /a
  lease b: -/a/write/4 -/b/write/2 +/b/read/3
  lease a: -/a/write/1 -/b/read/3 +/a/write/4
warning long-wait of c: /a/write/5; age 31s; over 30s; holders a; root deadlock
  lease b: -/a/write/4 -/b/write/2 +/b/read/3
  lease a: -/a/write/1 -/b/read/3 +/a/write/4
`,
		"long hold": `
notice long-hold of a: /a/write/1; behind 2; age 12m0s; bound at_most; over 10m0s
notice long-hold of a: /b/read/4; more 1; age 50h0m0s; bound at_most; over 10m0s
`,
		"long hold, seen granted": `
warning long-hold of a: /a/write/1; behind 1; age 12m0s; over 10m0s
  lease a: -/a/write/1 +/a/write/2; if dead
`,
		"long wait before a grant": "",
		"long hold, older than the watch": `
warning long-hold of a: /a/write/1; behind 1; age 11m0s; bound at_least; over 10m0s
  lease a: -/a/write/1 -/b/write/3 +/a/write/2 +/b/write/4; if dead
warning long-hold of a: /b/write/3; behind 1; age 11m0s; bound at_least; over 10m0s
  lease a: -/a/write/1 -/b/write/3 +/a/write/2 +/b/write/4; if dead
`,
		"long wait, older than the watch": `
warning long-wait of b: /a/write/2; age 54s; bound at_least; over 30s; holders a
  lease a: -/a/write/1 +/a/write/2; if dead
`,
		"not renewed since a leader change": `
warning expiring of a: /a/write/1; behind 1; remaining 55s; end -/a/write/1 +/a/write/2
  lease a: -/a/write/1 +/a/write/2; if dead
`,
		"mixed layouts": `
warning mixed-layouts of b a: /a/b /a/write/2
`,
		"another key": `
critical other-key of /a/k1: /a/k1; behind 2
  key /a/k1: -/a/k1 +/a/a
`,
		"another key on a lease": `
warning other-key of a: /a/k1; behind 1
  key /a/k1: -/a/k1 +/a/write/2
`,
		"another key on a lease that is missing": `
critical other-key of a: /a/k1; behind 1
  key /a/k1: -/a/k1 +/a/b
`,
		"another key on a lease that is overdue": `
critical other-key of a: /a/k1; behind 1
  key /a/k1: -/a/k1 +/a/b
critical lease-overdue of a: /a/k1; behind 1; remaining -32s; end -/a/k1 +/a/b
  lease a: -/a/k1 +/a/b
`,
		"another key that is in the way of two": `
critical other-key of /a/b/k1: /a/b/k1; behind 2
  key /a/b/k1: -/a/b/k1 +/a/b/a
`,
		"long wait for another key": `
critical other-key of /a/k1: /a/k1; behind 1
  key /a/k1: -/a/k1 +/a/a
warning long-wait of a: /a/a; age 31s; over 30s; root /a/k1
  key /a/k1: -/a/k1 +/a/a
`,
		"deadlock through nested names": `
critical deadlock of a b: /c/a /c/b /n/b /n/x/a; cycle a hard b /c, b hard a /n/x
  lease a: -/c/a -/n/x/a +/n/b
  lease b: -/c/b -/n/b +/c/a
`,
		"self-wait through nested names": `
warning self-wait of a: /a/b/a /a/a; behind 1
  lease a: -/a/a -/a/b/a +/a/b
  key /a/a: -/a/a
`,
		"modified": `
critical modified of a: /a/write/1; behind 1; more 1
  key /a/write/1: -/a/write/1 +/a/write/2
warning modified of a: /b/write/5
  key /b/write/5: -/b/write/5
`,
		"modified while it waits": `
warning modified of b: /a/write/2; behind 1
  key /a/write/2: -/a/write/2
`,
		"self-wait": `
warning self-wait of a: /a/read/1 /a/write/2; behind 1
  lease a: -/a/read/1 -/a/write/2 +/a/write/3
  key /a/write/2: -/a/write/2
`,
		"self-wait behind another": `
warning self-wait of a: /a/read/1 /a/read/3; behind 1
  lease a: -/a/read/1 -/a/read/3 +/a/write/2
  key /a/read/3: -/a/read/3
warning long-wait of a: /a/read/3; age 31s; over 30s; holders a
  lease a: -/a/read/1 -/a/read/3 +/a/write/2; if dead
`,
		"self-wait, for now": `
notice self-wait of a: /a/write/1 /a/write/3; behind 1; more 1
`,
	}
	for _, tt := range locktest.Incidents {
		t.Run(tt.Name, func(t *testing.T) {
			d := Locks(locktest.Snapshot(t, tt.Locks), tt.Leases, Thresholds{}, locktest.Epoch)
			if diff := gocmp.Diff(strings.TrimPrefix(want[tt.Name], "\n"), data(d.Findings)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRank(t *testing.T) {
	d := Locks(locktest.Snapshot(t, `
		/notice    1A.w1@1h
		/warning   -.w2
		/few       -.w3 2A.w4
		/many      -.w5 3A.w6 4A.w7
		/m         5A.w8 6A.w10
		/n         6A.w9 5A.w11
		/also-few  -.w12 7A.w13`), nil, Thresholds{}, locktest.Epoch)
	var got []string
	for _, f := range d.Findings {
		got = append(got, fmt.Sprintf("%s %s %s %d", f.Severity, f.Kind, f.Locks[0].Name, f.Behind))
	}
	want := []string{
		"critical no-lease /many 2",
		"critical no-lease /also-few 1",
		"critical no-lease /few 1",
		"critical deadlock /n 0",
		"warning no-lease /warning 0",
		"notice long-hold /notice 0",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSeverityText(t *testing.T) {
	for s, want := range map[Severity]string{Critical: "critical", Warning: "warning", Notice: "notice", 0: "unknown"} {
		if got, err := s.MarshalText(); err != nil || string(got) != want {
			t.Errorf("%d: %q, %v; want %q", s, got, err, want)
		}
	}
}

func TestThresholds(t *testing.T) {
	s := locktest.Snapshot(t, "/a A.w1@12m B.w2@31s")
	for _, tt := range []struct {
		t    Thresholds
		want int
	}{
		{Thresholds{}, 2},
		{DefaultThresholds, 2},
		{Thresholds{Wait: 31 * time.Second}, 1},
		{Thresholds{Hold: 12 * time.Minute}, 1},
		{Thresholds{Wait: time.Hour, Hold: time.Hour}, 0},
	} {
		if got := len(Locks(s, nil, tt.t, locktest.Epoch).Findings); got != tt.want {
			t.Errorf("%+v: %d findings, want %d", tt.t, got, tt.want)
		}
	}
}

func TestExpiringIsDue(t *testing.T) {
	leases := map[int64]inspect.Lease{0xa: {State: inspect.LeaseAlive, Granted: time.Minute, Remaining: 7 * time.Second}}
	f := Locks(locktest.Snapshot(t, "/a A.w1"), leases, Thresholds{}, locktest.Epoch).Findings[0]
	if want := locktest.Epoch.Add(7 * time.Second); !f.Due.Equal(want) {
		t.Errorf("Due = %v, want %v", f.Due, want)
	}
}

func TestSession(t *testing.T) {
	d := Locks(locktest.Snapshot(t, "/a A.w1 B.w3\n/b A.r2 -.w4\n/c B.w5 A.w6"), nil, Thresholds{}, locktest.Epoch)
	s, ok := d.Session(inspect.SessionID{Lease: 0xa})
	if !ok || locktest.Keys(s.Holds()) != "/a/write/1 /b/read/2" || locktest.Keys(s.Waits()) != "/c/write/6" {
		t.Errorf("session = %+v, %v", s, ok)
	}
	if _, ok := (Diagnosis{}).Session(s.ID); ok || len((Diagnosis{}).About("/a").Locks) > 0 {
		t.Error("the zero value has something")
	}
	if _, ok := d.Session(inspect.SessionID{Lease: 0xd}); ok {
		t.Error("found a session that is not there")
	}
	var ids []string
	for _, s := range d.Sessions {
		ids = append(ids, short(s.ID))
	}
	if want := []string{"a", "b", "/b/write/4"}; !slices.Equal(ids, want) {
		t.Errorf("sessions = %q, want %q", ids, want)
	}
}

// drawn is trees as lines: who, by which kind of edge, how many are behind.
func drawn(roots []*tree) string {
	var b strings.Builder
	var draw func(*tree)
	draw = func(n *tree) {
		fmt.Fprintf(&b, "%s%s %s %d\n", strings.Repeat("  ", n.depth), n.session.Who(), cmp.Or(string(n.edge.Kind), "root"), n.behind)
		for _, child := range n.children {
			draw(child)
		}
	}
	for _, root := range roots {
		draw(root)
	}
	return b.String()
}

func TestRoots(t *testing.T) {
	tests := []struct{ name, locks, want string }{
		{"nobody waits", "/a A.w1\n/b A.r2 B.r3", ""},
		{"nobody waits for a lock", "/a A.w1\n/b B.w2</a/write/1", ""},
		{"one queue", "/a A.w1 B.w2 C.r3 D.w4", `
a root 3
  b hard 0
  c hard 0
  d hard 0
`},
		{"a writer holds up readers", "/a A.r1 B.w2 C.r3", `
a root 2
  b hard 1
    c soft 0
`},
		{"readers hold together", "/a A.r1 B.r2 C.w3", `
a root 1
  c hard 0
b root 1
`},
		{"most behind first", "/a A.w1 B.w2\n/b C.w3 D.w4 E.w5", `
c root 2
  d hard 0
  e hard 0
a root 1
  b hard 0
`},
		{"inside", "/a A.w1 B.w3\n/b C.r2</a/write/1 D.w4", `
c root 3
  a inside 1
    b hard 0
  d hard 0
`},
		{"the oldest stands for a deadlock", "/a A.w1 B.w4 C.w5\n/b B.w2 A.w3", `
a root 2
  b hard 0
  c hard 0
`},
		{"a deadlock that waits for another", "/a A.w1 B.w4\n/b B.w2 A.w3\n/c D.w6 A.w7", `
d root 2
  a hard 1
    b hard 0
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := Locks(locktest.Snapshot(t, tt.locks), nil, Thresholds{}, locktest.Epoch)
			if diff := gocmp.Diff(strings.TrimPrefix(tt.want, "\n"), drawn(trees(d))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// linked is edges as a line.
func linked(edges []Edge) string {
	var words []string
	for _, e := range edges {
		words = append(words, fmt.Sprintf("%s %s %s %s", short(e.From.ID), e.Kind, short(e.To.ID), e.Blocker.Lock.Name))
	}
	return strings.Join(words, ", ")
}

func TestAbout(t *testing.T) {
	tests := []struct {
		name, locks                     string
		found                           int
		chains, roots, cycles, findings []string
		remedy                          Target
	}{
		{name: "free", locks: "/b A.w1 B.w2"},
		{name: "held", locks: "/a A.w1\n/b -.w2 B.w3", found: 1},
		{
			name: "another lock is in the way", locks: "/a A.w1 B.w2 C.w3~31s\n/b -.w4 A.w5 F.w9\n/c A.w6 -.w7 E.w8", found: 1,
			chains: []string{"c hard a /a, a hard /b/write/4 /b"}, roots: []string{"key /b/write/4"}, remedy: Target{Key: "/b/write/4"},
			findings: []string{"no-lease /b", "long-wait /a"},
		},
		{
			name: "the way begins at this lock", locks: "/a A.w1 B.w2\n/b C.w3 A.w4\n/c D.w5 B.w6", found: 1,
			chains: []string{"b hard a /a, a hard c /b"}, roots: []string{"c", "d"},
		},
		{
			name: "both layouts", locks: "/a A.w1 B.w2 C.m3 D.m4", found: 2,
			chains: []string{"d hard a /a", "b hard a /a"}, roots: []string{"a"},
		},
		{
			name: "behind a deadlock", locks: "/a A.w1 B.w2\n/b A.w3 C.w6\n/c C.w4 A.w5", found: 1,
			chains: []string{"b hard a /a"}, roots: []string{"a"}, cycles: []string{"a hard c /c, c hard a /b"}, remedy: Target{Lease: 0xc}, findings: []string{"deadlock /c"},
		},
		{
			name: "inside", locks: "/a A.w1 B.w3\n/b D.w2 C.w4</a/write/1", found: 1,
			chains: []string{"b hard a /a, a inside c /b, c hard d /b"}, roots: []string{"d"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := Locks(locktest.Snapshot(t, tt.locks), nil, Thresholds{}, locktest.Epoch).About("/a")
			var chains, roots, cycles, findings []string
			for _, chain := range a.Chains {
				chains = append(chains, linked(chain))
			}
			for _, root := range a.Roots {
				roots = append(roots, root.Session.Who())
			}
			for _, cycle := range a.Cycles {
				cycles = append(cycles, linked(cycle))
			}
			for _, f := range a.Findings {
				findings = append(findings, string(f.Kind)+" "+f.Locks[0].Name)
			}
			if tt.remedy != (Target{}) && a.Remedies[0].Target != tt.remedy {
				t.Errorf("first remedy %+v, want %+v", a.Remedies[0].Target, tt.remedy)
			}
			if len(a.Locks) != tt.found || !slices.Equal(chains, tt.chains) || !slices.Equal(roots, tt.roots) ||
				!slices.Equal(cycles, tt.cycles) || !slices.Equal(findings, tt.findings) {
				t.Errorf("%d locks, chains %q, roots %q, cycles %q, findings %q", len(a.Locks), chains, roots, cycles, findings)
			}
		})
	}
}

// TestDiagnoseRealClients: two mutexes of etcd's own wait for each other until
// the first remedy is carried out.
func TestDiagnoseRealClients(t *testing.T) {
	client := etcdtest.Client(t, etcdtest.Start(t))
	locked := make(chan error, 2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first, second := etcdtest.Session(t, client, 60), etcdtest.Session(t, client, 60)
	for name, session := range map[string]*concurrency.Session{"/a": first, "/b": second} {
		if err := concurrency.NewMutex(session, name).Lock(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for name, session := range map[string]*concurrency.Session{"/b": first, "/a": second} {
		go func() { locked <- concurrency.NewMutex(session, name).Lock(ctx) }()
	}
	s := inspect.NewSource(client)
	diagnose := func() Diagnosis {
		snap, err := s.Snapshot(ctx, "/")
		if err != nil {
			t.Fatal(err)
		}
		var ids []int64
		for _, r := range locktest.Requests(snap, func(inspect.Request) bool { return true }) {
			ids = append(ids, r.Lease)
		}
		leases, err := s.Leases(ctx, ids, inspect.Snapshot{})
		if err != nil {
			t.Fatal(err)
		}
		return Locks(snap, leases, Thresholds{}, time.Now())
	}
	etcdtest.Eventually(t, "a deadlock", func() bool { return len(diagnose().Cycles) == 1 })
	f := diagnose().Findings[0]
	if f.Kind != Deadlock || len(f.Remedies) != 2 {
		t.Fatalf("finding %+v", f)
	}
	if _, err := client.Revoke(ctx, clientv3.LeaseID(f.Remedies[0].Target.Lease)); err != nil {
		t.Fatal(err)
	}
	if err := <-locked; err != nil {
		t.Fatal(err)
	}
	if findings := diagnose().Findings; len(findings) != 0 {
		t.Errorf("afterwards: %s", data(findings))
	}
	cancel()
	<-locked // the other one does not notice the end of its session while it waits
}
