package export

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/locktest"
	"etcd-lock/internal/patrol"
)

var update = flag.Bool("update", false, "write the golden files and the table of docs/monitoring.md anew")

func TestMain(m *testing.M) { etcdtest.Main(m) }

// newTestState returns a state whose time is locktest.Epoch.
func newTestState(t *testing.T, most int, patterns ...string) *state {
	t.Helper()
	c, err := newClasses(patterns, most)
	if err != nil {
		t.Fatal(err)
	}
	return newState(c, time.Minute, func() time.Time { return locktest.Epoch }, errNotConnected)
}

// see has a state take in locks and what is wrong with them.
func (s *state) see(t *testing.T, locks string, leases map[int64]inspect.Lease) {
	t.Helper()
	now := s.now()
	snapshot := locktest.Snapshot(t, locks)
	s.Update(inspect.Update{Snapshot: snapshot})
	s.Round(patrol.Round{
		Began: now, Revision: snapshot.Revision, Snapshot: snapshot, Took: 3 * time.Millisecond,
		Findings: diagnose.Locks(snapshot, leases, diagnose.Thresholds{}, now).Findings,
	})
}

// scrape returns the metrics of this program, as Prometheus gets them.
func (s *state) scrape(t *testing.T) string {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(s); err != nil {
		t.Fatal(err)
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

// TestScrapes pins what Prometheus gets. The rules and the dashboard of docs/prometheus are
// checked with these files.
func TestScrapes(t *testing.T) {
	trouble := "/orders/1 A.w1 B.w4@20m\n/orders/2 B.w2 A.r3@15m\n/jobs/nightly C.w5@2h+90m D.w6@40m\n/free E.r7+1s"
	scrapes := map[string]func(*testing.T, *state){
		"start": func(*testing.T, *state) {},
		"calm": func(t *testing.T, s *state) {
			t.Helper()
			s.see(t, "/jobs/nightly C.w5+5s\n/orders/1 A.r1+1s B.r2+2s", nil)
		},
		"trouble": func(t *testing.T, s *state) {
			t.Helper()
			s.see(t, trouble, map[int64]inspect.Lease{0xc: {State: inspect.LeaseMissing}})
			s.wait.WithLabelValues("/orders/*").Observe(3)
			s.hold.WithLabelValues("/jobs/nightly").Observe(700)
		},
		"mended": func(t *testing.T, s *state) {
			t.Helper()
			s.see(t, trouble, nil)
			s.see(t, "/orders/1 A.w1+1s", nil)
		},
		"away": func(t *testing.T, s *state) {
			t.Helper()
			s.see(t, trouble, nil)
			s.Update(inspect.Update{Err: errors.New("etcd does not answer")})
			s.contact = s.contact.Add(-2 * time.Minute)
		},
		"behind": func(t *testing.T, s *state) {
			t.Helper()
			s.see(t, "/jobs/nightly C.w5+5s", nil)
			s.Round(patrol.Round{Began: locktest.Epoch.Add(-5 * time.Minute), Revision: 500, Unknown: []string{"remaining TTLs of leases: …"}})
			s.Update(inspect.Update{Snapshot: s.last, Missed: 7, Resynced: inspect.Resync{Cause: inspect.ResyncCompacted}})
		},
	}
	for name, prepare := range scrapes {
		t.Run(name, func(t *testing.T) {
			s := newTestState(t, 100)
			prepare(t, s)
			golden(t, name+".prom", s.scrape(t))
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// TestDocs wants docs/monitoring.md to list every metric as it is.
func TestDocs(t *testing.T) {
	const file, begin, end = "../../../docs/monitoring.md", "<!-- metrics -->\n", "<!-- end of metrics -->\n"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no table of metrics", file)
	}
	var b strings.Builder
	b.WriteString("| metric | type | labels | |\n|---|---|---|---|\n")
	for _, m := range metrics() {
		labels := ""
		for i, l := range m.labels {
			labels += []string{"", ", "}[min(i, 1)] + "`" + l + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, m.kind, labels, m.help)
	}
	got := before + begin + b.String() + end + after
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != string(page) {
		t.Errorf("%s is not what the code says: run this test with -update", file)
	}
}

// Every metric is described, and what is counted without being known has no series.
func TestUnknown(t *testing.T) {
	s := newTestState(t, 100)
	lease := layout.Builtin().Rule("kubernetes-lease")
	if lease == nil || lease.Waiters {
		t.Fatal("want a layout whose waiting clients leave no key")
	}
	id := inspect.LockID{Layout: lease, Name: "/x"}
	holds := inspect.Request{Key: "/x", Lock: id, Mode: keyspace.Write, Revision: 3, Term: &layout.Term{Holder: "a"}}
	secret := inspect.Request{Key: "/y", Lock: inspect.LockID{Layout: lease, Name: "/y"}, Mode: keyspace.Write, Revision: 4, Encrypted: true}
	s.Update(inspect.Update{Snapshot: inspect.Snapshot{Revision: 9, Locks: []inspect.Lock{inspect.NewLock(id, []inspect.Request{holds})}}})
	text := s.scrape(t)
	if strings.Contains(text, "etcd_lock_waiters") || strings.Contains(text, "etcd_lock_longest_wait") || strings.Contains(text, "etcd_lock_findings") {
		t.Errorf("what is not known has a value:\n%s", text)
	}
	if !strings.Contains(text, `etcd_lock_holders{layout="kubernetes-lease",mode="write"} 1`) {
		t.Errorf("no holder:\n%s", text)
	}
	s.Update(inspect.Update{Snapshot: inspect.Snapshot{Revision: 10, Locks: []inspect.Lock{
		inspect.NewLock(id, []inspect.Request{holds}), inspect.NewLock(secret.Lock, []inspect.Request{secret}),
	}}})
	if text := s.scrape(t); strings.Contains(text, "etcd_lock_holders") {
		t.Errorf("a value that cannot be read counts as known:\n%s", text)
	}
}

// A wait begins with the request and ends with the grant; a hold ends with the key.
func TestHistograms(t *testing.T) {
	s := newTestState(t, 100)
	base := locktest.Snapshot(t, "/orders/7 A.w1+1m B.w2+10s C.w3?5s")
	queue := base.Locks[0].Queue
	s.Update(inspect.Update{Snapshot: base})
	at := func(r inspect.Request, kind inspect.EventKind, revision int64, after time.Duration) inspect.Event {
		return inspect.Event{Kind: kind, Request: r, Revision: revision, Time: locktest.Epoch.Add(after)}
	}
	next := queue[1]
	next.Holding, next.Seen = true, locktest.Epoch
	late := at(queue[0], inspect.EventReleased, 100, 0)
	late.Time = time.Time{} // nobody saw when
	fresh := queue[1]
	fresh.Key, fresh.Revision = "/orders/7/write/9", 104
	base.Revision = 104
	s.Update(inspect.Update{Snapshot: base, Events: []inspect.Event{
		late,
		at(queue[0], inspect.EventReleased, 101, 0),           // held for a minute
		at(next, inspect.EventGranted, 101, 0),                // waited for 10 s
		at(next, inspect.EventExpired, 102, 3*time.Second),    // held for 3 s
		at(queue[2], inspect.EventGranted, 103, time.Second),  // it waited already when the watch began
		at(fresh, inspect.EventGranted, 104, 2*time.Second),   // at once
		at(queue[2], inspect.EventDetached, 104, time.Second), // it may hold on
	}})
	text := s.scrape(t)
	for _, want := range []string{
		`etcd_lock_wait_seconds_sum{class="/orders/*"} 10`, `etcd_lock_wait_seconds_count{class="/orders/*"} 2`,
		`etcd_lock_hold_seconds_sum{class="/orders/*"} 63`, `etcd_lock_hold_seconds_count{class="/orders/*"} 2`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if len(s.waiting) != 0 {
		t.Errorf("still waiting: %v", s.waiting)
	}
}

// However many locks there are and whatever they are called, there is a bounded number of
// series with bounded labels.
func TestBounds(t *testing.T) {
	s := newTestState(t, 5, "/tenants/*/**")
	for i := range 1000 {
		s.classes.of(fmt.Sprintf("/team-%s/lock", strings.Repeat("x", i)))
	}
	if got := s.classes.of("/tenants/a/b/c"); got != "/tenants/*/**" {
		t.Errorf("a pattern has lost its place: %s", got)
	}
	if known, folded := s.classes.counts(); known != 5 || folded != 996 {
		t.Errorf("%d classes, %d folded", known, folded)
	}
	for _, name := range []string{"\xff\xfe", strings.Repeat("é", 500), strings.Repeat("\xffa", 500), strings.Repeat("a", maxLabel), "\x00\n\"", strings.Repeat("日", 41)} {
		if got := label(name); len(got) > maxLabel || !utf8.ValidString(got) {
			t.Errorf("label of %q: %q", name, got)
		}
	}
	s.see(t, "\xff\n/"+strings.Repeat("\xfe", 5000)+" A.w1+1s", nil)
	s.scrape(t)
}

func TestHealth(t *testing.T) {
	s := newTestState(t, 5)
	now := locktest.Epoch
	s.now = func() time.Time { return now }
	get := func() string {
		w := httptest.NewRecorder()
		s.handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", http.NoBody))
		return fmt.Sprintf("%d %s", w.Code, strings.TrimSpace(w.Body.String()))
	}
	check := func(want string) {
		t.Helper()
		if got := get(); got != want {
			t.Errorf("%s; want %s", got, want)
		}
	}
	check("503 not connected to etcd yet")
	s.see(t, "/a A.w1", nil)
	check("200 ok")
	s.Update(inspect.Update{Err: errors.New("gone\x1b[2J")})
	now = now.Add(10 * time.Second)
	check("200 ok, but etcd has not answered for 10s")
	now = now.Add(time.Minute)
	check(`503 etcd has not answered for 1m10s: gone\x1b[2J`)
	s.see(t, "/a A.w1", nil)
	check("200 ok")
}
