// Package simulate runs scenarios of contention: clients that take and release
// read/write locks by a script, faults of the etcd under them, and checks of
// what came of it.
//
// A scenario is data, usually a YAML file. docs/scenarios.md is the guide to the
// format and says what is checked of every run. Package scenario reads and writes
// files and has those that come along, Run runs one:
//
//	sc, err := scenario.Parse(file, data)
//	if err != nil {
//		return err // file:line:column: what was expected there
//	}
//	result, err := simulate.Run(ctx, etcd, sc, simulate.Options{Log: print})
//	if err != nil {
//		return err // it could not be run
//	}
//	return result.Err() // it was not as it had to be
//
// A Clock pauses a run, lets it go on step by step, and changes its speed. Draw
// makes lanes of a run's events.
//
// The other packages:
//   - outcome: what came of a run, as values, checked against what the scenario
//     expects. A grant always comes after the releases that made way for it.
//   - forecast: what must come of a scenario, without an etcd.
//   - record: a scenario made of what a watch of an etcd has seen.
//   - load: locks under load, those of package rwlock or etcd's own, measured.
//   - verify: whether locks were locks, by what clients saw and what etcd did.
package simulate
