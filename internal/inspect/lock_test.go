package inspect

import (
	"math/rand/v2"
	"strings"
	"testing"

	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
)

// queueOf reads "r1 w2 r3": mode and create revision.
func queueOf(s string) []Request {
	var queue []Request
	for _, f := range strings.Fields(s) {
		r := Request{Key: f, Lock: LockID{Layout: layout.RWLock, Name: "a"}, Mode: keyspace.Read, Revision: int64(f[1] - '0')}
		if f[0] == 'w' {
			r.Mode = keyspace.Write
		}
		queue = append(queue, r)
	}
	return queue
}

func keys(rs []Request) string {
	out := make([]string, 0, len(rs))
	for _, r := range rs {
		out = append(out, r.Key)
	}
	return strings.Join(out, " ")
}

func TestHoldersAndBlockers(t *testing.T) {
	tests := []struct{ queue, holders, lastBlockedBy string }{
		{"r1", "r1", ""},
		{"w1", "w1", ""},
		{"r1 r2 r3", "r1 r2 r3", ""},
		{"r1 w2", "r1", "r1"},
		{"w1 r2 r3", "w1", "w1"},
		{"r1 r2 w3 r4", "r1 r2", "w3"},
		{"r1 w2 r3 w4", "r1", "r1 w2 r3"},
		{"w1 w2 w3", "w1", "w1 w2"},
		{"w1 r1", "w1 r1", ""}, // one transaction: a writer that also reads
	}
	for _, tt := range tests {
		t.Run(tt.queue, func(t *testing.T) {
			queue := queueOf(tt.queue)
			rand.New(rand.NewPCG(1, 2)).Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
			lock := NewLock(LockID{}, queue)
			var holders []Request
			for _, r := range lock.Queue {
				if r.Holding {
					holders = append(holders, r)
				}
			}
			want := queueOf(tt.holders)
			if len(holders) != len(want) {
				t.Errorf("holders = %s, want %s", keys(holders), tt.holders)
			}
			for i, r := range lock.Queue {
				if r.Holding != (len(lock.Blockers(i)) == 0) {
					t.Errorf("%s: Holding = %v with blockers %s", r.Key, r.Holding, keys(lock.Blockers(i)))
				}
			}
			if got := keys(lock.Blockers(len(queue) - 1)); got != tt.lastBlockedBy {
				t.Errorf("last is blocked by %q, want %q", got, tt.lastBlockedBy)
			}
		})
	}
}
