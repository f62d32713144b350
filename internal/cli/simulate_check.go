package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cli/predicting"
	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/format"
	"etcd-lock/internal/order"
	"etcd-lock/rwlock"
	"etcd-lock/simulate/forecast"
	"etcd-lock/simulate/outcome"
	"etcd-lock/simulate/scenario"
)

const simulateCheckLong = `Forecasts a scenario without an etcd: which client is granted which lock when, as if
etcd took no time. A deadlock is shown as its cycle, also where deadlines end it.

Steps that are due at about the same time may happen in any order, so the forecast
is repeated with several orders. Moments that differ between them are marked
"depends", and so is everything after a fault of the cluster or of a network, which
the model knows little about. A time range is that of a lease that expires, or
follows from one.

Exits with 5 when the scenario expects something that cannot happen, and with 2 when
the file is not a valid scenario.

With -o json, one document:
  scenario, seed      its name, and the seed of its random durations
  possible            whether all its expectations can be met
  moments             ordered by time, each:
    at_seconds        since the common start
    earliest_seconds  in all forecasts
    latest_seconds    in all forecasts
    client            absent for faults
    moment            asked, waiting, granted, released, …; fault
    locks             each: name, mode (of an acquisition), weight and permits (of a
                      slot: how many of how many)
    fault             as written in the file
    line              of the file
    depends           true: it may happen at another time, or not at all
  deadlocks           each:
    at_seconds        when the cycle closes
    depends           true: it happens only in certain orders
    ended_by          the client that ends it, with until_seconds and how: deadline,
                      cancelled, lost; absent when no client does
    circle            the cycle; each waits for the next: client, wants (name, mode),
                      other, holds (whether that one holds the lock; otherwise it is
                      ahead in the queue), has
  potential           deadlocks that could happen in other runs, by the order in which
                      clients acquire locks; as for why --potential
  impossible          expectations that cannot be met
  depends             expectations that may or may not be met`

// simulateCheckOptions are the options of simulate check.
type simulateCheckOptions struct {
	scenario string // name or file
	seed     uint64 // 0: that of the scenario
	out      output.Printer
}

func newSimulateCheckCmd(a *app, runF func(context.Context, *simulateCheckOptions) error) *cobra.Command {
	if runF == nil {
		runF = simulateCheck
	}
	opts := &simulateCheckOptions{}
	cmd := &cobra.Command{
		Annotations:       map[string]string{offline: ""},
		Use:               "check NAME|FILE",
		Short:             "Forecast a scenario without an etcd",
		Long:              simulateCheckLong,
		Example:           "  etcd-lock simulate check deadlock-over-two-names",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeScenarios,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.scenario, opts.out = args[0], a.printer()
			return runResult(runF(cmd.Context(), opts))
		},
	}
	cmd.Flags().Uint64Var(&opts.seed, "seed", 0, "random seed `N`, instead of that of the scenario")
	return cmd
}

func simulateCheck(ctx context.Context, opts *simulateCheckOptions) error {
	sc, err := openScenario(ctx, opts.scenario)
	if err != nil {
		return err
	}
	f := forecast.Make(sc, forecast.Options{Seed: opts.seed})
	if opts.out.Format == output.JSON {
		err = opts.out.Document(newForecastDoc(sc, f))
	} else {
		err = printForecast(opts.out, sc, f)
	}
	if err != nil {
		return err
	}
	return f.Err()
}

func printForecast(out output.Printer, sc *scenario.Scenario, f forecast.Forecast) error {
	var rows [][]output.Cell
	for _, m := range f.Events {
		rows = append(rows, foreseenRow(m))
	}
	if err := out.Table([]string{"AT", "CLIENT", "MOMENT", "LOCK", "CERTAIN"}, rows); err != nil {
		return err
	}
	for _, d := range f.Deadlocks {
		text := d.String()
		if d.Depends {
			text = "it depends: " + text
		}
		if err := out.Sentences("", output.Cell{Text: clock(d.At), Tone: output.Critical}, text); err != nil {
			return err
		}
	}
	for _, fail := range f.Depends {
		if err := out.Sentences("", output.Cell{Text: "depends", Tone: output.Warning}, fail.String()); err != nil {
			return err
		}
	}
	for _, p := range foreseenPotentials(sc, f) {
		if err := predicting.Write(out, cmdline.Flags{}, p); err != nil {
			return err
		}
	}
	return nil
}

// foreseenPotentials returns the deadlocks that could happen in other runs.
func foreseenPotentials(sc *scenario.Scenario, f forecast.Forecast) []order.Potential {
	return predicting.Scenario(sc, each(f.Events, func(e forecast.Event) outcome.Event {
		e.Token = 0 // it is not one of an etcd
		return e.Event
	}))
}

// foreseenRow returns the table row of a moment.
func foreseenRow(m forecast.Event) []output.Cell {
	var locks []string
	for _, l := range m.Locks {
		locks = append(locks, l.Name)
	}
	at := clock(m.At)
	if m.Spread() {
		at = clock(m.Earliest) + " to " + clock(m.Latest)
	}
	certain := "yes"
	if m.Depends {
		certain = "depends"
	}
	row := output.Row(at, format.Dash(m.Client), string(m.Moment), format.Dash(strings.Join(locks, " ")), certain)
	if m.Moment == scenario.Faulty {
		row[3].Text = m.Line
	}
	row[2].Tone = momentTone(m.Moment)
	return row
}

func momentTone(m scenario.Moment) output.Tone {
	switch m {
	case scenario.Granted:
		return output.Holding
	case scenario.Waiting:
		return output.Waiting
	case scenario.Deadline, scenario.Cancelled, scenario.Refused, scenario.Faulty:
		return output.Warning
	case scenario.Lost, scenario.Failed, scenario.Fenced:
		return output.Critical
	default:
		return output.Plain
	}
}

// clock returns a time of a scenario, to the millisecond.
func clock(d time.Duration) string { return d.Round(time.Millisecond).String() }

// forecastDoc is what simulate check prints as JSON; simulateCheckLong documents
// it.
type forecastDoc struct {
	Scenario   string                 `json:"scenario"`
	Seed       uint64                 `json:"seed"`
	Possible   bool                   `json:"possible"`
	Moments    []momentDoc            `json:"moments"`
	Deadlocks  []deadlockDoc          `json:"deadlocks"`
	Potential  []predicting.Potential `json:"potential"`
	Impossible []string               `json:"impossible"`
	Depends    []string               `json:"depends"`
}

type momentDoc struct {
	At       float64   `json:"at_seconds"`
	Earliest float64   `json:"earliest_seconds"`
	Latest   float64   `json:"latest_seconds"`
	Client   string    `json:"client,omitempty"`
	Moment   string    `json:"moment"`
	Locks    []wantDoc `json:"locks,omitempty"`
	Fault    string    `json:"fault,omitempty"`
	Line     int       `json:"line,omitempty"`
	Depends  bool      `json:"depends"`
}

type wantDoc struct {
	Name    string `json:"name"`
	Mode    string `json:"mode,omitempty"`
	Weight  int    `json:"weight,omitempty"`
	Permits int    `json:"permits,omitempty"`
}

type deadlockDoc struct {
	At      float64     `json:"at_seconds"`
	Depends bool        `json:"depends"`
	EndedBy string      `json:"ended_by,omitempty"`
	Until   float64     `json:"until_seconds,omitempty"`
	How     string      `json:"how,omitempty"`
	Circle  []circleDoc `json:"circle"`
}

type circleDoc struct {
	Client string  `json:"client"`
	Wants  wantDoc `json:"wants"`
	Other  string  `json:"other"`
	Has    wantDoc `json:"has"`
	Holds  bool    `json:"holds"`
}

func newForecastDoc(sc *scenario.Scenario, f forecast.Forecast) forecastDoc {
	doc := forecastDoc{
		Scenario:   f.Scenario,
		Seed:       f.Seed,
		Possible:   f.Err() == nil,
		Moments:    []momentDoc{},
		Deadlocks:  []deadlockDoc{},
		Potential:  predicting.Documents(cmdline.Flags{}, foreseenPotentials(sc, f)),
		Impossible: outcome.Texts(f.Failures),
		Depends:    outcome.Texts(f.Depends),
	}
	for _, m := range f.Events {
		doc.Moments = append(doc.Moments, newMomentDoc(m))
	}
	for _, d := range f.Deadlocks {
		doc.Deadlocks = append(doc.Deadlocks, newDeadlockDoc(d))
	}
	return doc
}

func newMomentDoc(m forecast.Event) momentDoc {
	doc := momentDoc{
		At: m.At.Seconds(), Earliest: m.Earliest.Seconds(), Latest: m.Latest.Seconds(),
		Client: m.Client, Moment: string(m.Moment), Line: m.Place.Line, Depends: m.Depends,
	}
	for _, l := range m.Locks {
		doc.Locks = append(doc.Locks, newWantDoc(l))
	}
	if m.Moment == scenario.Faulty {
		doc.Fault = m.Line
	}
	return doc
}

func newDeadlockDoc(d forecast.Deadlock) deadlockDoc {
	doc := deadlockDoc{At: d.At.Seconds(), Depends: d.Depends, EndedBy: d.By, Until: d.Until.Seconds(), How: string(d.How)}
	for _, l := range d.Cycle {
		doc.Circle = append(doc.Circle, circleDoc{
			Client: l.Client, Wants: newWantDoc(l.Wants), Other: l.Other, Has: newWantDoc(l.Has), Holds: l.Holding,
		})
	}
	return doc
}

func newWantDoc(w rwlock.LockRequest) wantDoc {
	doc := wantDoc{Name: w.Name, Weight: w.Weight, Permits: w.Permits}
	if w.Mode != 0 {
		doc.Mode = w.Mode.String()
	}
	return doc
}
