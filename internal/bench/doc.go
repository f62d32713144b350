// Package bench holds benchmarks, written as tests. They compare rwlock with the
// locks of etcd's client, reading all locks with reading their keys, and the
// terminal UI with a minimal program of the same toolkit. All contenders take
// turns against one etcd process, so that their ratios hold even when the
// machine's speed varies.
//
//	go test -count=1 -timeout 60m -v -run 'TestComparison|TestInspection|TestRecording|TestLongQueue|TestScreens' ./internal/bench -compare
package bench
