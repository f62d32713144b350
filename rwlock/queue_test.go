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
		ahead   []place
		mine    string
		watched int
		span    span
		withMe  bool
	}{
		{"one writer before a writer", []place{w("1", 1)}, "/a/write/2", 1, span{"/a/write/1", "/a/write/2"}, true},
		{"one writer before a reader", []place{w("1", 1)}, "/a/read/2", 1, span{"/a/write/1", "/a/write/1"}, false},
		{"many writers: the last to go", []place{w("1", 1), w("2", 2), w("3", 3)}, "/a/write/4", 2, span{"/a/write/2", "/a/write/4"}, true},
		{"ids that do not grow with time", []place{w("7", 1), w("3", 2)}, "/a/write/5", 2, span{"/a/write/3", "/a/write/7"}, true},
		{"readers, then a writer", []place{r("1", 1), r("2", 2), w("3", 3)}, "/a/write/4", 1, span{"/a/write/3", "/a/write/4"}, true},
		{"a writer, then readers", []place{w("1", 1), r("2", 2), r("3", 3), r("4", 4)}, "/a/write/5", 2, span{"/a/read/3", "/a/read/4"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlan(tt.ahead, tt.mine)
			if len(p.watched) != tt.watched || p.span != tt.span || p.mine != tt.withMe {
				t.Errorf("plan = %+v, want %d watched in %v, mine %v", p, tt.watched, tt.span, tt.withMe)
			}
			if both := slices.Concat(p.rest, p.watched); !slices.Equal(both, tt.ahead) {
				t.Errorf("rest and watched are %v, want %v", both, tt.ahead)
			}
		})
	}
}
