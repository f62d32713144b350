package rwlock

import (
	"slices"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
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

// A key that is there again, as after a restore, is not the one of the request.
func TestKeyOfAnother(t *testing.T) {
	e := &entry{key: "/a/write/1", rev: 5}
	for revision, want := range map[int64]bool{0: false, 4: false, 5: true, 6: false} {
		found := &etcdserverpb.RangeResponse{}
		if revision > 0 {
			found.Kvs = []*mvccpb.KeyValue{{Key: []byte(e.key), CreateRevision: revision}}
		}
		reply := &etcdserverpb.ResponseOp{Response: &etcdserverpb.ResponseOp_ResponseRange{ResponseRange: found}}
		if got := e.isIn(reply); got != want {
			t.Errorf("created at %d: %t, want %t", revision, got, want)
		}
	}
}
