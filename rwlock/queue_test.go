package rwlock

import (
	"slices"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

func TestBlockersAreEarlierRequestsForTheNameItself(t *testing.T) {
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
	want := []place{{"/a/read/old-clients-id", 2}, {"/a/write/1", 3}, {"/a/read/2", 4}}
	if got := blockers(kvs, "/a", 5); !slices.Equal(got, want) {
		t.Errorf("blockers = %v, want %v", got, want)
	}
}

func TestPlan(t *testing.T) {
	r := func(id string, rev int64) place { return place{key: "/a/read/" + id, rev: rev} }
	w := func(id string, rev int64) place { return place{key: "/a/write/" + id, rev: rev} }
	tests := []struct {
		name    string
		now     standing
		mine    string
		watched int
		first   string
		last    string
		proves  bool
		narrow  bool
	}{
		{"a writer before a writer", standing{ahead: []place{w("1", 1)}, all: true}, "/a/write/2", 1, "/a/write/1", "/a/write/2", true, false},
		{"a few writers, and the waiter in their middle", standing{ahead: []place{w("7", 1), w("3", 2)}, all: true}, "/a/write/5", 2, "/a/write/3", "/a/write/7", true, true},
		{"the last of many writers", standing{ahead: []place{w("1", 1), w("2", 2)}}, "/a/write/4", 1, "/a/write/2", "/a/write/2", false, false},
		{"a writer before a reader", standing{ahead: []place{w("1", 1)}, all: true}, "/a/read/2", 1, "/a/read/2", "/a/write/1", true, false},
		{"a writer before a reader, narrowly", standing{ahead: []place{w("1", 1)}, all: true}, "/a/read/2", 1, "/a/write/1", "/a/write/1", false, true},
		{"a writer and a reader before a writer", standing{ahead: []place{w("1", 1), r("2", 2)}, all: true}, "/a/write/5", 2, "/a/read/2", "/a/write/5", true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlan(tt.now, tt.mine, tt.narrow)
			if len(p.watched) != tt.watched || p.first != tt.first || p.last != tt.last || p.proves != tt.proves {
				t.Errorf("plan = %+v, want %d watched from %s to %s, proves %v", p, tt.watched, tt.first, tt.last, tt.proves)
			}
		})
	}
}
