// Package simulate runs scenarios of contention on an etcd: clients acquire and
// release read/write locks by a script, faults happen to the etcd under them, and the
// run is checked.
//
// A scenario is data, usually a YAML file. docs/scenarios.md is the guide to the
// format and lists what is checked of every run. Package scenario reads and writes
// files and has the built-in scenarios; Run runs one:
//
//	sc, err := scenario.Parse(file, data)
//	if err != nil {
//		return err // file:line:column: what was expected there
//	}
//	result, err := simulate.Run(ctx, etcd, sc, simulate.Options{Log: print})
//	if err != nil {
//		return err // it could not be run
//	}
//	return result.Err() // an expectation failed, or a lock broke a promise
//
// A Clock pauses a run, steps through it, and changes its speed.
//
// The other packages:
//
//   - outcome: the events, results, checks and picture of a run. A grant always comes
//     after the releases that made way for it.
//   - forecast: what must happen in a scenario, worked out without an etcd.
//   - record: a scenario made from a watch of an etcd.
//   - load: locks under load, of package rwlock or of etcd's client, measured.
//   - verify: whether locks kept their promises, judged from what clients saw and
//     from etcd's history.
package simulate
