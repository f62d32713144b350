package cli

import (
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
