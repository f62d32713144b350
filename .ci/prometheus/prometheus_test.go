// Package prometheus checks docs/prometheus with the code of Prometheus: the alert rules
// are parsed and evaluated on what etcd-lock export serves, and the queries of the
// dashboard are run on it. It is a module of its own because of what Prometheus depends on.
package prometheus

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/util/teststorage"
)

const (
	docs    = "../../docs/prometheus"
	scrapes = "../../internal/cli/export/testdata"
	every   = 15 * time.Second
)

// epoch is the time of the scrapes.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newParser() parser.Parser { return parser.NewParser(parser.Options{}) }

// sample is a series of a scrape with its value.
type sample struct {
	labels labels.Labels
	value  float64
}

// readScrape parses a scrape as Prometheus does, and adds the labels of a target.
func readScrape(t *testing.T, name string) (all []sample) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(scrapes, name+".prom"))
	if err != nil {
		t.Fatal(err)
	}
	p := textparse.NewPromParser(b, labels.NewSymbolTable(), false)
	for {
		switch entry, err := p.Next(); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatalf("%s: %v", name, err)
		case entry != textparse.EntrySeries:
			continue
		}
		var l labels.Labels
		p.Labels(&l)
		_, _, v := p.Series()
		all = append(all, sample{labels.NewBuilder(l).Set("job", "etcd-lock").Set("instance", "a:9378").Labels(), v})
	}
}

// phase is a time in which every scrape is the same; without a name, nothing is scraped.
type phase struct {
	scrape string
	length time.Duration
}

// fill stores the scrapes of phases, as Prometheus does: a series that is not in a scrape
// is stale from then on. It returns when the last phase ends.
func fill(t *testing.T, s *teststorage.TestStorage, phases []phase) time.Time {
	t.Helper()
	now := epoch
	before := map[string]labels.Labels{}
	for _, p := range phases {
		var all []sample
		if p.scrape != "" {
			all = readScrape(t, p.scrape)
		}
		for end := now.Add(p.length); now.Before(end); now = now.Add(every) {
			app := s.Appender(t.Context())
			seen := map[string]labels.Labels{}
			for _, one := range all {
				seen[one.labels.String()] = one.labels
				if _, err := app.Append(0, one.labels, now.UnixMilli(), one.value); err != nil {
					t.Fatal(err)
				}
			}
			for id, l := range before {
				if seen[id].IsEmpty() {
					if _, err := app.Append(0, l, now.UnixMilli(), math.Float64frombits(value.StaleNaN)); err != nil {
						t.Fatal(err)
					}
				}
			}
			before = seen
			if err := app.Commit(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return now
}

func readRules(t *testing.T) *rulefmt.RuleGroups {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(docs, "alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	groups, errs := rulefmt.Parse(b, false, model.UTF8Validation, newParser(), slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatal(errors.Join(errs...))
	}
	return groups
}

// TestAlerts evaluates all rules every 15 seconds, and wants those that fire at the end.
func TestAlerts(t *testing.T) {
	const m = time.Minute
	tests := []struct {
		name   string
		phases []phase
		want   []string
	}{
		{"nothing is wrong", []phase{{"calm", 20 * m}}, nil},
		{"etcd has never answered", []phase{{"start", 5 * m}}, []string{"EtcdLockNoContact"}},
		{"etcd does not answer any more", []phase{{"calm", 5 * m}, {"away", 5 * m}}, []string{"EtcdLockNoContact"}},
		{"for a moment", []phase{{"calm", 5 * m}, {"away", m}, {"calm", m}}, nil},
		{"trouble has just begun", []phase{{"calm", 5 * m}, {"trouble", m / 2}}, nil},
		{"trouble", []phase{{"calm", 5 * m}, {"trouble", 5 * m}}, []string{"EtcdLockCritical lease-missing", "EtcdLockDeadlock", "EtcdLockLongWait /jobs/nightly", "EtcdLockLongWait /orders/*"}},
		{"trouble for long", []phase{{"trouble", 20 * m}}, []string{"EtcdLockCritical lease-missing", "EtcdLockDeadlock", "EtcdLockLongWait /jobs/nightly", "EtcdLockLongWait /orders/*", "EtcdLockWarning long-hold"}},
		{"it is mended", []phase{{"trouble", 10 * m}, {"mended", m}}, nil},
		{"the exporter is behind", []phase{{"calm", 10 * m}, {"behind", 5 * m}}, []string{"EtcdLockBehind", "EtcdLockChangesMissed"}},
		{"the exporter is gone", []phase{{"calm", 10 * m}, {"", 12 * m}}, []string{"EtcdLockExporterGone"}},
		{"the exporter does not diagnose", []phase{{"calm", 40 * m}}, []string{"EtcdLockNotDiagnosed"}},
	}
	fired := map[string]bool{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := teststorage.New(t)
			end := fill(t, s, tt.phases)
			query := rules.EngineQueryFunc(promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery), s)
			var got []string
			for _, group := range readRules(t).Groups {
				for _, r := range group.Rules {
					got = append(got, firing(t, r, query, end)...)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("fires: %q; want %q", got, tt.want)
			}
			for _, a := range got {
				name, _, _ := strings.Cut(a, " ")
				fired[name] = true
			}
		})
	}
	for _, group := range readRules(t).Groups {
		for _, r := range group.Rules {
			if !fired[r.Alert] {
				t.Errorf("%s never fires", r.Alert)
			}
		}
	}
}

// firing evaluates a rule from epoch on, and returns its alerts that fire at the end.
func firing(t *testing.T, r rulefmt.Rule, query rules.QueryFunc, end time.Time) (all []string) {
	t.Helper()
	expr, err := newParser().ParseExpr(r.Expr)
	if err != nil {
		t.Fatal(err)
	}
	alert := rules.NewAlertingRule(r.Alert, expr, time.Duration(r.For), 0, labels.FromMap(r.Labels), labels.FromMap(r.Annotations),
		labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler))
	for now := epoch; now.Before(end); now = now.Add(every) {
		if _, err := alert.Eval(t.Context(), 0, now, query, nil, 0); err != nil {
			t.Fatalf("%s: %v", r.Alert, err)
		}
	}
	for _, a := range alert.ActiveAlerts() {
		if a.State != rules.StateFiring {
			continue
		}
		if text := a.Annotations.Get("summary"); text == "" || strings.Contains(text, "error expanding") || strings.Contains(text, "<no value>") {
			t.Errorf("%s: summary %q", r.Alert, text)
		}
		name := r.Alert
		for _, l := range []string{"kind", "class"} {
			if v := a.Labels.Get(l); v != "" && r.Alert != "EtcdLockDeadlock" {
				name += " " + v
			}
		}
		all = append(all, name)
	}
	return all
}

// TestNames wants rules and dashboard to ask for series that exist.
func TestNames(t *testing.T) {
	known := map[string]bool{"process_cpu_seconds_total": true, "process_resident_memory_bytes": true} // of client_golang
	for _, name := range []string{"start", "calm", "trouble", "mended", "away", "behind"} {
		for _, s := range readScrape(t, name) {
			known[s.labels.Get(model.MetricNameLabel)] = true
		}
	}
	for _, expr := range append(dashboard(t), exprs(t)...) {
		e, err := newParser().ParseExpr(expr)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
			if v, ok := n.(*parser.VectorSelector); ok && !known[v.Name] {
				t.Errorf("%s: there is no metric %s", expr, v.Name)
			}
			return nil
		})
	}
}

// exprs returns the expressions of all rules.
func exprs(t *testing.T) (all []string) {
	t.Helper()
	for _, g := range readRules(t).Groups {
		for _, r := range g.Rules {
			all = append(all, r.Expr)
		}
	}
	return all
}

var labelValues = regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)

// dashboard returns the queries of the dashboard, with its variables filled in.
func dashboard(t *testing.T) (all []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(docs, "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct {
				Type  string
				Query json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	fillIn := strings.NewReplacer("$__rate_interval", "5m", "$job", ".*", "$instance", ".*", "$class", ".*")
	ids := map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d %q: its ID is not unique, or it has no title", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			all = append(all, fillIn.Replace(target.Expr))
		}
	}
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		var q struct{ Query string }
		if err := json.Unmarshal(v.Query, &q); err != nil {
			t.Fatal(err)
		}
		m := labelValues.FindStringSubmatch(fillIn.Replace(q.Query))
		if m == nil {
			t.Fatalf("not a query for label values: %s", q.Query)
		}
		all = append(all, m[1])
	}
	return all
}

// TestDashboard runs the queries of the dashboard on locks in trouble: each has a result.
func TestDashboard(t *testing.T) {
	s := teststorage.New(t)
	end := fill(t, s, []phase{{"trouble", 10 * time.Minute}})
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	for _, expr := range dashboard(t) {
		q, err := engine.NewRangeQuery(t.Context(), s, nil, expr, epoch, end, time.Minute)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		switch result := q.Exec(t.Context()); {
		case result.Err != nil:
			t.Errorf("%s: %v", expr, result.Err)
		case strings.Contains(expr, "process_"):
		case result.String() == "":
			t.Errorf("%s: no result", expr)
		}
		q.Close()
	}
}
