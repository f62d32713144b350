// Package bench compares rwlock with what etcd's client brings, and inspecting
// locks with reading keys: its tests are the benchmark. All contenders run
// against one etcd process, in turns, so that their ratios hold when the
// machine's speed does not.
//
//	go test -count=1 -timeout 30m -v -run 'TestComparison|TestInspection' ./internal/bench -compare
package bench
