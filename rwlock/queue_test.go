package rwlock

import (
	"slices"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

func TestPredecessorsAreEarlierRequestsForTheNameItself(t *testing.T) {
	kvs := []*mvccpb.KeyValue{
		{Key: []byte("/a/read/2"), CreateRevision: 4},
		{Key: []byte("/a/write/1"), CreateRevision: 3},
		{Key: []byte("/a/write/9"), CreateRevision: 9},        // later
		{Key: []byte("/a/write/8"), CreateRevision: 5},        // of the same transaction
		{Key: []byte("/a/write/x/read/1"), CreateRevision: 1}, // of /a/write/x
		{Key: []byte("/a/write/read/1"), CreateRevision: 1},   // of /a/write
		{Key: []byte("/a/write/"), CreateRevision: 1},         // no id
		{Key: []byte("/a/write/x/y"), CreateRevision: 1},      // no request at all
		{Key: []byte("/a/read/old-clients-id"), CreateRevision: 2, Version: 7},
	}
	want := []keyRev{{"/a/read/old-clients-id", 2}, {"/a/write/1", 3}, {"/a/read/2", 4}}
	if got := predecessors(kvs, "/a", 5); !slices.Equal(got, want) {
		t.Errorf("predecessors = %v, want %v", got, want)
	}
}

func TestWatchPlan(t *testing.T) {
	r := func(id string, rev int64) keyRev { return keyRev{key: "/a/read/" + id, rev: rev} }
	w := func(id string, rev int64) keyRev { return keyRev{key: "/a/write/" + id, rev: rev} }
	tests := []struct {
		name    string
		now     queueState
		ownKey  string
		watched int
		first   string
		last    string
		whole   bool
		single  bool
	}{
		{"a writer before a writer", queueState{predecessors: []keyRev{w("1", 1)}, complete: true}, "/a/write/2", 1, "/a/write/1", "/a/write/2", true, false},
		{"a few writers, and the waiter in their middle", queueState{predecessors: []keyRev{w("7", 1), w("3", 2)}, complete: true}, "/a/write/5", 2, "/a/write/3", "/a/write/7", true, true},
		{"the last of many writers", queueState{predecessors: []keyRev{w("1", 1), w("2", 2)}}, "/a/write/4", 1, "/a/write/2", "/a/write/2", false, false},
		{"a writer before a reader", queueState{predecessors: []keyRev{w("1", 1)}, complete: true}, "/a/read/2", 1, "/a/read/2", "/a/write/1", true, false},
		{"a writer before a reader, with a single watch", queueState{predecessors: []keyRev{w("1", 1)}, complete: true}, "/a/read/2", 1, "/a/write/1", "/a/write/1", false, true},
		{"a writer and a reader before a writer", queueState{predecessors: []keyRev{w("1", 1), r("2", 2)}, complete: true}, "/a/write/5", 2, "/a/read/2", "/a/write/5", true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newWatchPlan(tt.now, tt.ownKey, tt.single)
			if len(p.watched) != tt.watched || p.first != tt.first || p.last != tt.last || p.whole != tt.whole {
				t.Errorf("plan = %+v, want %d watched from %s to %s, whole %v", p, tt.watched, tt.first, tt.last, tt.whole)
			}
		})
	}
}
