package cli

import (
	"fmt"
	"io"
	"strconv"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/format"
	"etcd-lock/simulate/load"
	"etcd-lock/simulate/scenario"
)

// print prints the results of a load test.
func (opts *simulateLoadOptions) print(r load.Result, judged []load.ThresholdResult, interrupted bool) error {
	if opts.out.Format == output.JSON {
		doc := newLoadDoc(r, judged)
		doc.Prefix, doc.Seed, doc.Interrupted = opts.prefix, opts.load.Seed, interrupted
		return opts.out.Document(doc)
	}
	var rows [][]output.Cell
	for _, m := range r.Measured {
		rows = append(rows, measuredRows(m)...)
	}
	if err := opts.out.Table([]string{"IMPL", "LOCKED", "GRANTS", "RATE", "P50", "P90", "P99", "MAX", "FAIRNESS", "WORST/BEST"}, rows); err != nil {
		return err
	}
	for _, m := range r.Measured {
		for _, remark := range remarks(m) {
			remark.Text = m.Name + ": " + remark.Text
			if err := opts.out.Line(remark); err != nil {
				return err
			}
		}
	}
	return printThresholds(opts.out, judged)
}

// measuredRows returns the rows of all clients, of the readers and of the writers.
func measuredRows(m load.Measured) [][]output.Cell {
	rows := [][]output.Cell{tallyRow(m, "all", m.All)}
	if len(m.Read.PerClient) > 0 && len(m.Write.PerClient) > 0 {
		rows = append(rows, tallyRow(m, "read", m.Read), tallyRow(m, "write", m.Write))
	}
	if len(m.Slot.PerClient) > 0 {
		rows[0][1].Text = "slot"
	}
	return rows
}

func tallyRow(m load.Measured, what string, t load.Tally) []output.Cell {
	row := output.Row(m.Name, what, strconv.FormatInt(t.Grants, 10), fmt.Sprintf("%.1f/s", m.PerSecond(t.Grants)))
	fairness, ok := t.Fairness()
	if !ok {
		return append(row, output.Row("-", "-", "-", "-", "-", "-")...)
	}
	return append(row, output.Row(
		format.Latency(t.Wait(50)), format.Latency(t.Wait(90)), format.Latency(t.Wait(99)), format.Latency(t.MaxWait()),
		fmt.Sprintf("%.3f", fairness), fmt.Sprintf("%d/%d", t.Worst(), t.Best()),
	)...)
}

// remarks returns what the numbers of a workload do not show.
func remarks(m load.Measured) []output.Cell {
	var all []output.Cell
	add := func(t output.Tone, text string, args ...any) {
		all = append(all, output.Cell{Text: fmt.Sprintf(text, args...), Tone: t})
	}
	if scenario.Impl(m.Name).Exclusive() && len(m.Read.PerClient) > 0 {
		add(output.Plain, "has no read mode: readers ran exclusively")
	}
	if m.All.Longest > m.All.MaxWait() {
		add(output.Plain, "%s still waiting at the end, the longest for %s", format.Count(m.All.Unfinished, "was", "were"), format.Latency(m.All.Longest))
	}
	if m.All.Errors() > 0 {
		add(output.Warning, "%s: %s, %d lost, %d failed", format.Count(m.All.Errors(), "error", "errors"), format.Count(m.All.Timeouts, "timeout", "timeouts"), m.All.Lost, m.All.Failed)
	}
	if m.FirstError != nil {
		add(output.Warning, "first error: %v", m.FirstError)
	}
	if m.Fenced > 0 {
		add(output.Warning, "%s that only a token kept out", format.Count(m.Fenced, "late holder", "late holders"))
	}
	for _, v := range m.Violations {
		add(output.Critical, "%s", v)
	}
	return all
}

// printThresholds prints the results of the thresholds.
func printThresholds(out output.Printer, judged []load.ThresholdResult) error {
	if len(judged) == 0 {
		return nil
	}
	var rows [][]output.Cell
	for _, j := range judged {
		verdict := output.Cell{Text: "passed", Tone: output.Holding}
		if !j.Passed {
			verdict = output.Cell{Text: "failed", Tone: output.Critical}
		}
		rows = append(rows, append(output.Row(j.Text, j.Measured, j.Value), verdict))
	}
	if _, err := io.WriteString(out, "\n"); err != nil {
		return err
	}
	return out.Table([]string{"EXPECT", "IMPL", "MEASURED", "VERDICT"}, rows)
}

// loadDoc is what simulate load prints as JSON; simulateLoadLong documents it.
type loadDoc struct {
	Prefix       string           `json:"prefix"`
	Seed         uint64           `json:"seed"`
	Interrupted  bool             `json:"interrupted"`
	Passed       bool             `json:"passed"`
	Results      []measuredDoc    `json:"results"`
	Expectations []expectationDoc `json:"expectations"`
}

type measuredDoc struct {
	Impl       string      `json:"impl"`
	Exclusive  bool        `json:"exclusive"`
	Seconds    float64     `json:"seconds"`
	Fenced     int         `json:"fenced"`
	Violations int         `json:"violations"`
	Told       []string    `json:"told"`
	FirstError string      `json:"first_error,omitempty"`
	All        tallyDoc    `json:"all"`
	Read       tallyDoc    `json:"read"`
	Write      tallyDoc    `json:"write"`
	Slot       tallyDoc    `json:"slot"`
	Clients    []clientDoc `json:"clients"`
}

type tallyDoc struct {
	Grants     int64    `json:"grants"`
	PerSecond  float64  `json:"per_second"`
	Wait       *waitDoc `json:"wait_seconds"`
	Fairness   *float64 `json:"fairness"`
	Worst      int64    `json:"worst"`
	Best       int64    `json:"best"`
	Timeouts   int64    `json:"timeouts"`
	Lost       int64    `json:"lost"`
	Failed     int64    `json:"failed"`
	Unfinished int64    `json:"unfinished"`
	Longest    float64  `json:"longest_unfinished_seconds"`
}

type waitDoc struct {
	Min  float64 `json:"min"`
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99_9"`
	Max  float64 `json:"max"`
}

type clientDoc struct {
	Client string `json:"client"`
	Reads  int64  `json:"reads"`
	Writes int64  `json:"writes"`
	Slots  int64  `json:"slots"`
}

type expectationDoc struct {
	Expect string `json:"expect"`
	Impl   string `json:"impl"`
	Value  string `json:"value"`
	Passed bool   `json:"passed"`
}

func newLoadDoc(r load.Result, judged []load.ThresholdResult) loadDoc {
	doc := loadDoc{Passed: r.Err(judged) == nil, Expectations: []expectationDoc{}}
	for _, m := range r.Measured {
		doc.Results = append(doc.Results, newMeasuredDoc(m))
	}
	for _, j := range judged {
		doc.Expectations = append(doc.Expectations, expectationDoc{Expect: j.Text, Impl: j.Measured, Value: j.Value, Passed: j.Passed})
	}
	return doc
}

func newMeasuredDoc(m load.Measured) measuredDoc {
	doc := measuredDoc{
		Impl: m.Name, Exclusive: scenario.Impl(m.Name).Exclusive(), Seconds: m.Elapsed.Seconds(),
		Fenced: m.Fenced, Violations: m.Violated, Told: append([]string{}, m.Violations...),
		All: newTallyDoc(m, m.All), Read: newTallyDoc(m, m.Read), Write: newTallyDoc(m, m.Write), Slot: newTallyDoc(m, m.Slot),
	}
	if m.FirstError != nil {
		doc.FirstError = m.FirstError.Error()
	}
	for _, c := range m.Clients {
		doc.Clients = append(doc.Clients, clientDoc{Client: c.Name, Reads: c.Reads, Writes: c.Writes, Slots: c.Slots})
	}
	return doc
}

func newTallyDoc(m load.Measured, t load.Tally) tallyDoc {
	doc := tallyDoc{
		Grants: t.Grants, PerSecond: m.PerSecond(t.Grants), Worst: t.Worst(), Best: t.Best(),
		Timeouts: t.Timeouts, Lost: t.Lost, Failed: t.Failed,
		Unfinished: t.Unfinished, Longest: t.Longest.Seconds(),
	}
	if fairness, ok := t.Fairness(); ok {
		doc.Fairness = &fairness
	}
	if t.Grants > 0 {
		at := func(percent float64) float64 { return t.Wait(percent).Seconds() }
		doc.Wait = &waitDoc{
			Min: t.MinWait().Seconds(), Mean: t.MeanWait().Seconds(), Max: t.MaxWait().Seconds(),
			P50: at(50), P90: at(90), P95: at(95), P99: at(99), P999: at(99.9),
		}
	}
	return doc
}
