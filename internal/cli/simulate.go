package cli

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/hint"
	"etcd-lock/simulate/scenario"
)

func newSimulateCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run scenarios of contention, and load tests",
		Args:  noCommand,
		RunE: func(*cobra.Command, []string) error {
			return hint.Add(errors.New("no command given"), "choose run, check, record, list or load")
		},
	}
	cmd.AddCommand(newSimulateRunCmd(a, nil), newSimulateCheckCmd(a, nil), newSimulateRecordCmd(a, nil), newSimulateListCmd(a), newSimulateLoadCmd(a, nil))
	return cmd
}

func builtinNames() []string {
	var names []string
	for _, sc := range scenario.Builtin() {
		names = append(names, sc.Name)
	}
	return names
}

// completeScenarios completes built-in scenarios, and leaves files to the shell.
func completeScenarios(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return builtinNames(), cobra.ShellCompDirectiveDefault
}

const simulateListLong = `Lists the built-in scenarios. Those with faults run in a cluster of their own.

With -o json, a list of:
  name
  clients             number of clients
  cluster             number of members of the cluster that its faults need; 0 when
                      it runs on any etcd
  about               what it shows`

func newSimulateListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Annotations: map[string]string{offline: ""},
		Use:         "list",
		Short:       "List the built-in scenarios",
		Long:        simulateListLong,
		Args:        cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return runResult(simulateList(a.printer()))
		},
	}
}

type listedScenario struct {
	Name    string `json:"name"`
	Clients int    `json:"clients"`
	Cluster int    `json:"cluster"`
	About   string `json:"about"`
}

func simulateList(out output.Printer) error {
	var listed []listedScenario
	var rows [][]output.Cell
	for _, sc := range scenario.Builtin() {
		s := listedScenario{Name: sc.Name, Cluster: sc.Cluster, About: sc.About}
		for _, c := range sc.Clients {
			s.Clients += c.Count
		}
		listed = append(listed, s)
		rows = append(rows, output.Row(s.Name, strconv.Itoa(s.Clients), s.needs(), s.About))
	}
	if out.Format == output.JSON {
		return out.Document(listed)
	}
	return out.Table([]string{"NAME", "CLIENTS", "NEEDS", "ABOUT"}, rows)
}

// needs returns what a scenario runs on.
func (s listedScenario) needs() string {
	if s.Cluster == 0 {
		return "any etcd"
	}
	return fmt.Sprintf("cluster of %d", s.Cluster)
}
