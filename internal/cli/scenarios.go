package cli

import (
	"context"

	"etcd-lock/simulate"
	"etcd-lock/tui"
)

// scenarios runs the built-in scenarios for the terminal UI.
type scenarios struct{ etcd simulate.Etcd }

// List returns what can be run on any etcd.
func (scenarios) List() []tui.Scenario {
	var all []tui.Scenario
	for _, sc := range simulate.Builtin() {
		if sc.Cluster == 0 {
			all = append(all, tui.Scenario{Name: sc.Name, About: sc.About})
		}
	}
	return all
}

// Run runs a scenario until it is over. An expectation that fails is an error.
func (s scenarios) Run(ctx context.Context, name string, log func(line string)) error {
	sc, err := simulate.Find(name)
	if err != nil {
		return err
	}
	result, err := simulate.Run(ctx, s.etcd, sc, simulate.Options{Log: func(e simulate.Event) {
		if e.Line != "" {
			log(e.Line)
		}
	}})
	if err != nil {
		return err
	}
	return result.Err()
}
