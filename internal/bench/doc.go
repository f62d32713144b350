// Package bench compares rwlock with what etcd's client brings, inspecting locks
// with reading keys, and the terminal UI with a program that does next to
// nothing: its tests are the benchmark. All contenders run against one etcd
// process, in turns, so that their ratios hold when the machine's speed does
// not.
//
//	go test -count=1 -timeout 30m -v -run 'TestComparison|TestInspection|TestScreens' ./internal/bench -compare
package bench
