package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"etcd-lock/simulate"
)

func newSimulateCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run scenarios of contention, and put locks under load",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("simulate needs a command: run, check, record, list or load")
		},
	}
	cmd.AddCommand(newSimulateRunCmd(a, nil), newSimulateCheckCmd(a, nil), newSimulateRecordCmd(a, nil), newSimulateListCmd(a), newSimulateLoadCmd(a, nil))
	return cmd
}

const simulateRunLong = `Runs a scenario and prints its log as it happens. The scenario is a built-in one
(see "etcd-lock simulate list") or a YAML file. Exits with 5 when what it expects
does not come true.

With -o json, one document when the scenario is over:
  scenario            its name
  passed              whether all that it expects came true
  lines               its log: at_seconds since the start, client, text
  failures            what was not as expected`

// simulateRunOptions are what simulate run was asked for.
type simulateRunOptions struct {
	scenario string // name or file
	readOnly bool
	connect  func(context.Context) (*remote, error)
	out      printer
}

func newSimulateRunCmd(a *app, runF func(context.Context, *simulateRunOptions) error) *cobra.Command {
	if runF == nil {
		runF = simulateRun
	}
	return &cobra.Command{
		Use:               "run NAME|FILE",
		Short:             "Run a scenario, by name or from a file",
		Long:              simulateRunLong,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeScenarios,
		RunE: func(cmd *cobra.Command, args []string) error {
			return ran(runF(cmd.Context(), &simulateRunOptions{
				scenario: args[0], readOnly: a.readOnly, connect: a.connect, out: a.printer(),
			}))
		},
	}
}

func simulateRun(ctx context.Context, opts *simulateRunOptions) error {
	sc, err := loadScenario(opts.scenario)
	if err != nil {
		return usageError{err}
	}
	if opts.readOnly {
		return usagef("simulate run takes locks: not with --read-only")
	}
	c, err := opts.connect(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	result, err := simulate.Run(ctx, c.etcd, sc, simulate.Options{Log: func(e simulate.Event) {
		if opts.out.format == formatJSON || e.Line == "" {
			return
		}
		if err := opts.out.line(cell{text: e.Line}); err != nil {
			stop(err) // nobody reads on
		}
	}})
	if err != nil {
		return cause(ctx, err)
	}
	if opts.out.format == formatJSON {
		if err := opts.out.document(newRunDoc(result)); err != nil {
			return err
		}
	}
	return result.Err()
}

// cause is why ctx ended, when that is more than that it did.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil && !errors.Is(why, context.Canceled) {
		return why
	}
	return err
}

// loadScenario finds a built-in scenario, else reads a file.
func loadScenario(name string) (*simulate.Scenario, error) {
	sc, err := simulate.Find(name)
	if err == nil {
		return sc, nil
	}
	data, err := os.ReadFile(name)
	switch {
	case err == nil:
		return simulate.Parse(name, data)
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("unknown scenario %q: neither a file nor one of %s", name, strings.Join(builtinNames(), ", "))
	default:
		return nil, err
	}
}

func builtinNames() []string {
	var names []string
	for _, sc := range simulate.Builtin() {
		names = append(names, sc.Name)
	}
	return names
}

// completeScenarios offers built-in scenarios, and leaves files to the shell.
func completeScenarios(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return builtinNames(), cobra.ShellCompDirectiveDefault
}

// runDoc is what simulate run prints as JSON; simulateRunLong documents it.
type runDoc struct {
	Scenario string    `json:"scenario"`
	Passed   bool      `json:"passed"`
	Lines    []runLine `json:"lines"`
	Failures []string  `json:"failures"`
}

type runLine struct {
	At     float64 `json:"at_seconds"`
	Client string  `json:"client,omitempty"`
	Text   string  `json:"text"`
}

func newRunDoc(r simulate.Result) runDoc {
	doc := runDoc{Scenario: r.Scenario, Passed: r.Err() == nil, Failures: []string{}}
	for _, f := range r.Failures {
		doc.Failures = append(doc.Failures, f.String())
	}
	for _, e := range r.Lines() {
		doc.Lines = append(doc.Lines, runLine{At: e.At.Seconds(), Client: e.Client, Text: e.Line})
	}
	return doc
}

func newSimulateListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the built-in scenarios",
		Long:  "Lists the built-in scenarios.\n\nWith -o json, a list of: name, about, clients (their number).",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return ran(simulateList(a.printer()))
		},
	}
}

type listedScenario struct {
	Name    string `json:"name"`
	About   string `json:"about"`
	Clients int    `json:"clients"`
}

func simulateList(out printer) error {
	var listed []listedScenario
	var rows [][]cell
	for _, sc := range simulate.Builtin() {
		listed = append(listed, listedScenario{Name: sc.Name, About: sc.About, Clients: len(sc.Clients)})
		rows = append(rows, plainRow(sc.Name, strconv.Itoa(len(sc.Clients)), sc.About))
	}
	if out.format == formatJSON {
		return out.document(listed)
	}
	return out.table([]string{"NAME", "CLIENTS", "ABOUT"}, rows)
}
