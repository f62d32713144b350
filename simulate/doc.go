// Package simulate runs scenarios of contention: clients that take and release
// read/write locks by a script, faults of the etcd under them, and checks of
// what came of it.
//
// A scenario is data, usually a YAML file. docs/scenarios.md is the guide to the
// format and says what is checked of every run; Schema is for editors. Parse
// reads a file, Builtin are those that come along, Run runs one:
//
//	sc, err := simulate.Parse(file, data)
//	if err != nil {
//		return err // file:line:column: what was expected there
//	}
//	result, err := simulate.Run(ctx, etcd, sc, simulate.Options{Log: print})
//	if err != nil {
//		return err // it could not be run
//	}
//	return result.Err() // it was not as it had to be
//
// Model says without an etcd what must come of a scenario. Record makes one of
// what somebody saw who watched an etcd, and Encode writes one.
//
// A Clock pauses a run, lets it go on step by step, and changes its speed.
//
// Result.Checks is what the run had to be, one by one, and Draw makes lanes of its
// events. What happens comes as values, see Event. A grant always comes after the
// releases that made way for it.
//
// RunLoad puts locks under load instead, those of package rwlock or etcd's own,
// and measures them; docs/load.md is the guide to that.
package simulate
